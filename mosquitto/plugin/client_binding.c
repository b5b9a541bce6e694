/*
 * client_binding: binds users to their client ids.
 *
 * A client that connects with a client id takes over the session of that id: a phone or a reader with a worker's client
 * id gets the worker's requests. Mosquitto's dynamic-security plugin binds a user to one client id. This is enough for a
 * phone, but the client ids of workers vary, and many workers share one user. This plugin for Mosquitto 2.0 and 2.1
 * binds a user to the first characters of client ids instead:
 *
 *     plugin_opt_bind worker=profile-,qa=qa-
 *
 * The user before the `=` may use only client ids that begin with the prefix after it. Nobody else may use such client
 * ids. Several pairs add up. Without the option it is `worker=profile-`.
 *
 * Mosquitto 2.0 brings sessions back after a restart without their shared subscriptions: what phones publish until a worker has
 * subscribed again is acknowledged and dropped. So after a start only the workers are let in at first:
 *
 *     plugin_opt_hold worker=60
 *
 * Everybody else is let in when a client of the user before the `=` has subscribed to requests, or after so many seconds; 0 is at
 * once. Until then a connection is closed without a CONNACK, so that no client takes it for a wrong password. A
 * publish that is refused would not do: a client of MQTT 3.1.1 is told success, and what a PUBREL releases asks no plugin.
 * Without the option it is `worker=60` on 2.0, and nothing on 2.1, where persist-sqlite brings shared subscriptions back.
 *
 * A connection costs the broker a handshake, and its will is written to the disk, of whatever size. So a client that
 * connects often is let in less often:
 *
 *     plugin_opt_connections_per_minute 20
 *     plugin_opt_connections_burst 10
 *
 * Beyond that its connections are closed without a CONNACK; 0 a minute is no limit. The allowance belongs to the client id, and
 * nobody but who has logged in uses it up. Bound users have no limit. Without the options they are as above.
 *
 * The plugin admits nobody: it refuses or defers, and a later plugin checks the password. A refused client never
 * reaches the session, because the broker asks before it looks for one.
 *
 * Described in mosquitto/README.md.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include <stdio.h>
#include <stdlib.h>

#include "broker.h"
#include "request_limit.h"

enum { CONNECTION = 60 /* What one takes of an allowance that is counted by the second, and filled by the minute. */ };

enum { HOLD_USER_MAX = 128, HOLD_SECONDS_MAX = 86400, HOLD_SECONDS = 60 };

/* `text` is "user\0prefix". */
struct pair {
	struct pair *next;
	size_t prefix_length;
	const char *prefix;
	char text[];
};

/* Who is waited for after a start. */
struct hold {
	char user[HOLD_USER_MAX + 1];
	long seconds;
	struct timespec start;
	bool is_over;
};

struct bindings {
	mosquitto_plugin_id_t *plugin;
	struct pair *pairs;
	struct refusals refusals;
	struct hold hold;
	struct request_limit connections;
};

/* Mosquitto cuts a line of its log off at about 1000 bytes. */
#define LOG_LINE_MAX 800

static const char name[] = "client_binding";
static const char allowed[] = "plugin_opt_bind USER=PREFIX,USER=PREFIX,... without white space, plugin_opt_hold USER=SECONDS, plugin_opt_connections_per_minute|connections_burst NUMBER";

/* Reads `length` bytes, "user=prefix"; MOSQ_ERR_INVAL if they are anything else. */
static int add_pair(struct bindings *self, const char *text, size_t length)
{
	const char *equals = memchr(text, '=', length);
	if (equals == NULL || equals == text || equals + 1 == text + length) return MOSQ_ERR_INVAL;
	for (size_t i = 0; i < length; i++) {
		bool is_second = text[i] == '=' && text + i != equals;
		if (is_second || text[i] <= ' ' || text[i] > '~') return MOSQ_ERR_INVAL;
	}

	struct pair *pair = mosquitto_calloc(1, sizeof *pair + length + 1);
	if (pair == NULL) return MOSQ_ERR_NOMEM;
	size_t user_length = (size_t)(equals - text);
	memcpy(pair->text, text, length);
	pair->text[user_length] = '\0';
	pair->prefix = pair->text + user_length + 1;
	pair->prefix_length = length - user_length - 1;
	struct pair **end = &self->pairs;
	while (*end != NULL) end = &(*end)->next;
	*end = pair;
	return MOSQ_ERR_SUCCESS;
}

static int add_pairs(struct bindings *self, const char *list)
{
	for (;;) {
		size_t length = strcspn(list, ",");
		int rc = add_pair(self, list, length);
		if (rc != MOSQ_ERR_SUCCESS || list[length] == '\0') return rc;
		list += length + 1;
	}
}

