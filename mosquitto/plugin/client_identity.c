/*
 * client_identity: shows subscribers which client published a request.
 *
 * MQTT does not show a subscriber who published a message. This plugin for Mosquitto 2.0 and 2.1 writes the
 * publisher's own MQTT client id into the client level of every request,
 *
 *     events/1/<node>/api/<user>/<client>/<token>
 *
 * and replaces what the publisher had put there. `plugin_opt_request_topic` names other topics, as the worker's REQUEST_TOPIC;
 * newer deployments have events/:client. Topics with more or fewer levels are left alone. A publisher whose id
 * cannot stand in one topic level (empty, or with '/', '+' or '#'), or is too long for the topic, is refused.
 *
 * Nobody may retain a message below events/: each would stay in the broker's memory and on its disk for ever. A retained
 * publish there is refused, and so is a retained will if wills are guarded.
 *
 * The broker checks its ACL first, on the topic as the client sent it, and calls MOSQ_EVT_MESSAGE after that.
 *
 * Wills do not come through MOSQ_EVT_MESSAGE, in any version, so a will could name another client, or nobody. With
 * `plugin_opt_guard_wills true` they get their client's id too, by way of the ACL check. See on_write() and on_read().
 *
 * A client that sends more, or larger, requests than its allowances hold is refused; see request_limit.h. With wills guarded
 * so is a filter below the answers (`plugin_opt_answer_topic`, as the worker's ANSWER_TOPIC) with a '+' that others follow:
 * the broker would send one answer to each of thousands of filters that overlap.
 *
 * With `plugin_opt_hints true`, for testers, the broker says on qa/missed/<client> which publishes became no request, and
 * workers in QA mode say to the client why (docs/qa.md). It says itself when no worker is subscribed; see hints.h. MQTT 3.1.1
 * has no other way to tell a client.
 *
 * Described in mosquitto/README.md and docs/protocol.md.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */

#include <ctype.h>
#ifdef __linux__
#  include <link.h>
#endif
#include <stdint.h>
#include <stdlib.h>

#include "broker.h"
#include "hints.h"
#include "request_limit.h"
#include "topics.h"

enum { TOPIC_MAX = 65535 }; /* bytes; MQTT 5.0, 1.5.4 "UTF-8 Encoded String" */

/* A request that may prove to be a will; see on_write(). */
struct will {
	char *topic; /* with the client id; NULL if there is none */
	struct level client;
	bool is_published;
};

struct identity {
	mosquitto_plugin_id_t *plugin;
	bool broker_frees_topic; /* who frees the topic that we replace; see who_frees_the_topic() */
	bool guard_wills;
	struct pattern requests;
	struct pattern answers;
	struct will will;
	struct request_limit limit;
	struct refusals refusals;
	struct hints hints;
};

static bool find_client_level(const struct identity *self, const char *topic, struct level *client)
{
	return find_level(&self->requests, topic, ":client", client, false);
}

/* Whether it lies where requests do, say below events/. */
static bool is_event(const struct identity *self, const char *topic)
{
	return has_name(&self->requests, topic);
}

static int refuse(struct identity *self, const char *id, const char *reason)
{
	if (!is_to_be_logged(&self->refusals, LOG_INTERVAL_S)) return MOSQ_ERR_ACL_DENIED;
	char shown[LOG_TEXT_MAX + 1];
	printable(id, shown);
	mosquitto_log_printf(MOSQ_LOG_WARNING, "client_identity: request of client \"%s\" refused: %s (%lu more not logged)",
			shown, reason, self->refusals.unlogged);
	self->refusals.unlogged = 0;
	return MOSQ_ERR_ACL_DENIED;
}

/* Makes a topic with `id` as the client level, for the broker to free; NULL without memory. */
static char *with_client(const char *topic, struct level client, const char *id)
{
	size_t id_length = strlen(id);
	const char *rest = topic + client.start + client.length;
	size_t rest_size = strlen(rest) + 1;

	char *named = mosquitto_malloc(client.start + id_length + rest_size);
	if (named == NULL) return NULL;
	memcpy(named, topic, client.start);
	memcpy(named + client.start, id, id_length);
	memcpy(named + client.start + id_length, rest, rest_size);
	return named;
}

/* The reason why the topic cannot carry this id, or NULL if it can. */
static const char *unfit(const char *topic, struct level client, const char *id)
{
	const char *reason = unusable(id);
	if (reason != NULL) return reason;
	return strlen(topic) - client.length + strlen(id) > TOPIC_MAX ? "its client id is too long for the topic" : NULL;
}

static void forget_will(struct identity *self)
{
	mosquitto_free(self->will.topic);
	self->will.topic = NULL;
}

/*
 * Whether the client may send this request. With guarded wills that is asked in the ACL check, which a will comes
 * through too; properties are not shown there.
 */
