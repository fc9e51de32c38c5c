/* pinhole-lwm2m-server: the lab's LwM2M server. Devices register at it; it enables their PCP-context where that
 * is needed, and manages them as its control socket, or another pinhole-lwm2m-server --tell, says. */
#include "node/common/chance.h"
#include "node/common/clock.h"
#include "node/common/coap_settings.h"
#include "node/common/say.h"
#include "node/common/signals.h"
#include "node/lwm2m-server/command.h"
#include "node/lwm2m-server/contact.h"
#include "node/lwm2m-server/control.h"
#include "node/lwm2m-server/registration.h"
#include "node/lwm2m-server/tell.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1 };

struct options {
    uint32_t port;
    uint32_t secure_port;
    const char *identity;
    const char *key;
    struct setting_texts psk;
    const char *pcp;
    uint32_t mapping_lifetime;
    const char *control;
    const char *tell;
    const char *format;
    uint32_t capacity;
    uint32_t time_scale;
    bool names_are_identities;
    struct coap_patience patience;
};

static const char about[] =
    "usage: pinhole-lwm2m-server [option]...\n"
    "       pinhole-lwm2m-server --tell COMMAND [--control PATH] [--format FORMAT]\n"
    "An LwM2M server: devices register, it has them map their port by PCP where they need to, and "
    "manages\n"
    "them as it is told. On SIGUSR1 it reads /3/0 of every device.\n";

/* --- settings --------------------------------------------------------------------------------- */

static enum settings_result read_options(struct options *options, int count, char **arguments,
                                         struct error *error)
{
    *options = (struct options){.port = 5683,
                                .secure_port = 5684,
                                .pcp = "when-needed",
                                .mapping_lifetime = 7200,
                                .capacity = 65536,
                                .time_scale = 1,
                                .patience = coap_patience_default};
    const struct setting settings[] = {
        COAP_SERVER_SETTINGS(&options->port, &options->secure_port, &options->psk),
        {"identity", "PINHOLE_IDENTITY", SETTING_TEXT, &options->identity, 0, 0,
         "a device's PSK identity, with --key"},
        {"key", "PINHOLE_KEY", SETTING_TEXT, &options->key, 0, 0, "and its key, hex digits"},
        {"names-are-identities", NULL, SETTING_FLAG, &options->names_are_identities, 0, 0,
         "through DTLS a device registers by the name of its identity alone, told or not"},
        {"pcp", "PINHOLE_PCP", SETTING_TEXT, &options->pcp, 0, 0,
         "when-needed, always or never: enable PCP (when-needed)"},
        {"mapping-lifetime", "PINHOLE_MAPPING_LIFETIME", SETTING_NUMBER, &options->mapping_lifetime,
         1, UINT32_MAX, "of the mappings that devices are to ask for, s (7200)"},
        {"control", "PINHOLE_CONTROL", SETTING_TEXT, &options->control, 0, 0,
         "a UNIX socket to be told commands at ($PINHOLE_RUNTIME/control)"},
        {"tell", NULL, SETTING_TEXT, &options->tell, 0, 0,
         "tell the running server a command, 'help' for a list, and print its answer"},
        {"format", NULL, SETTING_TEXT, &options->format, 0, 0,
         "of --tell: tlv, senml-json, senml-cbor, cbor, text or json"},
        {"capacity", NULL, SETTING_NUMBER, &options->capacity, 1, 1000000,
         "the most devices at a time (65536)"},
        COAP_PATIENCE_SETTINGS(&options->patience),
        {"time-scale", "PINHOLE_TIME_SCALE", SETTING_NUMBER, &options->time_scale, 1, CLOCK_FASTEST,
         "run lifetimes so many times as fast (1)"},
    };
    return settings_read(about, settings, sizeof settings / sizeof settings[0], count, arguments,
                         error);
}

static int read_pcp(const char *text, enum pcp_use *out, struct error *error)
{
    static const char *const names[] = {
        [PCP_WHEN_NEEDED] = "when-needed", [PCP_ALWAYS] = "always", [PCP_NEVER] = "never"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum pcp_use)i;
            return 0;
        }
    }
    return error_set(error, "--pcp: expected when-needed, always or never, got '%s'", text);
}

static int read_keys(const struct options *options, struct coap_keys *keys, struct error *error)
{
    char pair[256];
    if (!options->identity != !options->key)
        return error_set(error, "--identity and --key go together");
    if (options->identity) {
        int length = snprintf(pair, sizeof pair, "%s:%s", options->identity, options->key);
        if (length >= (int)sizeof pair)
            return error_set(error, "--identity and --key are too long");
        if (coap_keys_add(keys, pair, error) < 0)
            return -1;
    }
    return coap_keys_add_all(keys, &options->psk, error);
}

