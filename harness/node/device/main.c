/* pinhole-device: a CoAP device behind a gateway. It asks for a mapping of its port by PCP, registers
 * at its server from that very port only once it has one (RFC 6887 section 10.2), keeps the mapping
 * alive, and registers anew when the outside address changes. */
#include "node/common/clock.h"
#include "node/common/pcp_endpoint.h"
#include "node/common/route.h"
#include "node/common/say.h"
#include "node/common/settings.h"
#include "node/device/coap_device.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    PROTOCOL_UDP = 17,
    NAME_SIZE = 63,
    LEAVING_TICK = 100 /* ms: how often the time to leave is looked at */
};

struct options {
    const char *name;
    struct optional_place server;
    uint32_t server_port;
    struct optional_place gateway;
    uint32_t port;
    uint32_t external_port;
    uint32_t lifetime;
    bool no_pcp;
    struct coap_patience patience;
    uint32_t farewell;
};

enum phase { RUNNING, LEAVING_SERVER, LEAVING_GATEWAY };

struct device {
    struct options options;
    struct coap_device coap;
    struct pcp_endpoint pcp;
    struct pcp_mapping mapping;
    bool failed; /* for good, with error */
    struct error error;
    bool unmapped; /* the mapping's removal is over */
    enum phase phase;
    uint64_t leave_by; /* ms; when leaving */
};

static const char about[] = "usage: pinhole-device --server ADDRESS [option]...\n"
                            "A CoAP device: asks the gateway for a mapping of its port by PCP, "
                            "registers at the server from\n"
                            "that port once it has it (POST /rd), and answers GET /status.\n";

/* --- settings --------------------------------------------------------------------------------- */

static enum settings_result read_options(struct options *options, int count, char **arguments,
                                         struct error *error)
{
    *options = (struct options){
        .name = "device",
        .server_port = COAP_DEFAULT_PORT,
        .port = COAP_DEFAULT_PORT,
        .lifetime = 7200,
        .patience = coap_patience_default,
        .farewell = 2000,
    };
    const struct setting settings[] = {
        {"server", "PINHOLE_SERVER", SETTING_PLACE, &options->server, 0, 0, "where to register"},
        {"server-port", "PINHOLE_SERVER_PORT", SETTING_NUMBER, &options->server_port, 1, UINT16_MAX,
         "its CoAP port (5683)"},
        {"gateway", "PINHOLE_GATEWAY", SETTING_PLACE, &options->gateway, 0, 0,
         "the PCP server (the default router)"},
        {"name", "PINHOLE_NODE", SETTING_TEXT, &options->name, 0, 0,
         "the endpoint's name (device)"},
        {"port", "PINHOLE_PORT", SETTING_NUMBER, &options->port, 1, UINT16_MAX,
         "the CoAP port to hold and to map (5683)"},
        {"external-port", NULL, SETTING_NUMBER, &options->external_port, 0, UINT16_MAX,
         "the external port to suggest (0: none)"},
        {"lifetime", "PINHOLE_LIFETIME", SETTING_NUMBER, &options->lifetime, 1, UINT32_MAX,
         "the mapping's lifetime to ask for, seconds (7200)"},
        {"no-pcp", "PINHOLE_NO_PCP", SETTING_FLAG, &options->no_pcp, 0, 0,
         "register without a mapping"},
        {"ack-timeout", "PINHOLE_ACK_TIMEOUT", SETTING_SECONDS, &options->patience.ack_timeout,
         1000, 60000, "CoAP's ACK_TIMEOUT, from 1 (2)"},
        {"max-retransmit", "PINHOLE_MAX_RETRANSMIT", SETTING_NUMBER,
         &options->patience.max_retransmit, 1, 20, "CoAP's MAX_RETRANSMIT (4)"},
        {"farewell", NULL, SETTING_SECONDS, &options->farewell, 0, 60000,
         "how long to take leave on SIGTERM at most (2)"},
    };
    enum settings_result result =
        settings_read(settings, sizeof settings / sizeof settings[0], count, arguments, error);
    if (result == SETTINGS_HELP)
        settings_print_help(stdout, about, settings, sizeof settings / sizeof settings[0]);
    if (result == SETTINGS_GO && (strlen(options->name) > NAME_SIZE || !options->name[0])) {
        error_set(error, "a name has 1 to %d characters", NAME_SIZE);
        return SETTINGS_BAD;
    }
    return result;
}

