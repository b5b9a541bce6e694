/*
 * hints.h: what client_identity.c says to testers with `plugin_opt_hints true`.
 *
 * On qa/missed/<client> it says which publishes became no request; a worker in QA mode hears that and gives the hint. Without a
 * worker nobody does, so the broker itself says on qa/hint/<client> that no worker is subscribed.
 *
 * A client whose id begins with the workers' prefix is a worker (MQTT_WORKER_PREFIX; here `plugin_opt_worker_prefix`). It takes
 * requests from its shared subscription on, which each worker makes on each connection, to its end.
 */
#ifndef HINTS_H
#define HINTS_H

#include <stdio.h>
#include <stdlib.h>

#include "properties.h"
#include "topics.h"

enum {
	HINT_TOPIC_MAX = 512,    /* bytes of a publish that are shown */
	HINT_PAYLOAD_MAX = 256,
	HINTS_PER_SECOND = 100,  /* for all clients */
	HINTED_MAX = 100,        /* clients that are told that there is no worker, until there is one */
	HINT_EXPIRY_S = 600,
	WORKER_PREFIX_MAX = 128  /* bytes */
};

#define WORKER_PREFIX "profile-"

/* A worker that takes requests. */
struct worker {
	struct worker *next;
	const void *connection;
};

struct hints {
	bool are_on;
	char worker_prefix[WORKER_PREFIX_MAX + 1];
	time_t at; /* the second that `given` counts */
	int given;
	struct worker *workers;
	char *hinted[HINTED_MAX];
	size_t hinted_count;
};

/* The reason why an id cannot be a topic level, or NULL if it can. */
static inline const char *unusable(const char *id)
{
	if (id == NULL || *id == '\0') return "it has no client id";
	if (strpbrk(id, "/+#") != NULL) return "its client id holds '/', '+' or '#'";
	return NULL;
}

/* Takes the beginning of workers' client ids: 1 to 128 visible characters that can stand in a topic level. */
static inline bool read_worker_prefix(struct hints *hints, const char *text)
{
	size_t length = strlen(text);
	if (unusable(text) != NULL || length > WORKER_PREFIX_MAX) return false;
	for (const char *byte = text; *byte != '\0'; byte++) {
		if (*byte <= ' ' || *byte > '~') return false;
	}
	memcpy(hints->worker_prefix, text, length + 1);
	return true;
}

static inline bool is_worker(const struct hints *hints, const char *id)
{
	return strncmp(id, hints->worker_prefix, strlen(hints->worker_prefix)) == 0;
}

/* Whether one more may be given now. */
static inline bool take_hint(struct hints *hints)
{
	time_t now = time(NULL);
	if (now != hints->at) hints->given = 0;
	hints->at = now;
	return hints->given++ < HINTS_PER_SECOND;
}

/* Publishes below a topic that ends with '/'. A retained one is forgotten after a while; an empty one takes it back. */
static inline void publish_hint(const char *below, const char *id, const void *payload, size_t length, bool retain)
{
	size_t size = strlen(below) + strlen(id) + 1;
	if (size > UINT16_MAX) return; /* no topic is longer */
	char *topic = mosquitto_malloc(size);
	mosquitto_property *properties = NULL;
	if (topic == NULL) return;
	snprintf(topic, size, "%s%s", below, id);
	int rc = retain && length > 0 ? mosquitto_property_add_int32(&properties, PROPERTY_MESSAGE_EXPIRY, HINT_EXPIRY_S) : MOSQ_ERR_SUCCESS;
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_broker_publish_copy(NULL, topic, (int)length, payload, 0, retain, properties);
	if (rc != MOSQ_ERR_SUCCESS) mosquitto_property_free_all(&properties);
	mosquitto_free(topic);
}

/*
 * Says that a publish became no request: "<why> <topic>", a zero byte, and the first bytes of the payload. Not of workers, which
 * publish answers, and not twice for one publish: only the ACL check says it.
 */