/* Reads "user=seconds"; MOSQ_ERR_INVAL if it is anything else. */
static int read_hold(struct hold *hold, const char *text)
{
	const char *equals = strchr(text, '=');
	if (equals == NULL || equals == text || equals - text > HOLD_USER_MAX) return MOSQ_ERR_INVAL;
	size_t digits = strspn(equals + 1, "0123456789");
	if (digits == 0 || digits > 5 || equals[1 + digits] != '\0') return MOSQ_ERR_INVAL;
	long seconds = strtol(equals + 1, NULL, 10);
	if (seconds > HOLD_SECONDS_MAX) return MOSQ_ERR_INVAL;
	memcpy(hold->user, text, (size_t)(equals - text));
	hold->user[equals - text] = '\0';
	hold->seconds = seconds;
	return MOSQ_ERR_SUCCESS;
}

static int read_connections(struct rate *rate, const char *key, const char *value)
{
	uint64_t number;

	if (!read_number(value, &number)) return MOSQ_ERR_INVAL;
	if (strcmp(key, "connections_per_minute") == 0) rate->per_second = number;
	else if (strcmp(key, "connections_burst") == 0 && number > 0) rate->burst = number * CONNECTION;
	else return MOSQ_ERR_INVAL;
	return MOSQ_ERR_SUCCESS;
}

static int read_options(struct bindings *self, const struct mosquitto_opt *options, int count)
{
	read_hold(&self->hold, "worker=0");
	if (!is_2_1()) self->hold.seconds = HOLD_SECONDS;
	for (int i = 0; i < count; i++) {
		const char *value = options[i].value == NULL ? "" : options[i].value;
		int rc;
		if (strcmp(options[i].key, "bind") == 0) rc = add_pairs(self, value);
		else if (strcmp(options[i].key, "hold") == 0) rc = read_hold(&self->hold, value);
		else rc = read_connections(&self->connections.count, options[i].key, value);
		if (rc == MOSQ_ERR_INVAL) return refuse_option(name, &options[i], allowed);
		if (rc != MOSQ_ERR_SUCCESS) return rc;
	}
	self->hold.is_over = self->hold.seconds == 0;
	return self->pairs != NULL ? MOSQ_ERR_SUCCESS : add_pairs(self, "worker=profile-");
}

static void forget(struct bindings *self)
{
	while (self->pairs != NULL) {
		struct pair *pair = self->pairs;
		self->pairs = pair->next;
		mosquitto_free(pair);
	}
	close_limit(&self->connections);
	mosquitto_free(self);
}

static int refuse(struct bindings *self, const char *user, const char *id)
{
	if (!is_to_be_logged(&self->refusals, LOG_INTERVAL_S)) return MOSQ_ERR_AUTH;
	char shown_user[LOG_TEXT_MAX + 1];
	char shown_id[LOG_TEXT_MAX + 1];
	printable(user, shown_user);
	printable(id, shown_id);
	mosquitto_log_printf(MOSQ_LOG_WARNING, "client_binding: login refused: the client id \"%s\" is not for the user \"%s\" (%lu more not logged)",
			shown_id, shown_user, self->refusals.unlogged);
	self->refusals.unlogged = 0;
	return MOSQ_ERR_AUTH;
}

static bool is_worker(const struct hold *hold, const char *user)
{
	return user != NULL && strcmp(user, hold->user) == 0;
}

/* Whether this login has to wait for a worker. */
static bool is_held(struct hold *hold, const char *user)
{
	if (hold->is_over || is_worker(hold, user)) return false;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - hold->start.tv_sec < hold->seconds) return true;
	hold->is_over = true;
	mosquitto_log_printf(MOSQ_LOG_WARNING, "client_binding: no worker has subscribed within %ld s: everybody is let in, requests are lost until one has",
			hold->seconds);
	return false;
}

/* The broker asks this before it adds a subscription, and does nothing else in between. */
static int on_acl_check(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_acl_check *check = event_data;
	struct hold *hold = &((struct bindings *)userdata)->hold;
	(void)event;

	if (hold->is_over || check->access != MOSQ_ACL_SUBSCRIBE || check->topic == NULL || check->client == NULL) return no_opinion();
	bool is_shared = strncmp(check->topic, "$share/", 7) == 0; /* whatever the topics of a deployment are */
	if (!is_shared || !is_worker(hold, mosquitto_client_username(check->client))) return no_opinion();
	hold->is_over = true;
	mosquitto_log_printf(MOSQ_LOG_INFO, "client_binding: a worker has subscribed: everybody is let in");
	return no_opinion();
}

/* Not a refusal, which a client would take for a wrong password. */
static int put_off(struct bindings *self, const char *id)
{
	log_excess(&self->connections, "client_binding: login", id, "put off: it connects too often");
	return MOSQ_ERR_UNKNOWN;
}