static bool is_admitted(struct identity *self, const char *id, const char *topic, uint32_t payload)
{
	if (self->limit.payload != 0 && payload > self->limit.payload) return false;
	return take_request(&self->limit, id, strlen(topic) + payload);
}

static int on_message(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_message *message = event_data;
	struct identity *self = userdata;
	struct level client;
	(void)event;

	if (!is_event(self, message->topic)) return MOSQ_ERR_SUCCESS;
	forget_will(self); /* What the ACL check has just seen is a publish. */
	/* There is no client if another plugin made the message. It has no identity, so it is refused as having no id. */
	const char *id = message->client == NULL ? NULL : mosquitto_client_id(message->client);
	if (message->retain) return refuse(self, id, "it is retained");
	if (!find_client_level(self, message->topic, &client)) return MOSQ_ERR_SUCCESS;

	const char *reason = unfit(message->topic, client, id);
	if (reason != NULL) return refuse(self, id, reason);
	bool is_taken = self->guard_wills || is_admitted(self, id, message->topic, message->payloadlen);
	if (!is_taken || !take_bytes(&self->limit, id, property_bytes(&self->limit, message->properties))) {
		return refuse_excess(&self->limit, id);
	}
	char *named = with_client(message->topic, client, id);
	if (named == NULL) return MOSQ_ERR_NOMEM;
	if (!self->broker_frees_topic) mosquitto_free(message->topic);
	message->topic = named;
	hint_unheard(&self->hints, id, message->qos);
	return MOSQ_ERR_SUCCESS;
}

/*
 * The broker asks this before each publish and before it sends a will, and does not show which of both. So a client
 * level that is not the client's own is emptied in either: on_message() fills it in for a publish, and on_read() for a
 * will. The topic is the broker's own heap copy, which it publishes after this check; `const` in the event only says
 * that a callback is not expected to write. It gets shorter, so it stays within its memory; the client id may not fit.
 */
static int on_write(struct identity *self, const struct mosquitto_evt_acl_check *check)
{
	struct level client;

	forget_will(self);
	const char *id = check->client == NULL ? NULL : mosquitto_client_id(check->client);
	if (check->retain) {
		hint_missed(&self->hints, check, "retained");
		return refuse(self, id, "it is retained");
	}
	if (!find_client_level(self, check->topic, &client)) {
		hint_missed(&self->hints, check, "other");
		return no_opinion();
	}
	const char *reason = unfit(check->topic, client, id);
	if (reason != NULL) return refuse(self, id, reason);
	if (!is_admitted(self, id, check->topic, check->payloadlen)) {
		hint_missed(&self->hints, check, "limit");
		return refuse_excess(&self->limit, id);
	}
	char *level = (char *)(uintptr_t)check->topic + client.start;
	if (strlen(id) == client.length && memcmp(id, level, client.length) == 0) return no_opinion();

	self->will.topic = with_client(check->topic, client, id);
	if (self->will.topic == NULL) return MOSQ_ERR_NOMEM;
	self->will.client = (struct level){ client.start, strlen(id) };
	self->will.is_published = false;
	memmove(level, level + client.length, strlen(level + client.length) + 1);
	return no_opinion();
}

/* Whether this is the topic of the will with an empty client level. */
static bool is_bare(const struct will *will, const char *topic)
{
	if (will->topic == NULL || strncmp(topic, will->topic, will->client.start) != 0) return false;
	return strcmp(topic + will->client.start, will->topic + will->client.start + will->client.length) == 0;
}

/*
 * The broker asks this for each subscriber before it delivers. A publish has its client id by now, so a request
 * without one is the will of the last on_write(), which a later plugin has allowed. Nobody gets it; it is published
 * anew with the client id, once, and goes through the readers' checks again. Without a reader it is lost, as a publish
 * would be.
 */
static int on_read(struct identity *self, const struct mosquitto_evt_acl_check *check)
{
	struct will *will = &self->will;

	if (!is_bare(will, check->topic)) return no_opinion();
	if (!will->is_published) {
		int rc = mosquitto_broker_publish_copy(NULL, will->topic, (int)check->payloadlen, check->payload, check->qos, false, NULL);
		if (rc != MOSQ_ERR_SUCCESS) mosquitto_log_printf(MOSQ_LOG_ERR, "client_identity: a will is lost: error %d", rc);
		will->is_published = true;
	}
	return MOSQ_ERR_ACL_DENIED;
}

