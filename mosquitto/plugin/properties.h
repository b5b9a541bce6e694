/*
 * properties.h: the MQTT 5 properties of a message, measured and copied, for client_identity.c and client_delivery.c.
 *
 * Plugins may call what the linker.syms of the broker lists. That of 2.0 has functions that add properties, and none that
 * reads one: the official builds and Debian 13 export no more, Debian 12 exports everything. So a property of 2.0 is read
 * where it lies. Its layout is one from 2.0.0 to 2.0.22, and is compared when the plugin is loaded. 2.1 exports all.
 */
#ifndef PROPERTIES_H
#define PROPERTIES_H

#include <stdlib.h>

#include "broker.h"

#pragma weak mosquitto_property_copy_all
#pragma weak mosquitto_property_get_length
#pragma weak mosquitto_property_identifier
#pragma weak mosquitto_property_next
#pragma weak mosquitto_property_read_binary
#pragma weak mosquitto_property_read_string
#pragma weak mosquitto_property_read_string_pair

enum {
	PROPERTY_PAYLOAD_FORMAT = 1,
	PROPERTY_MESSAGE_EXPIRY = 2,
	PROPERTY_CONTENT_TYPE = 3,
	PROPERTY_RESPONSE_TOPIC = 8,
	PROPERTY_CORRELATION_DATA = 9,
	PROPERTY_USER = 38,
	USER_VALUE_MAX = 15 /* bytes of a user property's value that we read */
};

struct text_2_0 {
	char *bytes;
	uint16_t length;
};

struct property_2_0 {
	const struct property_2_0 *next;
	union {
		uint8_t byte;
		uint32_t number;
		struct text_2_0 text; /* not set in a property that is a number */
	} value;
	struct text_2_0 name; /* of a user property, else empty */
	int32_t identifier;
};

static inline const struct property_2_0 *seen_by_2_0(const mosquitto_property *property)
{
	return (const struct property_2_0 *)(const void *)property;
}

static inline bool is_text_2_0(const struct property_2_0 *property)
{
	return property->identifier == PROPERTY_CONTENT_TYPE || property->identifier == PROPERTY_RESPONSE_TOPIC
			|| property->identifier == PROPERTY_CORRELATION_DATA || property->identifier == PROPERTY_USER;
}

static inline const mosquitto_property *next_property(const mosquitto_property *property)
{
	if (is_2_1()) return mosquitto_property_next(property);
	return (const mosquitto_property *)(const void *)seen_by_2_0(property)->next;
}

/* Some builds of 2.1 show the length of a property only by a copy of it. */
static inline size_t text_bytes_by_copy(const mosquitto_property *property)
{
	char *name = NULL;
	char *value = NULL;
	void *data = NULL;
	uint16_t data_length = 0;

	int identifier = mosquitto_property_identifier(property);
	mosquitto_property_read_string_pair(property, identifier, &name, &value, false);
	if (name == NULL) mosquitto_property_read_string(property, identifier, &value, false);
	if (value == NULL) mosquitto_property_read_binary(property, identifier, &data, &data_length, false);
	size_t bytes = data_length + (name == NULL ? 0 : strlen(name)) + (value == NULL ? 0 : strlen(value));
	free(name);
	free(value);
	free(data);
	return bytes;
}

/* How many bytes of text a property has; a number counts as none, or as its few bytes. */
static inline size_t text_bytes(const mosquitto_property *property)
{
	if (mosquitto_property_get_length != NULL) return mosquitto_property_get_length(property);
	if (is_2_1()) return text_bytes_by_copy(property);
	const struct property_2_0 *seen = seen_by_2_0(property);
	return (size_t)seen->name.length + (is_text_2_0(seen) ? seen->value.text.length : 0);
}