/* --- the mapping ------------------------------------------------------------------------------ */

static void say_mapping(const char *what, const struct pcp_mapping *mapping)
{
    const struct pcp_map *map = &mapping->data.map;
    char text[PLACE_TEXT_SIZE];
    say("%s udp %u -> %s lifetime %u", what, map->internal_port,
        place_text(&map->external_address, map->external_port, text), mapping->granted_lifetime);
}

static void hush(struct device *device)
{
    if (!device->failed && coap_device_hush(&device->coap, &device->error) < 0)
        device->failed = true;
}

static void on_pcp_event(void *context, const struct pcp_event *event)
{
    struct device *device = context;
    const struct pcp_mapping *mapping = &device->mapping;
    const struct pcp_map *map = &mapping->data.map;
    const char *result = pcp_result_name(mapping->result);
    char place[PLACE_TEXT_SIZE];
    char base[PLACE_TEXT_SIZE + 8];
    switch (event->kind) {
    case PCP_EVENT_GRANTED:
    case PCP_EVENT_CHANGED:
        say_mapping("mapped", mapping);
        snprintf(base, sizeof base, "coap://%s",
                 place_text(&map->external_address, map->external_port, place));
        if (device->phase == RUNNING && !device->failed)
            coap_device_register(&device->coap, base);
        break;
    case PCP_EVENT_RENEWED:
        say_mapping("renewed", mapping);
        break;
    case PCP_EVENT_REFUSED:
        say("refused udp %u %s", map->internal_port, result ? result : "with an unknown result");
        break;
    case PCP_EVENT_LOST:
    case PCP_EVENT_UNANSWERED:
        say("lost udp %u", map->internal_port);
        hush(device);
        break;
    case PCP_EVENT_REMOVED:
        say("unmapped udp %u", map->internal_port);
        device->unmapped = true;
        break;
    case PCP_EVENT_ALIVE:
    case PCP_EVENT_NONE:
        break;
    }
}

