/* pinhole-device: a CoAP device behind a gateway. It asks for a mapping of its port by PCP, registers
 * at its server from that very port only once it has one (RFC 6887 section 10.2), keeps the mapping
 * alive, and registers anew when the outside address changes. It follows its gateway and its own
 * address as they change. SIGUSR1 has it find another endpoint, and ask that; SIGUSR2 sends it to sleep and
 * wakes it. */
#include "node/common/clock.h"
#include "node/common/coap_settings.h"
#include "node/common/device_life.h"
#include "node/common/pcp_settings.h"
#include "node/common/route.h"
#include "node/common/say.h"
#include "node/device/coap_device.h"
#include "node/device/mapper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1, NAME_SIZE = 63 };

struct options {
    const char *name;
    struct optional_place server;
    uint32_t server_port;
    struct setting_texts gateways;
    const char *dhcp4;
    const char *dhcp6;
    bool no_anycast;
    struct port_texts ports;
    bool prefer_failure;
    bool both_families;
    bool learn_address;
    bool by_peer;
    uint32_t port;
    uint32_t external_port;
    uint32_t lifetime;
    uint32_t requests;
    uint32_t give_up;
    const char *nonce_file;
    bool no_pcp;
    struct coap_patience patience;
    const char *find;
    bool draft_directory;
    uint32_t farewell;
    uint32_t time_scale;
    const char *defect;
};

struct device {
    struct options options;
    struct coap_device coap;
    struct coap_device_facts facts;
    struct servers servers;
    struct ports ports;
    struct nonces nonces;
    struct mapper mapper;
    struct defect *defect; /* or NULL */
    bool failed;           /* for good, with error */
    struct error error;
    struct device_life life;
};