static bool begins(const char *id, const struct pair *pair)
{
	return id != NULL && strncmp(id, pair->prefix, pair->prefix_length) == 0;
}

static bool is_reserved(const struct bindings *self, const char *id)
{
	const struct pair *pair = self->pairs;
	while (pair != NULL && !begins(id, pair)) pair = pair->next;
	return pair != NULL;
}

/*
 * Of clients that have logged in alone. On 2.0 when they go, as it shows no id of others then; on 2.1, which does, when they
 * have come. That event begins with the same members.
 */
static int on_connection(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_disconnect *connection = event_data;
	struct bindings *self = userdata;
	(void)event;

	const char *id = connection->client == NULL ? NULL : mosquitto_client_id(connection->client);
	if (id != NULL && !is_reserved(self, id)) take_count(&self->connections, id, CONNECTION);
	return MOSQ_ERR_SUCCESS;
}

static int connection_event(void)
{
	return is_2_1() ? EVT_CONNECT : MOSQ_EVT_DISCONNECT;
}

static int on_login(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_basic_auth *login = event_data;
	struct bindings *self = userdata;
	(void)event;

	const char *id = login->client == NULL ? NULL : mosquitto_client_id(login->client);
	const char *user = login->username;
	bool is_bound = false;
	for (const struct pair *pair = self->pairs; pair != NULL; pair = pair->next) {
		bool is_user = user != NULL && strcmp(user, pair->text) == 0;
		if (is_user && begins(id, pair)) return is_held(&self->hold, user) ? MOSQ_ERR_UNKNOWN : no_opinion();
		is_bound = is_bound || is_user;
	}
	if (is_bound || is_reserved(self, id)) return refuse(self, user, id);
	if (is_held(&self->hold, user)) return MOSQ_ERR_UNKNOWN;
	return id == NULL || holds(&self->connections, id, CONNECTION) ? no_opinion() : put_off(self, id);
}

/* One line, so that an operator sees options that another plugin got: they belong to the `plugin` line before them. */
static void log_pairs(const struct bindings *self)
{
	char line[LOG_LINE_MAX] = "";
	size_t length = 0;
	unsigned long unlogged = 0;
	for (const struct pair *pair = self->pairs; pair != NULL; pair = pair->next) {
		int added = snprintf(line + length, sizeof line - length, "%s%s=%s", length == 0 ? "" : ",", pair->text, pair->prefix);
		if (added < 0 || (size_t)added >= sizeof line - length) {
			line[length] = '\0';
			unlogged++;
		} else {
			length += (size_t)added;
		}
	}
	mosquitto_log_printf(MOSQ_LOG_INFO, "client_binding: users are bound to client ids: %s (%lu more not logged)", line, unlogged);
}

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
	return supported_api(supported_version_count, supported_versions);
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options, int count)
{
	struct bindings *self = mosquitto_calloc(1, sizeof *self);
	if (self == NULL) return MOSQ_ERR_NOMEM;
	self->plugin = identifier;
	if (is_2_1()) mosquitto_plugin_set_info(identifier, name, "1.0");

	self->connections.count = (struct rate){ .per_second = 20, .burst = 10 * CONNECTION };
	int rc = open_table(&self->connections, name);
	if (rc == MOSQ_ERR_SUCCESS) rc = read_options(self, options, count);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_callback_register(identifier, MOSQ_EVT_BASIC_AUTH, on_login, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_callback_register(identifier, connection_event(), on_connection, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS && !self->hold.is_over) {
		rc = mosquitto_callback_register(identifier, MOSQ_EVT_ACL_CHECK, on_acl_check, NULL, self);
	}
	if (rc != MOSQ_ERR_SUCCESS) {
		forget(self);
		return rc;
	}
	*userdata = self;
	log_pairs(self);
	if (self->hold.is_over) return MOSQ_ERR_SUCCESS;
	clock_gettime(CLOCK_MONOTONIC, &self->hold.start);
	mosquitto_log_printf(MOSQ_LOG_INFO, "client_binding: only \"%s\" is let in until it has subscribed, for %ld s at most", self->hold.user, self->hold.seconds);
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int count)
{
	struct bindings *self = userdata;
	(void)options;
	(void)count;

	if (self == NULL) return MOSQ_ERR_SUCCESS;
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_BASIC_AUTH, on_login, NULL);
	mosquitto_callback_unregister(self->plugin, connection_event(), on_connection, NULL);
	if (self->hold.seconds != 0) mosquitto_callback_unregister(self->plugin, MOSQ_EVT_ACL_CHECK, on_acl_check, NULL);
	forget(self);
	return MOSQ_ERR_SUCCESS;
}