static inline void hint_missed(struct hints *hints, const struct mosquitto_evt_acl_check *check, const char *why)
{
	const char *id = check->client == NULL ? NULL : mosquitto_client_id(check->client);
	if (!hints->are_on || unusable(id) != NULL || is_worker(hints, id)) return;
	if (check->topic[0] == '$') return; /* the broker's own topics, with the passwords of new users */
	if (!take_hint(hints)) return;

	size_t topic_length = strnlen(check->topic, HINT_TOPIC_MAX);
	size_t payload_length = check->payload == NULL ? 0 : check->payloadlen;
	if (payload_length > HINT_PAYLOAD_MAX) payload_length = HINT_PAYLOAD_MAX;
	size_t why_length = strlen(why);
	size_t length = why_length + 1 + topic_length + 1 + payload_length;
	char *payload = mosquitto_malloc(length);
	if (payload == NULL) return;
	memcpy(payload, why, why_length);
	payload[why_length] = ' ';
	memcpy(payload + why_length + 1, check->topic, topic_length);
	payload[why_length + 1 + topic_length] = '\0';
	if (payload_length > 0) memcpy(payload + length - payload_length, check->payload, payload_length);
	publish_hint("qa/missed/", id, payload, length, false);
	mosquitto_free(payload);
}

/* Keeps the client, whose hint goes when a worker comes. Returns whether there is room. */
static inline bool keep_hinted(struct hints *hints, const char *id)
{
	for (size_t i = 0; i < hints->hinted_count; i++) {
		if (strcmp(hints->hinted[i], id) == 0) return true;
	}
	size_t size = strlen(id) + 1;
	char *kept = hints->hinted_count < HINTED_MAX ? mosquitto_malloc(size) : NULL;
	if (kept == NULL) return false;
	memcpy(kept, id, size);
	hints->hinted[hints->hinted_count++] = kept;
	return true;
}

/* Says to the client of a request that nobody takes it now, in the form of a worker's hints. */
static inline void hint_unheard(struct hints *hints, const char *id, uint8_t qos)
{
	if (!hints->are_on || hints->workers != NULL || is_worker(hints, id) || !take_hint(hints)) return;
	char at[sizeof "2000-01-01T00:00:00Z"] = "";
	time_t now = time(NULL);
	struct tm utc;
	if (gmtime_r(&now, &utc) != NULL) strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &utc);
	char payload[512];
	int length = snprintf(payload, sizeof payload, "No worker is subscribed to requests;\nqa/status says when one is. %s\n\n%s",
			qos == 0 ? "This request is lost,\nas its QoS is 0: publish it again then."
			         : "The broker keeps\nthis request for a worker that was stopped or killed:\nit is answered when one is back.", at);
	if (length < 0 || (size_t)length >= sizeof payload) return;
	publish_hint("qa/hint/", id, payload, (size_t)length, keep_hinted(hints, id));
}

/* Takes back what was said while there was no worker. */
static inline void take_back_hints(struct hints *hints)
{
	while (hints->hinted_count > 0) {
		char *id = hints->hinted[--hints->hinted_count];
		publish_hint("qa/hint/", id, "", 0, true);
		mosquitto_free(id);
	}
}

/* This connection takes no requests any more. */
static inline void note_gone(struct hints *hints, const void *connection)
{
	for (struct worker **link = &hints->workers; *link != NULL; link = &(*link)->next) {
		if ((*link)->connection != connection) continue;
		struct worker *gone = *link;
		*link = gone->next;
		mosquitto_free(gone);
		return;
	}
}

static inline void note_worker(struct hints *hints, const void *connection)
{
	note_gone(hints, connection);
	struct worker *worker = mosquitto_calloc(1, sizeof *worker);
	if (worker == NULL) return;
	worker->connection = connection;
	worker->next = hints->workers;
	hints->workers = worker;
	take_back_hints(hints);
}

/* The broker asks before it adds or ends a subscription. */
static inline void note_subscription(struct hints *hints, const struct mosquitto_evt_acl_check *check, const struct pattern *requests)
{
	static const char shared[] = "$share/";
	if (!hints->are_on || check->client == NULL || check->topic == NULL || strncmp(check->topic, shared, sizeof shared - 1) != 0) return;
	const char *id = mosquitto_client_id(check->client);
	const char *filter = strchr(check->topic + sizeof shared - 1, '/');
	if (id == NULL || filter == NULL || !is_worker(hints, id) || !has_name(requests, filter + 1)) return;
	if (check->access == MOSQ_ACL_SUBSCRIBE) note_worker(hints, check->client);
	else note_gone(hints, check->client);
}

static inline void close_hints(struct hints *hints)
{
	while (hints->workers != NULL) note_gone(hints, hints->workers->connection);
	while (hints->hinted_count > 0) mosquitto_free(hints->hinted[--hints->hinted_count]);
}

#endif
