/*
 * broker.h: what the plugins share. Each is one C file and this one, for Mosquitto 2.0 and 2.1 alike.
 * client_identity.c has hints.h besides, it and client_binding.c request_limit.h, it and client_delivery.c properties.h and topics.h.
 */
#ifndef BROKER_H
#define BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#if __has_include(<mosquitto/broker.h>) /* 2.1; its mosquitto_broker.h only warns that it has moved */
#  include <mosquitto.h>
#else
#  include <mosquitto_broker.h>
#  include <mosquitto_plugin.h>
#  if __has_include(<mosquitto.h>)
#    include <mosquitto.h>
#  else /* some distributions have it in a separate package; these values are part of the ABI */
enum { MOSQ_ERR_SUCCESS = 0, MOSQ_ERR_NOMEM = 1, MOSQ_ERR_INVAL = 3, MOSQ_ERR_NOT_SUPPORTED = 10 };
enum { MOSQ_ERR_AUTH = 11, MOSQ_ERR_ACL_DENIED = 12, MOSQ_ERR_UNKNOWN = 13, MOSQ_ERR_PLUGIN_DEFER = 17 };
enum { MOSQ_LOG_INFO = 1 << 0, MOSQ_LOG_WARNING = 1 << 2, MOSQ_LOG_ERR = 1 << 3 };
int mosquitto_property_add_binary(mosquitto_property **, int, const void *, uint16_t);
int mosquitto_property_add_byte(mosquitto_property **, int, uint8_t);
int mosquitto_property_add_int32(mosquitto_property **, int, uint32_t);
int mosquitto_property_add_string(mosquitto_property **, int, const char *);
int mosquitto_property_add_string_pair(mosquitto_property **, int, const char *, const char *);
int mosquitto_property_copy_all(mosquitto_property **, const mosquitto_property *);
void mosquitto_property_free_all(mosquitto_property **);
const mosquitto_property *mosquitto_property_next(const mosquitto_property *);
int mosquitto_property_identifier(const mosquitto_property *);
const mosquitto_property *mosquitto_property_read_binary(const mosquitto_property *, int, void **, uint16_t *, bool);
const mosquitto_property *mosquitto_property_read_string(const mosquitto_property *, int, char **, bool);
const mosquitto_property *mosquitto_property_read_string_pair(const mosquitto_property *, int, char **, char **, bool);
#  endif
/* Only 2.1 has these symbols. The first identifies a 2.1 broker, whatever headers we were compiled with. */
int mosquitto_plugin_set_info(mosquitto_plugin_id_t *, const char *, const char *);
unsigned int mosquitto_property_get_length(const mosquitto_property *);
#endif

#pragma weak mosquitto_plugin_set_info

enum {
	PLUGIN_API = 5,
	PLUGIN_IGNORE = 32,   /* MOSQ_ERR_PLUGIN_IGNORE, 2.1 and later: as if this callback did not exist */
	EVT_CONNECT = 11,     /* MOSQ_EVT_CONNECT, 2.1 and later: a client has logged in */
	EVT_CLIENT_OFFLINE = 28, /* MOSQ_EVT_CLIENT_OFFLINE, 2.1 and later */
	LOG_INTERVAL_S = 10,  /* refusals are logged at most this often: a client must not fill the log */
	LOG_TEXT_MAX = 64     /* bytes of a name that are shown */
};

/* When a refusal was last logged, and how many have followed. */
struct refusals {
	time_t last_logged;
	unsigned long unlogged;
};

static inline bool is_2_1(void)
{
	return mosquitto_plugin_set_info != NULL;
}

/* What a callback returns so that the broker asks the next plugin. */
static inline int no_opinion(void)
{
	return is_2_1() ? PLUGIN_IGNORE : MOSQ_ERR_PLUGIN_DEFER;
}

static inline int supported_api(int count, const int *versions)
{
	for (int i = 0; i < count; i++) {
		if (versions[i] == PLUGIN_API) return PLUGIN_API;
	}
	return -1;
}

/*
 * Copies a name without control bytes and bytes beyond ASCII, so that they never reach the log: the client chooses
 * the name.
 */
static inline void printable(const char *text, char shown[LOG_TEXT_MAX + 1])
{
	size_t length = 0;
	for (; text != NULL && text[length] != '\0' && length < LOG_TEXT_MAX; length++) {
		shown[length] = text[length] >= ' ' && text[length] <= '~' ? text[length] : '?';
	}
	shown[length] = '\0';
}

/* Whether this refusal is to be logged, one in so many seconds. The caller then logs how many were skipped, and sets `unlogged` to 0. */
static inline bool is_to_be_logged(struct refusals *refusals, time_t interval)
{
	time_t now = time(NULL);
	if (now >= refusals->last_logged && now - refusals->last_logged < interval) {
		refusals->unlogged++;
		return false;
	}
	refusals->last_logged = now;
	return true;
}

/* The names of one option. */
struct names {
	struct names *next;
	char list[];
};

/* Whether these are names of visible ASCII with a comma between each two. */
static inline bool is_list(const char *text)
{
	bool begins = true;
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~' || (begins && *text == ',')) return false;
		begins = *text == ',';
	}
	return !begins;
}

/* Adds the names of an option; MOSQ_ERR_INVAL if it has another form. */
static inline int add_names(struct names **all, const char *list)
{
	if (!is_list(list)) return MOSQ_ERR_INVAL;
	size_t size = strlen(list) + 1;
	struct names *names = mosquitto_calloc(1, sizeof *names + size);
	if (names == NULL) return MOSQ_ERR_NOMEM;
	memcpy(names->list, list, size);
	names->next = *all;
	*all = names;
	return MOSQ_ERR_SUCCESS;
}

static inline bool is_listed(const struct names *names, const char *name)
{
	size_t length = strlen(name);
	for (; names != NULL; names = names->next) {
		for (const char *at = names->list;; at++) {
			size_t size = strcspn(at, ",");
			if (size == length && memcmp(at, name, length) == 0) return true;
			at += size;
			if (*at == '\0') break;
		}
	}
	return false;
}

static inline void forget_names(struct names **all)
{
	while (*all != NULL) {
		struct names *names = *all;
		*all = names->next;
		mosquitto_free(names);
	}
}

/* Refuses to load a plugin that would do less than its configuration asks for; the broker then does not start. */
static inline int refuse_option(const char *plugin, const struct mosquitto_opt *option, const char *allowed)
{
	char key[LOG_TEXT_MAX + 1];
	char value[LOG_TEXT_MAX + 1];
	printable(option->key, key);
	printable(option->value, value);
	mosquitto_log_printf(MOSQ_LOG_ERR, "%s: cannot read \"plugin_opt_%s %s\"; allowed: %s", plugin, key, value, allowed);
	return MOSQ_ERR_INVAL;
}

#endif
