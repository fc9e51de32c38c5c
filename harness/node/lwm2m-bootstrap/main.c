/* pinhole-lwm2m-bootstrap: the lab's LwM2M bootstrap server. Gives devices that ask an account of the management
 * server, and the PCP-context. */
#include "engine/lwm2m/lwm2m_account.h"
#include "engine/lwm2m/lwm2m_binding.h"
#include "node/common/coap_settings.h"
#include "node/common/hex.h"
#include "node/common/say.h"
#include "node/common/signals.h"
#include "node/lwm2m-bootstrap/bootstrap.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

enum { EXIT_FAILED = 1 };

struct options {
    uint32_t port;
    uint32_t secure_port;
    struct setting_texts psk;
    const char *key;
    struct bootstrap_server server;
};

static const char about[] = "usage: pinhole-lwm2m-bootstrap --give-server URI [option]...\n"
                            "An LwM2M bootstrap server: writes an account of the management "
                            "server, and the PCP-context with its\n"
                            "defaults, into each device that asks (POST /bs?ep=NAME).\n";

/* --- settings --------------------------------------------------------------------------------- */

static int check_gift(struct options *options, struct error *error)
{
    struct gift *gift = &options->server.gift;
    if (!gift->server_uri)
        return error_set(error, "expected --give-server URI (try --help)");
    bool is_secure = strncmp(gift->server_uri, "coaps://", 8) == 0;
    if (!is_secure && strncmp(gift->server_uri, "coap://", 7) != 0)
        return error_set(error, "--give-server: expected coap://... or coaps://..., got '%s'",
                         gift->server_uri);
    if (strlen(gift->server_uri) > 255)
        return error_set(error, "--give-server: expected at most 255 octets");
    if (is_secure && (!gift->identity || !options->key))
        return error_set(error, "a coaps server needs --give-identity and --give-key");
    if (!lwm2m_binding_is_known(gift->binding, strlen(gift->binding), true))
        return error_set(error, "--give-binding: expected a binding as U or UQ, got '%s'",
                         gift->binding);
    if (gift->identity && strlen(gift->identity) > LWM2M_CREDENTIAL_SIZE)
        return error_set(error, "--give-identity: expected at most %d octets",
                         LWM2M_CREDENTIAL_SIZE);
    int length = options->key ? hex_read(options->key, gift->key, sizeof gift->key) : 0;
    if (length < 0)
        return error_set(error, "--give-key: expected up to %d octets as hex digits",
                         GIFT_KEY_SIZE);
    gift->key_length = (size_t)length;
    return 0;
}

static enum settings_result read_options(struct options *options, struct coap_keys *keys, int count,
                                         char **arguments, struct error *error)
{
    struct gift *gift = &options->server.gift;
    *options = (struct options){.port = 5683, .secure_port = 5684};
    *gift = (struct gift){
        .lifetime = 86400, .binding = "U", .pcp_instances = 1, .mapping_lifetime = 7200};
    options->server.patience = coap_patience_default;
    const struct setting settings[] = {
        COAP_SERVER_SETTINGS(&options->port, &options->secure_port, &options->psk),
        {"give-server", "PINHOLE_GIVE_SERVER", SETTING_TEXT, &gift->server_uri, 0, 0,
         "the management server to give, coap://ADDRESS:PORT or coaps://"},
        {"give-identity", "PINHOLE_GIVE_IDENTITY", SETTING_TEXT, &gift->identity, 0, 0,
         "with coaps: the identity to give"},
        {"give-key", "PINHOLE_GIVE_KEY", SETTING_TEXT, &options->key, 0, 0,
         "and its key, hex digits"},
        {"give-lifetime", "PINHOLE_GIVE_LIFETIME", SETTING_NUMBER, &gift->lifetime, 1, INT32_MAX,
         "of registrations, s (86400)"},
        {"give-binding", "PINHOLE_GIVE_BINDING", SETTING_TEXT, &gift->binding, 0, 0,
         "U, or UQ (U)"},
        {"pcp-instances", "PINHOLE_PCP_INSTANCES", SETTING_NUMBER, &gift->pcp_instances, 0, 8,
         "of the PCP-context to write (1)"},
        {"mapping-lifetime", "PINHOLE_MAPPING_LIFETIME", SETTING_NUMBER, &gift->mapping_lifetime, 1,
         INT32_MAX, "its default lifetime of a mapping, s (7200)"},
        COAP_PATIENCE_SETTINGS(&options->server.patience),
    };
    enum settings_result result = settings_read(
        about, settings, sizeof settings / sizeof settings[0], count, arguments, error);
    bool is_bad = result == SETTINGS_GO && (check_gift(options, error) < 0 ||
                                            coap_keys_add_all(keys, &options->psk, error) < 0);
    return is_bad ? SETTINGS_BAD : result;
}

/* --- life ------------------------------------------------------------------------------------- */

static int on_event(coap_session_t *session, coap_event_t event)
{
    if (event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR)
        bootstrap_lose_session(session);
    return 0;
}

static int start(struct options *options, struct coap_keys *keys, struct error *error)
{
    struct bootstrap_server *server = &options->server;
    server->is_secure = keys->count > 0;
    if (coap_listener_open(&server->listener, (uint16_t)options->port,
                           (uint16_t)options->secure_port, keys, error) < 0)
        return -1;
    server->asker = coap_asker_open(server->listener.context);
    if (!server->asker)
        return error_set(error, "no memory");
    coap_register_event_handler(server->listener.context, on_event);
    return bootstrap_serve(server, error);
}

static void run(struct bootstrap_server *server, int signals)
{
    enum { COAP, SIGNALS, HANDLES };
    struct pollfd handles[HANDLES] = {
        [COAP] = {.fd = coap_listener_handle(&server->listener), .events = POLLIN},
        [SIGNALS] = {.fd = signals, .events = POLLIN},
    };
    do {
        coap_listener_take(&server->listener);
        coap_asker_give_up(server->asker);
        bootstrap_begin_due(server);
        poll(handles, HANDLES, (int)coap_listener_wait(&server->listener));
    } while (!(handles[SIGNALS].revents & POLLIN));
}

int main(int count, char **arguments)
{
    static struct options options;
    static struct coap_keys keys;
    struct error error = {0};
    if (say_version(count, arguments))
        return 0;
    int status = settings_status(read_options(&options, &keys, count, arguments, &error), &error);
    if (status >= 0)
        return status;
    int signals = signals_open((const int[]){SIGTERM, SIGINT, 0});
    coap_support_start();
    if (start(&options, &keys, &error) < 0) {
        complain("%s", error.text);
        return EXIT_FAILED;
    }
    say("ready port %u", options.port);
    run(&options.server, signals);
    return 0;
}
