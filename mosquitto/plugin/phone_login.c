/*
 * phone_login: lets a phone log in with its number as the user name, or with a name that all phones share.
 *
 * A phone has several sessions, each with its own client id and token. Mosquitto's dynamic-security plugin stores them,
 * and has one password for each user name. So a session's user name there is its client id, which is unique and stays
 * when the phone moves to another number. This plugin for Mosquitto 2.0 and 2.1 is loaded before that one. It replaces
 * a user name that is a phone, 5 to 15 digits with or without a '+', by the client id.
 *
 * Other clients log in with a name that all of them share, such as `api`, and their token as the password:
 *
 *     plugin_opt_users api,mobile
 *
 * These names are replaced alike. So each client still has the password of its own client id, and no other.
 *
 * The plugin admits nobody: it defers every login, and a later plugin checks the password of the user of that name,
 * who is bound to the client id. The number itself is not checked; a client's own roles limit what it may read.
 *
 * Described in mosquitto/README.md.
 */
#include "broker.h"

enum { PHONE_MIN = 5, PHONE_MAX = 15 };

struct login {
	mosquitto_plugin_id_t *plugin;
	struct names *names;
};

static const char allowed[] = "plugin_opt_users NAME,NAME,... without white space";

static bool is_phone(const char *name)
{
	if (*name == '+') name++;
	size_t length = strspn(name, "0123456789");
	return name[length] == '\0' && length >= PHONE_MIN && length <= PHONE_MAX;
}

static int on_login(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_basic_auth *login = event_data;
	const struct login *self = userdata;
	(void)event;

	if (login->client == NULL || login->username == NULL) return MOSQ_ERR_PLUGIN_DEFER;
	if (!is_phone(login->username) && !is_listed(self->names, login->username)) return MOSQ_ERR_PLUGIN_DEFER;
	const char *id = mosquitto_client_id(login->client);
	if (id == NULL || *id == '\0') return MOSQ_ERR_AUTH;
	if (mosquitto_set_username(login->client, id) != MOSQ_ERR_SUCCESS) return MOSQ_ERR_AUTH;
	/* The broker has freed the name that the event holds. */
	login->username = (char *)(size_t)mosquitto_client_username(login->client);
	return MOSQ_ERR_PLUGIN_DEFER;
}

static int read_options(struct login *self, const struct mosquitto_opt *options, int count)
{
	for (int i = 0; i < count; i++) {
		const char *value = options[i].value == NULL ? "" : options[i].value;
		int rc = strcmp(options[i].key, "users") == 0 ? add_names(&self->names, value) : MOSQ_ERR_INVAL;
		if (rc == MOSQ_ERR_INVAL) return refuse_option("phone_login", &options[i], allowed);
		if (rc != MOSQ_ERR_SUCCESS) return rc;
	}
	return MOSQ_ERR_SUCCESS;
}

static void forget(struct login *self)
{
	forget_names(&self->names);
	mosquitto_free(self);
}

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
	return supported_api(supported_version_count, supported_versions);
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options, int count)
{
	struct login *self = mosquitto_calloc(1, sizeof *self);
	if (self == NULL) return MOSQ_ERR_NOMEM;
	self->plugin = identifier;

	int rc = read_options(self, options, count);
	if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_callback_register(identifier, MOSQ_EVT_BASIC_AUTH, on_login, NULL, self);
	if (rc != MOSQ_ERR_SUCCESS) {
		forget(self);
		return rc;
	}
	*userdata = self;
	mosquitto_log_printf(MOSQ_LOG_INFO, "phone_login: phones log in with their number%s",
			self->names == NULL ? "" : ", or with a shared name");
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int count)
{
	struct login *self = userdata;
	(void)options;
	(void)count;

	if (self == NULL) return MOSQ_ERR_SUCCESS;
	mosquitto_callback_unregister(self->plugin, MOSQ_EVT_BASIC_AUTH, on_login, NULL);
	forget(self);
	return MOSQ_ERR_SUCCESS;
}
