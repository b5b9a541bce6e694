/*
 * client_delivery: hands answers, notices and a first profile to clients that neither subscribe nor ask.
 *
 * The broker that clients in the field were written for subscribed them by itself. This plugin for Mosquitto 2.0 and
 * 2.1 does for them what a subscription would do:
 *
 *     plugin_opt_deliver actions,ses
 *
 * With `actions`, what is published on actions/1/api/<client>, or below it, also goes to the client of that id. With
 * `ses`, what is published on ses/<phone> also goes to the connected clients of that phone. A client that has a subscription
 * for it gets nothing twice. Without the option the plugin does nothing. Other topics are named as in the worker's settings
 * REQUEST_TOPIC, ANSWER_TOPIC and NOTICE_TOPIC: plugin_opt_request_topic, plugin_opt_answer_topic, plugin_opt_notice_topic.
 *
 * Who has subscribed shows in the ACL check that the broker makes for each subscriber when it routes a message, be the
 * subscription new or restored from its database. The plugin keeps a message until the broker has routed it, and then
 * hands it to those who were not asked about.
 *
 * A message at QoS 2 is routed when its publisher releases it, which no plugin is told. So the plugin publishes an empty
 * message at QoS 0 on the same topic, a probe. It refuses the probe to each subscriber, and so learns who they are. What
 * its publisher sends again after a lost connection may be handed over twice: no plugin is told the Packet Identifier.
 *
 * Whose phone a client is, the workers say: each answer {'Profile',Phone,...} to a client names its session's phone. This
 * is kept for clients that are connected and have asked something. A profile that is removed ends it. The answer
 * not_authorized does not: it is also given to who asks for somebody else's profile.
 *
 * Such clients also wait for their profile after they have logged in:
 *
 *     plugin_opt_init api,mobile
 *
 * When a client has logged in with one of these user names, {'Profile',[],...,init} is published in its name, and a
 * worker answers it as it would a `get` of that client. A refused login has no effect.
 *
 * Load it before the plugins that decide, and before phone_login.so, as client_identity.so. Described in mosquitto/README.md.
 */
#define _DEFAULT_SOURCE

#include <search.h>
#include <stdlib.h>

#include "properties.h"
#include "topics.h"

enum {
	PHONE_MIN = 5,
	PHONE_MAX = 15,
	EXPIRY_S = 3600,            /* at most; Mosquitto does not tell plugins the publisher's Message Expiry */
	PROBE_TICKS = 2,            /* The broker routes what a plugin publishes after the tick that follows. */
	TOPIC_MAX = 65535           /* bytes */
};

/* A connected client that has asked something. */
struct client {
	const void *connection;
	struct phone *phone;      /* NULL if it is not known */
	struct client *next;      /* of the same phone */
	unsigned long heard;      /* the last message that it gets by a subscription */
	char id[];
};

struct phone {
	struct client *clients;
	char number[PHONE_MAX + 1];
};

/* A message that the broker routes now, or at QoS 2 later. */
struct message {
	struct message *next; /* at QoS 2 */
	int ticks;            /* at QoS 2, so many since it came */
	unsigned long serial;
	char *topic; /* NULL if there is none */
	char *client; /* for actions/…, the client that it is for; else NULL */
	bool is_heard; /* by that client, by a subscription */
	void *payload;
	uint32_t size;
	int qos;
	mosquitto_property *properties;
};

/* A login that the broker may still refuse. */
struct login {
	struct login *next;
	const struct mosquitto *connection;
	char id[];
};

struct delivery {
	mosquitto_plugin_id_t *plugin;
	bool actions;
	bool ses;
	struct pattern requests;
	struct pattern answers;
	struct pattern notices;
	struct names *init; /* user names */
	struct login *logins;
	void *clients; /* trees of tsearch() */
	void *phones;
	struct message message;
	struct message *probed; /* at QoS 2, the first that came first */
	unsigned long serial; /* of the last message */
};

static const char name[] = "client_delivery";
static const char allowed[] = "plugin_opt_deliver actions,ses or one of both; plugin_opt_init NAME,NAME,... without white space; "
		"plugin_opt_request_topic|answer_topic|notice_topic PATTERN";

static int compare_clients(const void *left, const void *right)
{
	const struct client *a = left;
	const struct client *b = right;
	return strcmp(a->id, b->id);
}

