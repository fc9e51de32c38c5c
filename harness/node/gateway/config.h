/* What the gateway is told: a policy file of lines "KEY VALUE...", and options "--KEY VALUE..." that
 * come after it and win. Environment variables give the interfaces of a lab.
 *
 *     inside eth0 eth1            # where PCP is served; needed
 *     outside eth2                # the way to the internet; needed for nftables
 *     external 11.0.0.1 11.0.0.2  # "auto" (default): the first IPv4 address of outside
 *     backend nftables            # or none
 *     upstream auto               # be a PCP proxy of the default router, or of each ADDRESS[:PORT]
 *     state /var/lib/pinhole/state
 *     minimum-lifetime 120        # and so on: config_help() lists every key
 *     allow 192.168.1.0/24 1024-65535
 *     deny 0.0.0.0/0 0-65535      # the first rule that fits decides
 *     static udp 192.168.1.10 5683 5683
 *     realm 0x0102 10.1.0.0/16    # a subscriber, as THIRD_PARTY_ID names it
 */
#ifndef PINHOLE_NODE_GATEWAY_CONFIG_H
#define PINHOLE_NODE_GATEWAY_CONFIG_H

#include "base/error.h"
#include "engine/pcp_proxy.h"
#include "node/common/place.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>

struct defect;

enum {
    CONFIG_INTERFACES = 16,
    CONFIG_PREFIXES = 16,
    CONFIG_RULES = 64,
    CONFIG_STATICS = 64,
    CONFIG_FILTERS = 16, /* of a mapping, at most */
    CONFIG_SET = 512,    /* ports of a PORT_SET, likewise */
    CONFIG_REALMS = 64,
    CONFIG_REALM_ID = 64,      /* octets */
    CONFIG_REALM_PREFIXES = 4, /* of one realm */
    CONFIG_PREFIX64 = 8
};

struct config_static {
    uint8_t protocol;
    struct address internal;
    uint16_t internal_port, external_port;
};

struct config_upstream {
    struct place place;
    uint16_t port;
};

/* What belongs to a realm, in the order of the configuration. */
struct config_realm {
    uint8_t id[CONFIG_REALM_ID];
    struct pcp_server_prefix hosts[CONFIG_REALM_PREFIXES];
};

struct config {
    char inside[CONFIG_INTERFACES][IF_NAMESIZE];
    size_t inside_count;
    char trusted[CONFIG_INTERFACES][IF_NAMESIZE]; /* for THIRD_PARTY requests alone */
    size_t trusted_count;
    char outside[IF_NAMESIZE];
    bool external_auto;
    struct address external[PCP_SERVER_MAXIMUM_ADDRESSES];
    char backend[16];
    char state[256];  /* "" : none is kept */
    char leases[256]; /* of a DHCP server; "": none is known of */
    bool masquerade;  /* translate implicit flows too, to ports below those of mappings */
    bool guard;       /* drop what comes from outside unasked */
    bool anycast;     /* serve at the addresses of RFC 7723, where the machine has them */
    uint32_t alert;   /* microseconds to look for the next request before going to sleep */
    /* The PCP servers that we are a proxy of (RFC 7648). */
    bool upstream_auto;    /* they are the default routers, of either family */
    size_t upstream_count; /* 0, and not auto: we are none */
    struct config_upstream upstream[PCP_PROXY_SERVERS];
    bool upstream_spread;   /* each client has one of them */
    bool relay_unknown;     /* what we don't know is passed on */
    uint32_t flow_capacity; /* of a family, without mappings */
    uint32_t time_scale;    /* how many times as fast as real time that of the protocol runs */
    bool check;             /* read everything, say what is wrong, and stop */
    bool help, list_defects;
    struct defect *defect; /* NULL: none, as it should be */

    struct pcp_server_policy policy; /* its arrays are those below */
    struct pcp_server_prefix third_party_clients[CONFIG_PREFIXES];
    struct pcp_server_prefix inside_prefixes[CONFIG_PREFIXES];
    struct pcp_server_rule rules[CONFIG_RULES];
    struct pcp_server_realm realms[CONFIG_REALMS]; /* in the policy's order; of these: */
    struct config_realm realm_texts[CONFIG_REALMS];
    struct pcp_server_prefix64 prefix64[CONFIG_PREFIX64];
    struct config_static statics[CONFIG_STATICS];
    size_t static_count;
};

/* Fills config from defaults, environment, policy file and command line; -1 with error at the first
 * thing that isn't understood: where, what was expected, what came. */
int config_read(struct config *config, int argument_count, char *const *arguments,
                struct error *error);

/* Whether we are a proxy. */
bool config_is_proxy(const struct config *config);

/* Prints all keys. */
void config_help(FILE *to);

#endif