/* What of a filter comes behind the levels of an answer's topic, with '+' in their places too; NULL if it matches no answer. */
static const char *below_answer(const struct pattern *answers, const char *filter)
{
	const char *wanted = answers->text;

	if (strncmp(filter, "$share/", 7) == 0) {
		const char *group_end = strchr(filter + 7, '/');
		if (group_end == NULL) return NULL;
		filter = group_end + 1;
	}
	for (;; wanted++, filter++) {
		size_t wanted_length = strcspn(wanted, "/");
		size_t length = strcspn(filter, "/");
		bool is_any = *wanted == ':' || (length == 1 && *filter == '+');
		if (!is_any && (length != wanted_length || memcmp(filter, wanted, length) != 0)) return NULL;
		wanted += wanted_length;
		filter += length;
		if (*wanted == '\0') return filter;
		if (*filter == '\0') return NULL;
	}
}

/*
 * Whether a filter below the answers has a '+' that is not its last level. A Response Topic may have 16 levels: with '+' or the
 * name in each place 4,096 filters match one answer, and the broker is busy for 50 ms with it.
 */
static bool overlaps(const struct identity *self, const char *filter)
{
	const char *rest = filter == NULL ? NULL : below_answer(&self->answers, filter);
	return rest != NULL && strstr(rest, "/+/") != NULL;
}

static int on_acl_check(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_acl_check *check = event_data;
	struct identity *self = userdata;
	(void)event;

	if (check->access == MOSQ_ACL_SUBSCRIBE && overlaps(self, check->topic)) return MOSQ_ERR_ACL_DENIED;
	if (check->access == MOSQ_ACL_SUBSCRIBE || check->access == MOSQ_ACL_UNSUBSCRIBE) {
		note_subscription(&self->hints, check, &self->requests);
		return no_opinion();
	}
	if (!is_event(self, check->topic)) {
		if (check->access == MOSQ_ACL_WRITE) hint_missed(&self->hints, check, "other");
		return no_opinion();
	}
	if (check->access == MOSQ_ACL_WRITE) return on_write(self, check);
	return check->access == MOSQ_ACL_READ ? on_read(self, check) : no_opinion();
}

/* The event of 2.1 for a session that stays begins with the same members. */
static int on_disconnect(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_disconnect *gone = event_data;
	struct identity *self = userdata;
	(void)event;

	note_gone(&self->hints, gone->client);
	return MOSQ_ERR_SUCCESS;
}

/* The broker checks a will and delivers it without a pause; what is left here is no will, or nobody reads it. */
static int on_tick(int event, void *event_data, void *userdata)
{
	(void)event;
	(void)event_data;

	forget_will(userdata);
	return MOSQ_ERR_SUCCESS;
}

#ifdef __linux__
/* The N of a "2.0.N" that ends a string within the bytes; -1 if there is none. */
static int find_revision(const char *bytes, size_t size)
{
	static const char series[] = "2.0.";
	const char *end = bytes + size;

	for (const char *at = bytes; (at = memmem(at, (size_t)(end - at), series, sizeof series - 1)) != NULL; at++) {
		const char *digit = at + sizeof series - 1;
		int revision = 0;
		int digits = 0;
		for (; digit < end && digits < 3 && isdigit((unsigned char)*digit); digit++, digits++) {
			revision = revision * 10 + (*digit - '0');
		}
		bool starts = at == bytes || !(isdigit((unsigned char)at[-1]) || at[-1] == '.');
		if (starts && digits > 0 && digit < end && *digit == '\0') return revision;
	}
	return -1;
}

/* dl_iterate_phdr() lists the main program, which is the broker, first: it looks there, and stops. */
static int look_for_revision(struct dl_phdr_info *program, size_t size, void *found)
{
	int *revision = found;
	(void)size;

	for (size_t i = 0; i < program->dlpi_phnum && *revision < 0; i++) {
		const ElfW(Phdr) *segment = &program->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || (segment->p_flags & (PF_R | PF_W)) != PF_R) continue;
		*revision = find_revision((const char *)(uintptr_t)(program->dlpi_addr + segment->p_vaddr), segment->p_filesz);
	}
	return 1;
}

static int broker_revision(void)
{
	int revision = -1;
	dl_iterate_phdr(look_for_revision, &revision);
	return revision;
}
#else /* other systems support only 2.1, which needs no number */
static int broker_revision(void)
{
	return -1;
}
#endif

/*
 * Finds out who frees a topic that a plugin has replaced: until 2.0.14 the plugin, since 2.0.15 the broker. A wrong
 * guess is a leak with each request, or memory freed twice. Headers and symbols of all 2.0 are alike, and a plugin
 * file stays in place when the broker is upgraded. So the version is read from the running broker, which has it as text.
 */
static bool who_frees_the_topic(bool *broker_frees)
{
	int revision = is_2_1() ? -1 : broker_revision();
	*broker_frees = is_2_1() || revision >= 15;
	return is_2_1() || revision >= 0;
}

static bool read_topic(struct identity *self, const char *text)
{
	return read_pattern(&self->requests, text, ":client", ":node :user :token");
}

static bool read_answer_topic(struct identity *self, const char *text)
{
	return read_pattern(&self->answers, text, ":client", "");
}