static int compare_phones(const void *left, const void *right)
{
	const struct phone *a = left;
	const struct phone *b = right;
	return strcmp(a->number, b->number);
}

static struct client *make_client(const char *id)
{
	size_t size = strlen(id) + 1;
	struct client *client = mosquitto_calloc(1, sizeof *client + size);
	if (client != NULL) memcpy(client->id, id, size);
	return client;
}

/* The client of that id, or NULL. `probe` is compared by its id only. */
static struct client *find_client(const struct delivery *self, const struct client *probe)
{
	struct client *const *found = tfind(probe, &self->clients, compare_clients);
	return found == NULL ? NULL : *found;
}

static struct phone *find_phone(const struct delivery *self, const struct phone *probe)
{
	struct phone *const *found = tfind(probe, &self->phones, compare_phones);
	return found == NULL ? NULL : *found;
}

static void forget_phone(struct delivery *self, struct client *client)
{
	struct phone *phone = client->phone;
	if (phone == NULL) return;
	struct client **link = &phone->clients;
	while (*link != client) link = &(*link)->next;
	*link = client->next;
	client->phone = NULL;
	if (phone->clients != NULL) return;
	tdelete(phone, &self->phones, compare_phones);
	mosquitto_free(phone);
}

static void learn_phone(struct delivery *self, struct client *client, const struct phone *probe)
{
	if (client->phone != NULL && strcmp(client->phone->number, probe->number) == 0) return;
	forget_phone(self, client);
	struct phone *phone = find_phone(self, probe);
	if (phone == NULL) {
		phone = mosquitto_calloc(1, sizeof *phone);
		if (phone == NULL) return;
		*phone = *probe;
		if (tsearch(phone, &self->phones, compare_phones) == NULL) {
			mosquitto_free(phone);
			return;
		}
	}
	client->phone = phone;
	client->next = phone->clients;
	phone->clients = client;
}

static void forget_client(struct delivery *self, struct client *client)
{
	forget_phone(self, client);
	tdelete(client, &self->clients, compare_clients);
	mosquitto_free(client);
}

/* A client that is connected: it asks something, or has just logged in. */
static void meet_client(struct delivery *self, const struct mosquitto *connection)
{
	const char *id = connection == NULL ? NULL : mosquitto_client_id(connection);
	struct client *probe = id == NULL ? NULL : make_client(id);
	if (probe == NULL) return;
	struct client *client = find_client(self, probe);
	if (client != NULL) {
		mosquitto_free(probe);
		if (client->connection != connection) forget_phone(self, client);
		client->connection = connection;
	} else {
		probe->connection = connection;
		if (tsearch(probe, &self->clients, compare_clients) == NULL) mosquitto_free(probe);
	}
}

static bool read_phone(const char *text, size_t length, struct phone *phone)
{
	*phone = (struct phone){ .clients = NULL };
	if (length < PHONE_MIN || length > PHONE_MAX) return false;
	memcpy(phone->number, text, length);
	return strspn(phone->number, "0123456789") == length;
}

/* The phone of an answer {'Profile',Phone,...}, as the worker encodes it: atoms as ATOM_EXT, the phone as a binary. */
static bool read_answer(const struct mosquitto_evt_message *message, struct phone *phone)
{
	static const char profile[] = "d\0\7Profilem\0\0"; /* and its own zero, the third byte of the length */
	static const size_t start = 3 + sizeof profile;
	const char *bytes = message->payload;

	if (message->payloadlen <= start || memcmp(bytes, "\203h", 2) != 0) return false;
	if (memcmp(bytes + 3, profile, sizeof profile) != 0) return false;
	size_t length = (unsigned char)bytes[start];
	return message->payloadlen > start + length && read_phone(bytes + start + 1, length, phone);
}

/* Whether the answer is {'Profile',...,remove}, which ends the session. */
static bool ends_session(const struct mosquitto_evt_message *message)
{
	static const char removed[] = { 'd', 0, 6, 'r', 'e', 'm', 'o', 'v', 'e' };
	const char *bytes = message->payload;
	size_t size = message->payloadlen;

	return size >= sizeof removed && memcmp(bytes + size - sizeof removed, removed, sizeof removed) == 0;
}