static const char about[] = "usage: pinhole-device --server ADDRESS [option]...\n"
                            "A CoAP device: asks the gateway for a mapping of its port by PCP, "
                            "registers at the server from\n"
                            "that port once it has it (POST /rd), and answers GET /status. SIGUSR1 "
                            "has it find another\n"
                            "endpoint and ask it; SIGUSR2 sends it to sleep, and wakes it.\n";

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
        .time_scale = 1,
    };
    const struct setting settings[] = {
        {"server", "PINHOLE_SERVER", SETTING_PLACE, &options->server, 0, 0, "where to register"},
        {"server-port", "PINHOLE_SERVER_PORT", SETTING_NUMBER, &options->server_port, 1, UINT16_MAX,
         "its CoAP port (5683)"},
        PCP_GATEWAY_SETTINGS(&options->gateways, &options->no_anycast),
        {"dhcp4", NULL, SETTING_TEXT, &options->dhcp4, 0, 0,
         "DHCPv4 options in hex that name PCP servers (RFC 7291)"},
        {"dhcp6", NULL, SETTING_TEXT, &options->dhcp6, 0, 0, "DHCPv6 options likewise"},
        {"map", "PINHOLE_MAP", SETTING_TEXTS, &options->ports.maps, 0, 0,
         "another port to map: udp:PORT[:LIFETIME], tcp:..., sctp:..., udp:all, all, or a "
         "protocol's "
         "number; with @ADDRESS that host's (THIRD_PARTY)"},
        {"peer", "PINHOLE_FLOW", SETTING_TEXTS, &options->ports.flows, 0, 0,
         "a flow to have mapped by PEER, as udp:PORT:ADDRESS:PORT or tcp:..."},
        {"filter", "PINHOLE_FILTER", SETTING_TEXTS, &options->ports.filters, 0, 0,
         "who may reach the CoAP port, as ADDRESS/LENGTH[,PORT] (everybody)"},
        {"prefer-failure", NULL, SETTING_FLAG, &options->prefer_failure, 0, 0,
         "the external port suggested or none, for the CoAP port"},
        {"both-families", "PINHOLE_BOTH_FAMILIES", SETTING_FLAG, &options->both_families, 0, 0,
         "have the CoAP port reached over IPv4 and over IPv6"},
        {"learn-address", "PINHOLE_LEARN_ADDRESS", SETTING_FLAG, &options->learn_address, 0, 0,
         "learn the external address by a short mapping of the Discard port"},
        {"by-peer", "PINHOLE_BY_PEER", SETTING_FLAG, &options->by_peer, 0, 0,
         "have the CoAP port mapped by PEER, for its flow to the server alone, and not by MAP"},
        {"name", "PINHOLE_NODE", SETTING_TEXT, &options->name, 0, 0,
         "the endpoint's name (device)"},
        {"port", "PINHOLE_PORT", SETTING_NUMBER, &options->port, 1, UINT16_MAX,
         "the CoAP port to hold and to map (5683)"},
        {"external-port", NULL, SETTING_NUMBER, &options->external_port, 0, UINT16_MAX,
         "the external port to suggest (0: none)"},
        {"lifetime", "PINHOLE_LIFETIME", SETTING_NUMBER, &options->lifetime, 1, UINT32_MAX,
         "the mapping's lifetime to ask for, seconds (7200)"},
        PCP_REQUESTS_SETTING(NULL, &options->requests,
                             "0: 4, or without end if there is one alone"),
        {"give-up", NULL, SETTING_SECONDS, &options->give_up, 0, 3600000,
         "how long to repeat it at most, likewise (0: without end)"},
        {"nonce-file", "PINHOLE_NONCE_FILE", SETTING_TEXT, &options->nonce_file, 0, 0,
         "keeps the nonces, so that mappings can be renewed after a restart"},
        {"no-pcp", "PINHOLE_NO_PCP", SETTING_FLAG, &options->no_pcp, 0, 0,
         "register without a mapping"},
        COAP_PATIENCE_SETTINGS(&options->patience),
        {"find", "PINHOLE_FIND", SETTING_TEXT, &options->find, 0, 0,
         "the endpoint that SIGUSR1 has us look up at the server, and ask for its status"},
        {"draft-directory", "PINHOLE_DRAFT_DIRECTORY", SETTING_FLAG, &options->draft_directory, 0,
         0, "the server is libcoap's coap-rd, which is older than RFC 9176"},
        {"farewell", NULL, SETTING_SECONDS, &options->farewell, 0, 60000,
         "how long to take leave on SIGTERM at most (2)"},
        {"time-scale", "PINHOLE_TIME_SCALE", SETTING_NUMBER, &options->time_scale, 1, CLOCK_FASTEST,
         "how many times as fast PCP's time runs; the gateway's must, too (1)"},
        {"defect", NULL, SETTING_TEXT, &options->defect, 0, 0,
         "be wrong on purpose, as a test of tests; list names them"},
    };
    enum settings_result result = settings_read(
        about, settings, sizeof settings / sizeof settings[0], count, arguments, error);
    if (result == SETTINGS_GO && (strlen(options->name) > NAME_SIZE || !options->name[0])) {
        error_set(error, "a name has 1 to %d characters", NAME_SIZE);
        return SETTINGS_BAD;
    }
    return result;
}

static int read_defect(struct device *device, struct error *error)
{
    const char *name = device->options.defect;
    device->defect = name ? defect_find(name) : NULL;
    return !name || device->defect
               ? 0
               : error_set(error, "--defect: expected a name that '--defect list' prints, got '%s'",
                           name);
}

static int use_peer(struct device *device, struct error *error)
{
    const struct options *options = &device->options;
    if (!options->server.given)
        return error_set(error, "--by-peer: expected --server beside it");
    return ports_use_peer(&device->ports, &options->server.place.address,
                          (uint16_t)options->server_port, error);
}