static int start_mapping(struct device *device, const struct place *gateway,
                         const struct address *source, struct error *error)
{
    struct pcp_mapping *mapping = &device->mapping;
    device->pcp.listener = on_pcp_event;
    device->pcp.context = device;
    mapping->opcode = PCP_MAP;
    mapping->lifetime = device->options.lifetime;
    mapping->data.map.protocol = PROTOCOL_UDP;
    mapping->data.map.internal_port = (uint16_t)device->options.port;
    mapping->data.map.external_port = (uint16_t)device->options.external_port;
    mapping->data.map.external_address =
        address_is_ipv4(source) ? address_any_ipv4() : address_any_ipv6();
    if (pcp_endpoint_nonce(mapping->data.map.nonce, error) < 0 ||
        pcp_endpoint_open(&device->pcp, gateway, source, mapping, 1, error) < 0)
        return -1;
    pcp_mapping_request(mapping, (uint32_t)clock_milliseconds());
    return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static int start(struct device *device, struct error *error)
{
    const struct options *options = &device->options;
    const struct place *server = options->server.given ? &options->server.place : NULL;
    struct place gateway = options->gateway.place;
    if (options->no_pcp && !server)
        return error_set(error, "without PCP there must be a server (--server)");
    if (!options->no_pcp && !options->gateway.given &&
        route_default_router(server ? place_family(server) : AF_INET, &gateway, error) < 0)
        return -1;
    struct address source;
    if (route_source_address(options->no_pcp ? server : &gateway, &source, error) < 0)
        return -1;
    const struct coap_device_facts facts = {
        .name = options->name,
        .local = {.address = source},
        .port = (uint16_t)options->port,
        .has_server = options->server.given,
        .server = options->server.place,
        .server_port = (uint16_t)options->server_port,
        .patience = options->patience,
    };
    if (coap_device_open(&device->coap, &facts, error) < 0)
        return -1;
    if (options->no_pcp) {
        coap_device_register(&device->coap, "");
    } else if (start_mapping(device, &gateway, &source, error) < 0) {
        coap_device_close(&device->coap);
        return -1;
    }
    char text[PLACE_TEXT_SIZE];
    say("ready %s", place_text(&source, (uint16_t)options->port, text));
    return 0;
}

/* One step of leaving: first the server, while the mapping still stands, then the gateway. Returns
 * true when both are done or the time is up. */
static bool leave(struct device *device)
{
    uint64_t now = clock_milliseconds();
    if (device->phase == LEAVING_SERVER) {
        bool half_time = now + device->options.farewell / 2 >= device->leave_by;
        if (device->coap.state == REGISTRATION_LEAVING && !half_time)
            return false;
        if (device->options.no_pcp)
            return true;
        hush(device);
        pcp_mapping_remove(&device->mapping, (uint32_t)now);
        device->phase = LEAVING_GATEWAY;
    }
    return device->unmapped || now >= device->leave_by;
}

/* The signal that asks to leave; a second one isn't waited for. Returns true to go at once. */
static bool take_signal(struct device *device, int signals)
{
    struct signalfd_siginfo information;
    if (read(signals, &information, sizeof information) != (ssize_t)sizeof information)
        return false;
    if (device->phase != RUNNING)
        return true;
    device->phase = LEAVING_SERVER;
    device->leave_by = clock_milliseconds() + device->options.farewell;
    coap_device_leave(&device->coap);
    return false;
}

static void run(struct device *device, int signals)
{
    enum { SIGNALS, COAP, PCP, HANDLES = PCP + PCP_ENDPOINT_HANDLES };
    struct pollfd handles[HANDLES] = {
        [SIGNALS] = {.fd = signals, .events = POLLIN},
        [COAP] = {.fd = -1, .events = POLLIN},
        [PCP] = {.fd = -1},
        [PCP + 1] = {.fd = -1},
    };
    if (!device->options.no_pcp)
        pcp_endpoint_handles(&device->pcp, &handles[PCP]);
    for (;;) {
        if (!device->options.no_pcp)
            pcp_endpoint_process(&device->pcp);
        if (device->failed)
            return;
        handles[COAP].fd = coap_device_handle(&device->coap);
        uint32_t wait = coap_device_process(&device->coap);
        if (device->phase != RUNNING) {
            if (leave(device))
                return;
            if (wait > LEAVING_TICK)
                wait = LEAVING_TICK;
        }
        uint32_t other = device->options.no_pcp ? PCP_NEVER : pcp_endpoint_wait(&device->pcp);
        if (other < wait)
            wait = other;
        if (poll(handles, HANDLES, (int)wait) > 0 && (handles[SIGNALS].revents & POLLIN) &&
            take_signal(device, signals))
            return;
    }
}

/* From here on these signals are read, not delivered. */
static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int count, char **arguments)
{
    struct device device = {0};
    struct error error = {0};
    if (say_version(count, arguments))
        return EXIT_SUCCESS;
    switch (read_options(&device.options, count, arguments, &error)) {
    case SETTINGS_HELP:
        return EXIT_SUCCESS;
    case SETTINGS_BAD:
        complain("%s", error.text);
        return EXIT_USAGE;
    case SETTINGS_GO:
        break;
    }
    int signals = open_signals();
    coap_startup();
    if (start(&device, &device.error) < 0) {
        complain("%s", device.error.text);
        return EXIT_FAILED;
    }
    run(&device, signals);
    if (device.failed)
        complain("%s", device.error.text);
    if (!device.options.no_pcp)
        pcp_endpoint_close(&device.pcp);
    coap_device_close(&device.coap);
    coap_cleanup();
    close(signals);
    return device.failed ? EXIT_FAILED : EXIT_SUCCESS;
}
