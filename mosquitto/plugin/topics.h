/*
 * topics.h: the topics of a deployment, for client_identity.c and client_delivery.c.
 *
 * A pattern is a topic in which a level that begins with ':' stands for any text, such as events/1/:node/api/:user/:client/:token.
 * The worker has the same patterns in its settings, with the same rules (src/protocol/topic-patterns.ts).
 */
#ifndef TOPICS_H
#define TOPICS_H

#include "broker.h"

enum { PATTERN_LEVELS = 16, PATTERN_BYTES = 256 };

#define REQUEST_TOPIC "events/1/:node/api/:user/:client/:token"
#define ANSWER_TOPIC "actions/1/api/:client"
#define NOTICE_TOPIC "ses/:phone"

/* One level of a topic: `length` bytes from `start`. */
struct level {
	size_t start;
	size_t length;
};

struct pattern {
	char text[PATTERN_BYTES + 1];
	size_t name; /* bytes of the first level with its '/' */
};

static inline bool is_level(const char *level, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(level, name, length) == 0;
}

/* Whether `level` is one of the placeholders of `known`, which are separated by spaces. */
static inline bool is_known(const char *level, size_t length, const char *known)
{
	for (; *known != '\0'; known += strspn(known, " ")) {
		size_t size = strcspn(known, " ");
		if (size == length && memcmp(level, known, length) == 0) return true;
		known += size;
	}
	return false;
}

/* Whether the level stands once more in what follows it. */
static inline bool is_again(const char *level, size_t length)
{
	for (const char *at = level + length; *at == '/';) {
		size_t size = strcspn(++at, "/");
		if (size == length && memcmp(at, level, length) == 0) return true;
		at += size;
	}
	return false;
}

/*
 * Takes a pattern. Returns whether it is one: it begins with a name, has at most 16 levels, none of them empty, no
 * wildcards, and the placeholder `needed` once; others are in `known`, and none stands twice.
 */
static inline bool read_pattern(struct pattern *pattern, const char *text, const char *needed, const char *known)
{
	size_t count = 0;
	size_t found = 0;
	size_t size = strlen(text);

	if (size > PATTERN_BYTES || *text == ':' || *text == '$') return false;
	for (const char *byte = text; *byte != '\0'; byte++) {
		if (*byte <= ' ' || *byte > '~' || *byte == '+' || *byte == '#') return false;
	}
	for (const char *at = text;; at++) {
		size_t length = strcspn(at, "/");
		if (length == 0 || ++count > PATTERN_LEVELS) return false;
		if (*at == ':') {
			bool is_needed = is_level(at, length, needed);
			if ((!is_needed && !is_known(at, length, known)) || is_again(at, length)) return false;
			found += is_needed;
		}
		at += length;
		if (*at == '\0') break;
	}
	if (found != 1) return false;
	memcpy(pattern->text, text, size + 1);
	pattern->name = strcspn(text, "/") + 1;
	return true;
}

/*
 * Finds the level of a topic that stands for the placeholder. Returns whether the topic is one of the pattern; with
 * `rest`, also if it lies below one.
 */
static inline bool find_level(const struct pattern *pattern, const char *topic, const char *placeholder, struct level *level, bool rest)
{
	const char *wanted = pattern->text;
	const char *at = topic;

	*level = (struct level){ 0, 0 };
	for (;; wanted++, at++) {
		size_t wanted_length = strcspn(wanted, "/");
		size_t length = strcspn(at, "/");
		if (*wanted != ':') {
			if (length != wanted_length || memcmp(at, wanted, length) != 0) return false;
		} else if (is_level(wanted, wanted_length, placeholder)) {
			*level = (struct level){ (size_t)(at - topic), length };
		}
		wanted += wanted_length;
		at += length;
		if (*wanted == '\0') return *at == '\0' || rest;
		if (*at == '\0') return false;
	}
}

/* Whether the topic begins with the same name as the pattern. */
static inline bool has_name(const struct pattern *pattern, const char *topic)
{
	return topic != NULL && strncmp(topic, pattern->text, pattern->name) == 0;
}

#endif