static int read_lists(struct device *device, struct error *error)
{
    const struct options *options = &device->options;
    device->servers.family = options->server.given ? place_family(&options->server.place) : AF_INET;
    device->servers.anycast = !options->no_anycast;
    if (options->no_pcp && !options->server.given)
        return error_set(error, "without PCP there must be a server (--server)");
    if (servers_read(&device->servers, &options->gateways, options->dhcp4, options->dhcp6, error) <
        0)
        return -1;
    if (options->prefer_failure && options->external_port == 0)
        return error_set(error, "--prefer-failure: expected --external-port beside it");
    if (ports_read(&device->ports, (uint16_t)options->port, options->lifetime, &options->ports,
                   error) < 0 ||
        (options->both_families && ports_want_both_families(&device->ports, error) < 0) ||
        (options->learn_address && ports_learn_address(&device->ports, error) < 0) ||
        (options->by_peer && use_peer(device, error) < 0))
        return -1;
    device->ports.prefer_failure = options->prefer_failure;
    return 0;
}

/* --- the mappings ----------------------------------------------------------------------------- */

static void fail_unless(struct device *device, int status)
{
    if (status < 0)
        device->failed = true;
}

static void on_placed(void *context, const struct pcp_map *map)
{
    struct device *device = context;
    if (device->failed || !defect_placed(device->defect, map))
        return;
    if (!map) {
        fail_unless(device, coap_device_hush(&device->coap, &device->error));
        return;
    }
    char place[PLACE_TEXT_SIZE];
    char base[PLACE_TEXT_SIZE + 8];
    snprintf(base, sizeof base, "coap://%s",
             place_text(&map->external_address, map->external_port, place));
    if (device->life.phase == DEVICE_RUNNING)
        coap_device_register(&device->coap, base);
}

static int hold_ports(struct device *device, const struct address *source, struct error *error)
{
    return defect_shares_ports(device->defect) ? 0 : ports_hold(&device->ports, source, error);
}

/* The host's routes or addresses changed. What is sent next comes from the right address and port. */
static void follow_host(void *context)
{
    struct device *device = context;
    struct address source = device->facts.local.address;
    struct address towards_server;
    /* Routes come and go one by one: as long as none leads to the server, the change is not over. */
    if (device->facts.has_server &&
        route_source_address(&device->facts.server, &towards_server, NULL) < 0)
        return;
    if (!mapper_update(&device->mapper, &source))
        return;
    char text[ADDRESS_TEXT_SIZE];
    say("moved to %s", address_format(&source, text));
    coap_device_close(&device->coap);
    device->facts.local.address = source;
    fail_unless(device, coap_device_open(&device->coap, &device->facts, &device->error));
    fail_unless(device, hold_ports(device, &source, &device->error));
}

/* --- life ------------------------------------------------------------------------------------- */

static int start_mapping(struct device *device, struct address *source, struct error *error)
{
    device->mapper.servers = &device->servers;
    device->mapper.ports = &device->ports;
    device->mapper.nonces = &device->nonces;
    device->mapper.external_port = (uint16_t)device->options.external_port;
    device->mapper.maximum_sends = (uint8_t)device->options.requests;
    device->mapper.maximum_duration = device->options.give_up;
    device->mapper.placed = on_placed;
    device->mapper.context = device;
    device->mapper.defect = device->defect;
    defect_start(device->defect, &device->servers, &device->ports, &device->mapper);
    if (nonces_open(&device->nonces, device->options.nonce_file, error) < 0)
        return -1;
    return mapper_open(&device->mapper, source, error);
}

static int start(struct device *device, struct error *error)
{
    const struct options *options = &device->options;
    struct address source;
    if (options->no_pcp ? route_source_address(&options->server.place, &source, error) < 0
                        : start_mapping(device, &source, error) < 0)
        return -1;
    device->facts = (struct coap_device_facts){
        .name = options->name,
        .local = {.address = source},
        .port = (uint16_t)options->port,
        .has_server = options->server.given,
        .server = options->server.place,
        .server_port = (uint16_t)options->server_port,
        .patience = options->patience,
        .find = options->find,
        .draft_directory = options->draft_directory,
    };
    if (coap_device_open(&device->coap, &device->facts, error) < 0)
        return -1;
    if (hold_ports(device, &source, error) < 0) {
        coap_device_close(&device->coap);
        return -1;
    }
    if (options->no_pcp || defect_registers_at_once(device->defect))
        coap_device_register(&device->coap, "");
    char text[PLACE_TEXT_SIZE];
    say("ready %s", place_text(&source, (uint16_t)options->port, text));
    return 0;
}