/* Learns from an answer whose phone its client is. */
static void learn(struct delivery *self, const struct mosquitto_evt_message *message, const char *id)
{
	struct client *probe = make_client(id);
	if (probe == NULL) return;
	struct client *client = find_client(self, probe);
	mosquitto_free(probe);
	if (client == NULL) return;
	struct phone phone;
	if (ends_session(message)) forget_phone(self, client);
	else if (read_answer(message, &phone)) learn_phone(self, client, &phone);
}

/* The seconds in the worker's property `message-expiry`, if it has set one, as Mosquitto keeps its Message Expiry to itself. */
static uint32_t expiry_of(const mosquitto_property *properties)
{
	for (; properties != NULL; properties = next_property(properties)) {
		char value[USER_VALUE_MAX + 1];
		unsigned long seconds = read_user_property(properties, "message-expiry", value) ? strtoul(value, NULL, 10) : 0;
		if (seconds > 0 && seconds < EXPIRY_S) return (uint32_t)seconds;
	}
	return EXPIRY_S;
}

static void hand_over(const struct message *message, const char *id)
{
	mosquitto_property *properties = NULL;
	int rc = copy_properties(&properties, message->properties);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_property_add_int32(&properties, PROPERTY_MESSAGE_EXPIRY, expiry_of(message->properties));
	if (rc == MOSQ_ERR_SUCCESS) {
		rc = mosquitto_broker_publish_copy(id, message->topic, (int)message->size, message->payload, message->qos, false, properties);
	}
	if (rc == MOSQ_ERR_SUCCESS) return;
	mosquitto_property_free_all(&properties);
	mosquitto_log_printf(MOSQ_LOG_ERR, "client_delivery: a message is lost: error %d", rc);
}

static void drop_message(struct message *message)
{
	mosquitto_free(message->topic);
	mosquitto_free(message->client);
	mosquitto_free(message->payload);
	mosquitto_property_free_all(&message->properties);
	*message = (struct message){ .topic = NULL };
}

static bool read_notice(const struct delivery *self, const char *topic, struct phone *phone)
{
	struct level level;
	return find_level(&self->notices, topic, ":phone", &level, false) && read_phone(topic + level.start, level.length, phone);
}

/* The broker has routed the message: hands it to those who have not subscribed. */
static void finish_message(struct delivery *self, struct message *message)
{
	struct phone probe;

	if (message->topic == NULL) return;
	if (message->client != NULL && !message->is_heard) hand_over(message, message->client);
	if (message->client == NULL && read_notice(self, message->topic, &probe)) {
		const struct phone *phone = find_phone(self, &probe);
		const struct client *client = phone == NULL ? NULL : phone->clients;
		for (; client != NULL; client = client->next) {
			if (client->heard < message->serial) hand_over(message, client->id);
		}
	}
	drop_message(message);
}

/* A probe has been routed before the second tick. */
static void finish_probed(struct delivery *self)
{
	for (struct message *message = self->probed; message != NULL; message = message->next) message->ticks++;
	while (self->probed != NULL && self->probed->ticks >= PROBE_TICKS) {
		struct message *first = self->probed;
		self->probed = first->next;
		finish_message(self, first);
		mosquitto_free(first);
	}
}

/* Fills in a copy of a message. @param client for actions/…, the client that it is for; owned */
static int copy_message(struct message *message, const struct mosquitto_evt_message *event, char *client)
{
	message->client = client;
	message->topic = mosquitto_strdup(event->topic);
	message->payload = mosquitto_malloc(event->payloadlen + 1);
	message->size = event->payloadlen;
	message->qos = event->qos;
	int rc = message->topic == NULL || message->payload == NULL ? MOSQ_ERR_NOMEM : MOSQ_ERR_SUCCESS;
	if (rc == MOSQ_ERR_SUCCESS && event->payloadlen > 0) memcpy(message->payload, event->payload, event->payloadlen);
	if (rc == MOSQ_ERR_SUCCESS) rc = copy_properties(&message->properties, event->properties);
	if (rc != MOSQ_ERR_SUCCESS) drop_message(message);
	return rc;
}

