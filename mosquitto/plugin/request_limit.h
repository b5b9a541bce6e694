/*
 * request_limit.h: what one client may put into the queues of the workers, for client_identity.c; and how often it may
 * connect, for client_binding.c.
 *
 * Mosquitto bounds what it queues for a subscriber, and then drops what others publish. So each client has two
 * allowances, one of requests and one of bytes, which fill up steadily. What they do not hold is refused. They belong to
 * the client id: they outlive the connection, so a client that connects anew has what it had.
 *
 * An allowance is one time: the one at which it is full again (the generic cell rate algorithm). A client whose
 * allowances are full needs no place in the table, so the table is as large as the clients that are in debt at one time.
 */
#ifndef REQUEST_LIMIT_H
#define REQUEST_LIMIT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "properties.h"

enum {
	SET_COUNT = 1024,           /* A power of two. */
	SET_SIZE = 8,               /* Places that a client id may have; 8,192 places of 24 bytes in all. */
	PROPERTY_OVERHEAD = 96,     /* bytes; what the broker takes for a property besides its text, about */
	LIMIT_LOG_INTERVAL_S = 60
};

static const uint64_t NS_PER_S = 1000000000;

/* Of each client. No limit if `per_second` is 0. At most UINT32_MAX each, so that no product overflows. */
struct rate {
	uint64_t per_second;
	uint64_t burst;
};

/* Of one client: when its allowances are full again, in nanoseconds; free if both times are over. */
struct debt {
	uint64_t client; /* hash of the client id */
	uint64_t bytes_until;
	uint64_t count_until;
};

struct request_limit {
	struct rate bytes;
	struct rate count;
	uint64_t payload; /* bytes of the largest; no limit if 0 */
	uint64_t key[2];
	struct debt *table;
	struct refusals refusals;
};

static inline uint64_t rotate(uint64_t word, int bits)
{
	return (word << bits) | (word >> (64 - bits));
}

static inline void sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1]; v[1] = rotate(v[1], 13) ^ v[0]; v[0] = rotate(v[0], 32);
		v[2] += v[3]; v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3]; v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1]; v[1] = rotate(v[1], 17) ^ v[2]; v[2] = rotate(v[2], 32);
	}
}