/* --control, or $PINHOLE_RUNTIME/control; NULL if neither is given. */
static const char *control_path(const struct options *options, char *path, size_t size)
{
    const char *runtime = getenv("PINHOLE_RUNTIME");
    if (options->control || !runtime || !*runtime)
        return options->control;
    return snprintf(path, size, "%s/control", runtime) < (int)size ? path : NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

/* A DTLS session that ended: libcoap may free it as soon as nobody holds it. */
static int on_event(coap_session_t *session, coap_event_t event)
{
    struct coap_asker *asker = coap_get_app_data(coap_session_get_context(session));
    if (event != COAP_EVENT_DTLS_CLOSED && event != COAP_EVENT_DTLS_ERROR)
        return 0;
    if (asker)
        coap_asker_lose_session(asker, session);
    contact_lose_session(session);
    return 0;
}

static int start(struct manager *manager, const struct options *options, struct error *error)
{
    uint64_t key;
    TAILQ_INIT(&manager->doubted);
    manager->mapping_lifetime = options->mapping_lifetime;
    manager->names_are_identities = options->names_are_identities;
    manager->patience = options->patience;
    if (chance_fill(&key, sizeof key, error) < 0)
        return -1;
    void *memory = calloc(1, lwm2m_registry_size(options->capacity));
    if (!memory)
        return error_set(error, "no memory for %u devices", options->capacity);
    manager->registry = lwm2m_registry_place(memory, options->capacity, key);
    if (coap_listener_open(&manager->listener, (uint16_t)options->port,
                           (uint16_t)options->secure_port, &manager->keys, error) < 0)
        return -1;
    manager->asker = coap_asker_open(manager->listener.context);
    if (!manager->asker)
        return error_set(error, "no memory");
    coap_register_event_handler(manager->listener.context, on_event);
    return registration_serve(manager, error);
}

/* ms until the first: of the clock, of the clock, and real ones. */
static int shortest(uint64_t expiry, uint64_t doubt, uint32_t coap)
{
    uint64_t first = expiry < doubt ? expiry : doubt;
    uint64_t wait = first == UINT64_MAX ? coap : clock_real_wait(first);
    return (int)(wait < coap ? wait : coap);
}

static void run(struct manager *manager, struct control *control, int signals)
{
    enum { COAP, SIGNALS, CONTROL, HANDLES };
    for (;;) {
        coap_listener_take(&manager->listener);
        uint64_t expiry = registration_expire(manager);
        coap_asker_give_up(manager->asker);
        uint64_t doubt = pcp_policy_look_again(manager);
        contact_send_due(manager);
        int wait = shortest(expiry, doubt, coap_listener_wait(&manager->listener));
        struct pollfd handles[HANDLES] = {
            [COAP] = {.fd = coap_listener_handle(&manager->listener), .events = POLLIN},
            [SIGNALS] = {.fd = signals, .events = POLLIN},
            [CONTROL] = {.fd = control_handle(control), .events = POLLIN},
        };
        if (poll(handles, HANDLES, wait) <= 0)
            continue;
        int signal = handles[SIGNALS].revents ? signals_read(signals) : 0;
        if (signal == SIGUSR1)
            command_read_all(manager);
        else if (signal)
            return;
        if (handles[CONTROL].revents)
            control_work(control);
    }
}

static int serve(struct manager *manager, const struct options *options, const char *control,
                 struct error *error)
{
    static struct control server;
    signal(SIGPIPE, SIG_IGN);
    int signals = signals_open((const int[]){SIGTERM, SIGINT, SIGUSR1, 0});
    clock_set_scale(options->time_scale);
    coap_support_start();
    if (start(manager, options, error) < 0 || control_open(&server, manager, control, error) < 0)
        return -1;
    say("ready port %u", options->port);
    run(manager, &server, signals);
    control_close(&server);
    return 0;
}

int main(int count, char **arguments)
{
    static struct manager manager;
    struct options options;
    struct error error = {0};
    char path[108];
    if (say_version(count, arguments))
        return 0;
    int status = settings_status(read_options(&options, count, arguments, &error), &error);
    if (status >= 0)
        return status;
    const char *control = control_path(&options, path, sizeof path);
    if (options.tell)
        return tell(control, options.tell, options.format);
    if (read_pcp(options.pcp, &manager.pcp, &error) < 0 ||
        read_keys(&options, &manager.keys, &error) < 0) {
        complain("%s", error.text);
        return EXIT_USAGE;
    }
    if (serve(&manager, &options, control, &error) < 0) {
        complain("%s", error.text);
        return EXIT_FAILED;
    }
    return 0;
}