/* Keeps a message at QoS 2, and asks for its subscribers. @param client as in copy_message() */
static int probe_message(struct delivery *self, const struct mosquitto_evt_message *event, char *client)
{
	struct message *message = mosquitto_calloc(1, sizeof *message);
	if (message == NULL) {
		mosquitto_free(client);
		return MOSQ_ERR_NOMEM;
	}
	int rc = copy_message(message, event, client);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_broker_publish_copy(NULL, message->topic, 0, "", 0, false, NULL);
	if (rc != MOSQ_ERR_SUCCESS) {
		drop_message(message);
		mosquitto_free(message);
		return rc;
	}
	message->serial = ++self->serial;
	struct message **end = &self->probed;
	while (*end != NULL) end = &(*end)->next;
	*end = message;
	return MOSQ_ERR_SUCCESS;
}

/* Keeps a message until it is routed. @param client as in copy_message() */
static int keep_message(struct delivery *self, const struct mosquitto_evt_message *event, char *client)
{
	if (event->qos == 2) return probe_message(self, event, client);
	int rc = copy_message(&self->message, event, client);
	self->message.serial = ++self->serial;
	return rc;
}

static int take_answer(struct delivery *self, const struct mosquitto_evt_message *event, const struct level *level)
{
	char *client = mosquitto_calloc(1, level->length + 1);
	if (client == NULL) return MOSQ_ERR_NOMEM;
	memcpy(client, event->topic + level->start, level->length);
	if (self->ses) learn(self, event, client);
	if (self->actions) return keep_message(self, event, client);
	mosquitto_free(client);
	return MOSQ_ERR_SUCCESS;
}

static int on_message(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_message *message = event_data;
	struct delivery *self = userdata;
	struct level level;
	struct phone probe;
	(void)event;

	finish_message(self, &self->message);
	if (self->ses && has_name(&self->requests, message->topic)) meet_client(self, message->client);
	if (find_level(&self->answers, message->topic, ":client", &level, true)) return take_answer(self, message, &level);
	if (!self->ses || !read_notice(self, message->topic, &probe)) return MOSQ_ERR_SUCCESS;
	return find_phone(self, &probe) != NULL ? keep_message(self, message, NULL) : MOSQ_ERR_SUCCESS;
}

/* Notes that a client has a subscription for the message, which is the newest of this topic. */
static void note_heard(struct delivery *self, struct message *message, const char *id)
{
	if (message->client != NULL) {
		message->is_heard = message->is_heard || strcmp(id, message->client) == 0;
		return;
	}
	struct client *probe = make_client(id);
	struct client *client = probe == NULL ? NULL : find_client(self, probe);
	struct phone phone;
	bool is_own = client != NULL && client->phone != NULL && read_notice(self, message->topic, &phone)
			&& strcmp(client->phone->number, phone.number) == 0;
	if (is_own) client->heard = message->serial;
	mosquitto_free(probe);
}

/* The broker asks this for each subscriber of the message that it routes. */
static int on_acl_check(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_acl_check *check = event_data;
	struct delivery *self = userdata;
	bool is_probe = false;
	(void)event;

	if (check->access != MOSQ_ACL_READ || check->client == NULL) return no_opinion();
	const char *id = mosquitto_client_id(check->client);
	if (id == NULL) return no_opinion();
	if (self->message.topic != NULL && strcmp(check->topic, self->message.topic) == 0) note_heard(self, &self->message, id);
	if (check->payloadlen > 0 || check->qos > 0) return no_opinion();
	for (struct message *message = self->probed; message != NULL; message = message->next) {
		if (strcmp(check->topic, message->topic) != 0) continue;
		note_heard(self, message, id);
		is_probe = true;
	}
	return is_probe ? MOSQ_ERR_ACL_DENIED : no_opinion();
}

static void forget_login(struct login **link)
{
	struct login *login = *link;
	*link = login->next;
	mosquitto_free(login);
}

/* Appends bytes to a topic, unless it would be longer than one can be. */
static bool append(char *topic, size_t *length, const char *bytes, size_t count)
{
	if (*length + count > TOPIC_MAX) return false;
	memcpy(topic + *length, bytes, count);
	*length += count;
	topic[*length] = '\0';
	return true;
}