/* SipHash-2-4 with a random key: no client can choose an id that shares the place of another's. */
static inline uint64_t hash_id(const uint64_t key[2], const char *id)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573,
	};
	size_t length = strlen(id);
	for (size_t at = 0; at <= length; at += 8) {
		bool is_last = length - at < 8;
		uint64_t word = is_last ? (uint64_t)length << 56 : 0;
		for (size_t byte = 0; byte < 8 && at + byte < length; byte++) {
			word |= (uint64_t)(unsigned char)id[at + byte] << (8 * byte);
		}
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline uint64_t later(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

/* The places that a client may have. */
static inline struct debt *set_of(const struct request_limit *limit, uint64_t client)
{
	return limit->table + (client % SET_COUNT) * SET_SIZE;
}

/* The place of this client; without one, the place of its set that owes least, which then owes nothing. */
static inline struct debt *find_debt(struct request_limit *limit, const char *id)
{
	uint64_t client = hash_id(limit->key, id);
	struct debt *set = set_of(limit, client);
	struct debt *least = set;
	for (struct debt *at = set; at < set + SET_SIZE; at++) {
		if (at->client == client) return at;
		if (later(at->bytes_until, at->count_until) < later(least->bytes_until, least->count_until)) least = at;
	}
	*least = (struct debt){ .client = client };
	return least;
}

/* When the allowance is full again once `amount` is taken; 0 if it does not hold that. */
static inline uint64_t taken(const struct rate *rate, uint64_t until, uint64_t now, uint64_t amount)
{
	if (rate->per_second == 0) return now;
	if (amount > rate->burst) return 0;
	uint64_t then = later(until, now) + amount * NS_PER_S / rate->per_second;
	return then - now > rate->burst * NS_PER_S / rate->per_second ? 0 : then;
}

static inline uint64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Takes one request of so many bytes from the client's allowances, or nothing. Returns whether they held it. */
static inline bool take_request(struct request_limit *limit, const char *id, size_t bytes)
{
	struct debt *debt = find_debt(limit, id);
	uint64_t now = monotonic_ns();
	uint64_t bytes_until = taken(&limit->bytes, debt->bytes_until, now, bytes);
	uint64_t count_until = taken(&limit->count, debt->count_until, now, 1);
	if (bytes_until == 0 || count_until == 0) return false;
	debt->bytes_until = bytes_until;
	debt->count_until = count_until;
	return true;
}

/* Takes more bytes for a request that is counted already, or nothing. */
static inline bool take_bytes(struct request_limit *limit, const char *id, size_t bytes)
{
	if (bytes == 0) return true;
	struct debt *debt = find_debt(limit, id);
	uint64_t until = taken(&limit->bytes, debt->bytes_until, monotonic_ns(), bytes);
	if (until != 0) debt->bytes_until = until;
	return until != 0;
}

/* Whether the allowance of a client holds so much. It takes no place in the table, which strangers could fill otherwise. */
static inline bool holds(const struct request_limit *limit, const char *id, uint64_t amount)
{
	uint64_t client = hash_id(limit->key, id);
	const struct debt *set = set_of(limit, client);
	for (const struct debt *at = set; at < set + SET_SIZE; at++) {
		if (at->client == client) return taken(&limit->count, at->count_until, monotonic_ns(), amount) != 0;
	}
	return true;
}

/* Takes that from the allowance, or nothing. */
static inline void take_count(struct request_limit *limit, const char *id, uint64_t amount)
{
	struct debt *debt = find_debt(limit, id);
	uint64_t until = taken(&limit->count, debt->count_until, monotonic_ns(), amount);
	if (until != 0) debt->count_until = until;
}

/* What the broker keeps of properties, about. It stops beyond what a client can have, so that it is no work. */
static inline size_t property_bytes(const struct request_limit *limit, const mosquitto_property *property)
{
	size_t bytes = 0;
	if (limit->bytes.per_second == 0) return 0;
	for (; property != NULL && bytes <= limit->bytes.burst; property = next_property(property)) {
		bytes += PROPERTY_OVERHEAD + text_bytes(property);
	}
	return bytes;
}

/* Says of a client, once a minute, what it was refused and why. */
static inline void log_excess(struct request_limit *limit, const char *what, const char *id, const char *why)
{
	if (!is_to_be_logged(&limit->refusals, LIMIT_LOG_INTERVAL_S)) return;
	char shown[LOG_TEXT_MAX + 1];
	printable(id, shown);
	mosquitto_log_printf(MOSQ_LOG_WARNING, "%s of client \"%s\" %s (%lu more not logged)", what, shown, why, limit->refusals.unlogged);
	limit->refusals.unlogged = 0;
}

/* Only this code refuses a publish and ends nobody's connection, in 2.0 and 2.1. */
static inline int refuse_excess(struct request_limit *limit, const char *id)
{
	log_excess(limit, "client_identity: request", id, "refused: it sends too much");
	return MOSQ_ERR_ACL_DENIED;
}

/* Reads at most 10 digits, UINT32_MAX at most. */
static inline bool read_number(const char *value, uint64_t *number)
{
	size_t digits = strspn(value, "0123456789");
	if (digits == 0 || digits > 10 || value[digits] != '\0') return false;
	*number = strtoull(value, NULL, 10);
	return *number <= UINT32_MAX;
}

/* Returns whether the key is one of these limits, and the value a number. */
static inline bool read_limit(struct request_limit *limit, const char *key, const char *value)
{
	const struct {
		const char *key;
		uint64_t *value;
	} options[] = {
		{ "request_payload_bytes", &limit->payload },
		{ "request_bytes_per_second", &limit->bytes.per_second },
		{ "request_bytes_burst", &limit->bytes.burst },
		{ "requests_per_second", &limit->count.per_second },
		{ "requests_burst", &limit->count.burst },
	};
	uint64_t number;

	if (!read_number(value, &number)) return false;
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		if (strcmp(key, options[i].key) != 0) continue;
		*options[i].value = number;
		return true;
	}
	return false;
}

static inline int open_table(struct request_limit *limit, const char *plugin)
{
	FILE *random = fopen("/dev/urandom", "rb");
	size_t read = random == NULL ? 0 : fread(limit->key, sizeof limit->key, 1, random);
	if (random != NULL) fclose(random);
	if (read != 1) {
		mosquitto_log_printf(MOSQ_LOG_ERR, "%s: cannot read /dev/urandom", plugin);
		return MOSQ_ERR_NOT_SUPPORTED;
	}
	limit->table = mosquitto_calloc(SET_COUNT * SET_SIZE, sizeof *limit->table);
	return limit->table == NULL ? MOSQ_ERR_NOMEM : MOSQ_ERR_SUCCESS;
}

/* The defaults: four times what workers let in of one client, by its count; as many bytes as they let in at once. */
static inline int open_limit(struct request_limit *limit)
{
	*limit = (struct request_limit){
		.bytes = { .per_second = 256 * 1024, .burst = 2304 * 1024 },
		.count = { .per_second = 200, .burst = 2000 },
		.payload = 512 * 1024,
	};
	return open_table(limit, "client_identity");
}

static inline void close_limit(struct request_limit *limit)
{
	mosquitto_free(limit->table);
}

#endif