static inline int copy_property_2_0(mosquitto_property **copies, const struct property_2_0 *from)
{
	const struct text_2_0 *text = &from->value.text;
	switch (from->identifier) {
	case PROPERTY_PAYLOAD_FORMAT:
		return mosquitto_property_add_byte(copies, from->identifier, from->value.byte);
	case PROPERTY_MESSAGE_EXPIRY:
		return mosquitto_property_add_int32(copies, from->identifier, from->value.number);
	case PROPERTY_CONTENT_TYPE:
	case PROPERTY_RESPONSE_TOPIC:
		return mosquitto_property_add_string(copies, from->identifier, text->bytes);
	case PROPERTY_CORRELATION_DATA:
		return mosquitto_property_add_binary(copies, from->identifier, text->bytes, text->length);
	case PROPERTY_USER:
		return mosquitto_property_add_string_pair(copies, from->identifier, from->name.bytes, text->bytes);
	default: /* Those of one connection, such as a topic alias, are not the message's. */
		return MOSQ_ERR_SUCCESS;
	}
}

/* Copies all properties; `*copies` is NULL before, and after a failure. */
static inline int copy_properties(mosquitto_property **copies, const mosquitto_property *properties)
{
	if (is_2_1()) return mosquitto_property_copy_all(copies, properties);
	int rc = MOSQ_ERR_SUCCESS;
	for (const struct property_2_0 *from = seen_by_2_0(properties); from != NULL && rc == MOSQ_ERR_SUCCESS; from = from->next) {
		rc = copy_property_2_0(copies, from);
	}
	if (rc != MOSQ_ERR_SUCCESS) mosquitto_property_free_all(copies);
	return rc;
}

/* Copies the value of a user property; false if it is no user property of this name, or has a longer value. */
static inline bool read_user_property(const mosquitto_property *property, const char *name, char value[USER_VALUE_MAX + 1])
{
	char *own_name = NULL;
	char *own_value = NULL;
	const struct property_2_0 *seen = is_2_1() ? NULL : seen_by_2_0(property);
	int identifier = seen != NULL ? seen->identifier : mosquitto_property_identifier(property);
	if (identifier != PROPERTY_USER) return false;
	if (seen == NULL) mosquitto_property_read_string_pair(property, PROPERTY_USER, &own_name, &own_value, false);
	const char *found = seen == NULL ? own_name : seen->name.bytes;
	const char *text = seen == NULL ? own_value : seen->value.text.bytes;
	bool is_meant = found != NULL && text != NULL && strcmp(found, name) == 0 && strlen(text) <= USER_VALUE_MAX;
	if (is_meant) memcpy(value, text, strlen(text) + 1);
	free(own_name);
	free(own_value);
	return is_meant;
}

static inline bool has_text(const struct text_2_0 *text, const char *expected)
{
	return text->length == strlen(expected) && text->bytes != NULL && memcmp(text->bytes, expected, text->length) == 0;
}

/* Whether this broker keeps properties as we read them. Compares three that it makes itself. */
static inline bool can_read_properties(void)
{
	if (is_2_1()) return mosquitto_property_next != NULL && mosquitto_property_copy_all != NULL;
	mosquitto_property *made = NULL;
	bool can = mosquitto_property_add_string_pair(&made, PROPERTY_USER, "name", "a value") == MOSQ_ERR_SUCCESS
			&& mosquitto_property_add_int32(&made, PROPERTY_MESSAGE_EXPIRY, 0x01020304) == MOSQ_ERR_SUCCESS
			&& mosquitto_property_add_binary(&made, PROPERTY_CORRELATION_DATA, "\0data", 5) == MOSQ_ERR_SUCCESS;
	const struct property_2_0 *user = seen_by_2_0(made);
	const struct property_2_0 *expiry = can ? user->next : NULL;
	const struct property_2_0 *data = expiry == NULL ? NULL : expiry->next;
	can = can && user->identifier == PROPERTY_USER && has_text(&user->name, "name") && has_text(&user->value.text, "a value")
			&& expiry != NULL && expiry->identifier == PROPERTY_MESSAGE_EXPIRY && expiry->value.number == 0x01020304
			&& expiry->name.length == 0 && data != NULL && data->identifier == PROPERTY_CORRELATION_DATA
			&& data->value.text.length == 5 && memcmp(data->value.text.bytes, "\0data", 5) == 0 && data->next == NULL;
	mosquitto_property_free_all(&made);
	return can;
}

#endif