/* The topic of a request of that client, for free(); NULL without memory, or if it is too long. */
static char *request_topic(const struct pattern *requests, const char *id)
{
	char *topic = mosquitto_calloc(1, strlen(requests->text) + strlen(id) + sizeof "anon");
	size_t length = 0;
	bool fits = topic != NULL;

	for (const char *at = requests->text; fits; at++) {
		size_t size = strcspn(at, "/");
		if (*at != ':') fits = append(topic, &length, at, size);
		else if (is_level(at, size, ":client")) fits = append(topic, &length, id, strlen(id));
		else if (is_level(at, size, ":user")) fits = append(topic, &length, "anon", 4);
		at += size;
		if (*at == '\0') return topic;
		fits = fits && append(topic, &length, "/", 1);
	}
	mosquitto_free(topic);
	return NULL;
}

/* Asks in the name of a client that has logged in. */
static void announce(struct delivery *self, const struct login *login)
{
	static const char init[] = "\203h\11d\0\7Profilejjjja\0a\0jd\0\4init";

	if (self->ses) meet_client(self, login->connection);
	if (*login->id == '\0' || strpbrk(login->id, "/+#") != NULL) return;
	char *topic = request_topic(&self->requests, login->id);
	if (topic == NULL) return;
	mosquitto_broker_publish_copy(NULL, topic, sizeof init - 1, init, 1, false, NULL);
	mosquitto_free(topic);
}

static int on_login(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_basic_auth *attempt = event_data;
	struct delivery *self = userdata;
	(void)event;

	const char *id = attempt->client == NULL ? NULL : mosquitto_client_id(attempt->client);
	if (id == NULL || attempt->username == NULL || !is_listed(self->init, attempt->username)) return no_opinion();
	struct login *login = mosquitto_calloc(1, sizeof *login + strlen(id) + 1);
	if (login == NULL) return no_opinion();
	login->connection = attempt->client;
	memcpy(login->id, id, strlen(id) + 1);
	login->next = self->logins;
	self->logins = login;
	return no_opinion();
}

/* 2.1 tells who has connected. */
static int on_connect(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_disconnect *connected = event_data; /* The event begins with the same members. */
	struct delivery *self = userdata;
	(void)event;

	for (struct login **link = &self->logins; *link != NULL;) {
		if ((*link)->connection == connected->client) {
			announce(self, *link);
			forget_login(link);
		} else {
			link = &(*link)->next;
		}
	}
	return MOSQ_ERR_SUCCESS;
}

/* 2.0 ends a refused connection before the tick that follows. */
static int on_tick(int event, void *event_data, void *userdata)
{
	struct delivery *self = userdata;
	(void)event;
	(void)event_data;

	finish_message(self, &self->message);
	finish_probed(self);
	while (!is_2_1() && self->logins != NULL) {
		announce(self, self->logins);
		forget_login(&self->logins);
	}
	return MOSQ_ERR_SUCCESS;
}

/* The event of 2.1 for a session that stays begins with the same members. */
static int on_disconnect(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_disconnect *gone = event_data;
	struct delivery *self = userdata;
	(void)event;

	for (struct login **link = &self->logins; *link != NULL;) {
		if ((*link)->connection == gone->client) forget_login(link);
		else link = &(*link)->next;
	}
	const char *id = gone->client == NULL ? NULL : mosquitto_client_id(gone->client);
	struct client *probe = id == NULL ? NULL : make_client(id);
	struct client *client = probe == NULL ? NULL : find_client(self, probe);
	if (client != NULL && client->connection == gone->client) forget_client(self, client);
	mosquitto_free(probe);
	return MOSQ_ERR_SUCCESS;
}

static int read_deliver(struct delivery *self, const char *value)
{
	bool is_both = strcmp(value, "actions,ses") == 0 || strcmp(value, "ses,actions") == 0;
	bool actions = is_both || strcmp(value, "actions") == 0;
	bool ses = is_both || strcmp(value, "ses") == 0;
	self->actions = self->actions || actions;
	self->ses = self->ses || ses;
	return actions || ses ? MOSQ_ERR_SUCCESS : MOSQ_ERR_INVAL;
}

/* Whether it is an option of topics and has a pattern. */
static bool read_topic(struct delivery *self, const char *key, const char *value)
{
	if (strcmp(key, "request_topic") == 0) return read_pattern(&self->requests, value, ":client", ":node :user :token");
	if (strcmp(key, "answer_topic") == 0) return read_pattern(&self->answers, value, ":client", "");
	return strcmp(key, "notice_topic") == 0 && read_pattern(&self->notices, value, ":phone", "");
}