/* Whether it is the option of that name with true or false, which it takes. */
static bool read_switch(const struct mosquitto_opt *option, const char *name, bool *on)
{
	const char *value = option->value == NULL ? "" : option->value;
	if (strcmp(option->key, name) != 0 || (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)) return false;
	*on = strcmp(value, "true") == 0;
	return true;
}

static int read_options(struct identity *self, const struct mosquitto_opt *options, int count)
{
	read_topic(self, REQUEST_TOPIC);
	read_answer_topic(self, ANSWER_TOPIC);
	read_worker_prefix(&self->hints, WORKER_PREFIX);
	for (int i = 0; i < count; i++) {
		const char *value = options[i].value == NULL ? "" : options[i].value;
		if (read_limit(&self->limit, options[i].key, value)) continue;
		if (strcmp(options[i].key, "request_topic") == 0 && read_topic(self, value)) continue;
		if (strcmp(options[i].key, "answer_topic") == 0 && read_answer_topic(self, value)) continue;
		if (read_switch(&options[i], "guard_wills", &self->guard_wills)) continue;
		if (read_switch(&options[i], "hints", &self->hints.are_on)) continue;
		if (strcmp(options[i].key, "worker_prefix") == 0 && read_worker_prefix(&self->hints, value)) continue;
		return refuse_option("client_identity", &options[i], "plugin_opt_guard_wills|hints true|false, plugin_opt_worker_prefix TEXT, plugin_opt_request_topic|answer_topic PATTERN, plugin_opt_"
				"request_payload_bytes|request_bytes_per_second|request_bytes_burst|requests_per_second|requests_burst NUMBER");
	}
	if (self->hints.are_on && !self->guard_wills) {
		mosquitto_log_printf(MOSQ_LOG_ERR, "client_identity: plugin_opt_hints needs plugin_opt_guard_wills true");
		return MOSQ_ERR_INVAL;
	}
	return MOSQ_ERR_SUCCESS;
}

static int listen(struct identity *self)
{
	int rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_MESSAGE, on_message, NULL, self);
	if (rc != MOSQ_ERR_SUCCESS || !self->guard_wills) return rc;
	rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_ACL_CHECK, on_acl_check, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_TICK, on_tick, NULL, self);
	if (rc != MOSQ_ERR_SUCCESS || !self->hints.are_on) return rc;
	rc = mosquitto_callback_register(self->plugin, MOSQ_EVT_DISCONNECT, on_disconnect, NULL, self);
	if (rc == MOSQ_ERR_SUCCESS && is_2_1()) {
		rc = mosquitto_callback_register(self->plugin, EVT_CLIENT_OFFLINE, on_disconnect, NULL, self);
	}
	return rc;
}

static void stop_listening(struct identity *self)
{
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_MESSAGE, on_message, NULL);
	if (!self->guard_wills) return;
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_ACL_CHECK, on_acl_check, NULL);
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_TICK, on_tick, NULL);
	if (!self->hints.are_on) return;
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_DISCONNECT, on_disconnect, NULL);
	if (is_2_1()) mosquitto_callback_unregister(self->plugin, EVT_CLIENT_OFFLINE, on_disconnect, NULL);
}

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
	return supported_api(supported_version_count, supported_versions);
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options, int count)
{
	struct identity *self = mosquitto_calloc(1, sizeof *self);
	if (self == NULL) return MOSQ_ERR_NOMEM;
	self->plugin = identifier;

	int rc = open_limit(&self->limit);
	if (rc == MOSQ_ERR_SUCCESS) rc = read_options(self, options, count);
	if (is_2_1()) mosquitto_plugin_set_info(identifier, "client_identity", "1.0");
	if (rc == MOSQ_ERR_SUCCESS && (!can_read_properties() || !who_frees_the_topic(&self->broker_frees_topic))) {
		mosquitto_log_printf(MOSQ_LOG_ERR, "client_identity: this broker is neither Mosquitto 2.0 nor 2.1");
		rc = MOSQ_ERR_NOT_SUPPORTED;
	}
	if (rc == MOSQ_ERR_SUCCESS) rc = listen(self);
	if (rc != MOSQ_ERR_SUCCESS) {
		close_limit(&self->limit);
		mosquitto_free(self);
		return rc;
	}
	*userdata = self;
	mosquitto_log_printf(MOSQ_LOG_INFO, "client_identity: requests on %s carry their publisher's client id%s",
			self->requests.text, self->guard_wills ? ", and so do wills" : "");
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int count)
{
	struct identity *self = userdata;
	(void)options;
	(void)count;

	if (self == NULL) return MOSQ_ERR_SUCCESS;
	stop_listening(self);
	close_hints(&self->hints);
	forget_will(self);
	close_limit(&self->limit);
	mosquitto_free(self);
	return MOSQ_ERR_SUCCESS;
}