static int64_t process(void *context)
{
    struct device *device = context;
    if (!device->options.no_pcp)
        mapper_process(&device->mapper);
    if (device->failed)
        return -1;
    uint32_t wait = coap_device_process(&device->coap);
    uint32_t other = device->options.no_pcp ? PCP_NEVER : mapper_wait(&device->mapper);
    return other < wait ? other : wait;
}

enum { COAP = DEVICE_LIFE_HANDLES, PCP, HANDLES = PCP + MAPPER_HANDLES };

static void list_handles(void *context, struct pollfd *handles)
{
    const struct device *device = context;
    mapper_handles(&device->mapper, &handles[PCP]);
    handles[COAP].fd = coap_device_handle(&device->coap);
}

static void wake(void *context)
{
    struct device *device = context;
    if (device->options.no_pcp)
        return;
    mapper_wake(&device->mapper);
    follow_host(device);
}

static void find(void *context)
{
    struct device *device = context;
    coap_device_find(&device->coap);
}

static void leave_server(void *context)
{
    struct device *device = context;
    coap_device_leave(&device->coap);
}

static bool has_left_server(void *context)
{
    const struct device *device = context;
    return device->coap.state != REGISTRATION_LEAVING;
}

static void leave_gateway(void *context)
{
    struct device *device = context;
    if (device->options.no_pcp)
        return;
    on_placed(device, NULL);
    if (defect_leave(device->defect))
        mapper_remove_all(&device->mapper);
}

static bool has_left_gateway(void *context)
{
    const struct device *device = context;
    return device->options.no_pcp || mapper_is_bare(&device->mapper);
}

static const struct device_life_ways ways = {
    .process = process,
    .list_handles = list_handles,
    .follow_host = follow_host,
    .wake = wake,
    .act = find,
    .leave_server = leave_server,
    .has_left_server = has_left_server,
    .leave_gateway = leave_gateway,
    .has_left_gateway = has_left_gateway,
};

static int live(struct device *device, struct error *error)
{
    struct pollfd handles[HANDLES];
    device->life = (struct device_life){
        .ways = &ways,
        .device = device,
        .farewell = device->options.farewell,
        .stays = device->options.no_pcp,
        .handles = handles,
        .handle_count = HANDLES,
    };
    if (device_life_open(&device->life, error) < 0 || start(device, error) < 0) {
        device_life_close(&device->life);
        return -1;
    }
    device_life_run(&device->life);
    mapper_close(&device->mapper);
    coap_device_close(&device->coap);
    ports_release(&device->ports);
    device_life_close(&device->life);
    return device->failed ? -1 : 0;
}

int main(int count, char **arguments)
{
    static struct device device;
    if (say_version(count, arguments))
        return EXIT_SUCCESS;
    int status = settings_status(read_options(&device.options, count, arguments, &device.error),
                                 &device.error);
    if (status >= 0)
        return status;
    if (device.options.defect && strcmp(device.options.defect, "list") == 0) {
        defect_list_names(stdout);
        return EXIT_SUCCESS;
    }
    if (read_defect(&device, &device.error) < 0 || read_lists(&device, &device.error) < 0) {
        complain("%s", device.error.text);
        return EXIT_USAGE;
    }
    clock_set_scale(device.options.time_scale);
    coap_support_start();
    status = live(&device, &device.error);
    if (status < 0)
        complain("%s", device.error.text);
    coap_cleanup();
    return status < 0 ? EXIT_FAILED : EXIT_SUCCESS;
}