static int read_options(struct delivery *self, const struct mosquitto_opt *options, int count)
{
	read_topic(self, "request_topic", REQUEST_TOPIC);
	read_topic(self, "answer_topic", ANSWER_TOPIC);
	read_topic(self, "notice_topic", NOTICE_TOPIC);
	for (int i = 0; i < count; i++) {
		const char *value = options[i].value == NULL ? "" : options[i].value;
		int rc = read_topic(self, options[i].key, value) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_INVAL;
		if (strcmp(options[i].key, "init") == 0) rc = add_names(&self->init, value);
		else if (strcmp(options[i].key, "deliver") == 0) rc = read_deliver(self, value);
		if (rc == MOSQ_ERR_INVAL) return refuse_option(name, &options[i], allowed);
		if (rc != MOSQ_ERR_SUCCESS) return rc;
	}
	return MOSQ_ERR_SUCCESS;
}

static bool is_active(const struct delivery *self)
{
	return self->actions || self->ses || self->init != NULL;
}

static int listen(struct delivery *self)
{
	int rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_MESSAGE, on_message, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_ACL_CHECK, on_acl_check, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_TICK, on_tick, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_DISCONNECT, on_disconnect, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS && is_2_1()) {
		rc = mosquitto_callback_register(self->plugin, EVT_CLIENT_OFFLINE, on_disconnect, NULL, self);
	}
	if (rc != MOSQ_ERR_SUCCESS || self->init == NULL) return rc;
	rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_BASIC_AUTH, on_login, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS && is_2_1()) {
		rc = mosquitto_callback_register(self->plugin, EVT_CONNECT, on_connect, NULL, self);
	}
	return rc;
}

static void stop_listening(struct delivery *self)
{
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_MESSAGE, on_message, NULL);
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_ACL_CHECK, on_acl_check, NULL);
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_TICK, on_tick, NULL);
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_DISCONNECT, on_disconnect, NULL);
	if (is_2_1()) mosquitto_callback_unregister(self->plugin, EVT_CLIENT_OFFLINE, on_disconnect, NULL);
	if (self->init == NULL) return;
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_BASIC_AUTH, on_login, NULL);
	if (is_2_1()) mosquitto_callback_unregister(self->plugin, EVT_CONNECT, on_connect, NULL);
}

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
	return supported_api(supported_version_count, supported_versions);
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options, int count)
{
	struct delivery *self = mosquitto_calloc(1, sizeof *self);
	if (self == NULL) return MOSQ_ERR_NOMEM;
	self->plugin = identifier;
	if (is_2_1()) mosquitto_plugin_set_info(identifier, name, "1.0");

	int rc = read_options(self, options, count);
	if (rc == MOSQ_ERR_SUCCESS && !can_read_properties()) {
		mosquitto_log_printf(MOSQ_LOG_ERR, "client_delivery: this broker is neither Mosquitto 2.0 nor 2.1");
		rc = MOSQ_ERR_NOT_SUPPORTED;
	}
	if (rc == MOSQ_ERR_SUCCESS && is_active(self)) rc = listen(self);
	if (rc != MOSQ_ERR_SUCCESS) {
		forget_names(&self->init);
		mosquitto_free(self);
		return rc;
	}
	*userdata = self;
	mosquitto_log_printf(MOSQ_LOG_INFO, "client_delivery: clients that have not subscribed get %s%s%s%s",
			self->actions ? "answers" : "", self->actions && self->ses ? " and " : "",
			self->ses ? "notices" : self->actions ? "" : "nothing", self->init == NULL ? "" : ", some a first profile");
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int count)
{
	struct delivery *self = userdata;
	(void)options;
	(void)count;

	if (self == NULL) return MOSQ_ERR_SUCCESS;
	if (is_active(self)) stop_listening(self);
	forget_names(&self->init);
	while (self->logins != NULL) forget_login(&self->logins);
	while (self->clients != NULL) forget_client(self, *(struct client **)self->clients);
	drop_message(&self->message);
	while (self->probed != NULL) {
		struct message *first = self->probed;
		self->probed = first->next;
		drop_message(first);
		mosquitto_free(first);
	}
	mosquitto_free(self);
	return MOSQ_ERR_SUCCESS;
}
