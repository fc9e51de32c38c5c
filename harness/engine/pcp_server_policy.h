/* What a PCP server allows and how far it goes: one plain struct.
 *
 * pcp_server_policy_default() gives the home gateway of RFC 6887: MAP, PEER and NAT-PMP for inside
 * hosts, no THIRD_PARTY (13.1), the Simple Threat Model (18.1), lifetimes of 120 s to 24 h (15).
 * The arrays that it points to belong to the caller and must outlive the server.
 */
#ifndef PINHOLE_ENGINE_PCP_SERVER_POLICY_H
#define PINHOLE_ENGINE_PCP_SERVER_POLICY_H

#include "base/error.h"
#include "wire/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pcp_server_limits {
    PCP_SERVER_MAXIMUM_ADDRESSES = 1024,    /* external addresses of one server */
    PCP_SERVER_MAXIMUM_ANNOUNCEMENTS = 10,  /* RFC 6887 section 14.1.3 */
    PCP_SERVER_MAXIMUM_PREFIX64_IPV4 = 128, /* IPv4 prefixes of one NAT64 prefix */
    PCP_SERVER_MAXIMUM_REALM_ID = 1016,     /* octets, RFC 7843 section 4 */
    PCP_SERVER_MAXIMUM_DESCRIPTION = 128,   /* octets that are kept of one, RFC 7220 section 3 */
    PCP_SERVER_UPDATES = 3                  /* copies of a Mapping Update, section 14.2 */
};

/* A range of addresses; length counts bits of the 128, so an IPv4 prefix /24 has 120. */
struct pcp_server_prefix {
    struct address address;
    uint8_t length;
};

/* Whether hosts of a prefix may map internal ports of a range. The first rule that fits decides;
 * where none fits the request is allowed. */
struct pcp_server_rule {
    bool allow;
    struct pcp_server_prefix hosts;
    uint16_t first_port, last_port;
};

/* How long something of a transport protocol lasts, in seconds. */
struct pcp_server_times {
    uint32_t udp, tcp, other;
};

/* A NAT64's prefix, that PREFIX64 tells clients of (RFC 7225). */
struct pcp_server_prefix64 {
    struct address prefix;                /* its first octets count */
    uint8_t octets;                       /* how many: 4, 5, 6, 7, 8 or 12 */
    uint8_t suffix[8];                    /* the first 12 - octets of them; zeros by default */
    const struct pcp_server_prefix *ipv4; /* the destinations it is for; none: all */
    size_t ipv4_count;
};

/* A realm of internal addresses, such as a subscriber's tunnel: addresses of different realms may be the
 * same and yet different hosts'. THIRD_PARTY_ID names it by the octets of id (RFC 7843). */
struct pcp_server_realm {
    const uint8_t *id;
    uint16_t length; /* 1 to 1016 */
    /* The addresses that are its own and no other realm's: a host there is of the realm whether a
     * request names that or not, and no other host is. None: the realm's hosts may have any. */
    const struct pcp_server_prefix *hosts;
    size_t host_count;
};

struct pcp_server_policy {
    /* Room, fixed when the server is made. Resting ports take room as mappings do. */
    uint32_t mapping_capacity;
    uint32_t filter_capacity;
    uint32_t description_capacity; /* 0: the DESCRIPTION option is ignored, RFC 7220 */

    /* Operations and options. */
    bool map, peer, nat_pmp;
    bool nat_pmp_alone;    /* a gateway from before PCP; nat_pmp is set too */
    bool third_party;      /* 13.1: for requests from a trusted side or from third_party_clients */
    bool realm_required;   /* RFC 7843: no THIRD_PARTY without THIRD_PARTY_ID */
    bool prefer_failure;   /* 13.2 */
    bool wildcards;        /* 11.3: all-ports and all-protocols ("DMZ host") mappings */
    bool check_nonces;     /* Simple Threat Model, 18.1; off only to imitate products that don't */
    uint8_t protocols[32]; /* bit set of transport protocols, see pcp_server_policy_serve() */

    /* A proxy's server half (RFC 7648): suggestions, and PREFER_FAILURE with them, are for the server
     * upstream; so may unknown mandatory options be. */
    bool proxy;
    bool relay_unknown;

    /* Lifetimes in seconds. */
    uint32_t minimum_lifetime, maximum_lifetime; /* 15 */
    uint32_t long_error, short_error;            /* 7.4 */
    struct pcp_server_times idle; /* the device's idle timeout of an outbound flow, 15 */
    struct pcp_server_times rest; /* how long a port rests before another client gets it, 15 */

    /* Limits. */
    uint16_t mappings_per_host;   /* 17.2; resting ports count, or churn could take every port */
    uint16_t filters_per_mapping; /* 13.3; at least 1 */
    uint16_t ports_per_set;       /* RFC 7753; 0: PORT_SET is ignored */

    /* The external side. IPv4 is translated to these addresses; an entry that is 0.0.0.0 waits for
     * its address (NETWORK_FAILURE until then). Where a family is a firewall instead, external is
     * internal. A family with neither is refused. */
    const struct address *external;
    size_t external_count;
    bool ipv4_firewall, ipv6_firewall;
    uint16_t first_port, last_port; /* given to mappings; implicit flows use others (16.1) */
    bool preserve_port;             /* try the internal port first where nothing was suggested */

    /* Who may ask for what. */
    const struct pcp_server_prefix *inside; /* none: every source on an inside interface */
    size_t inside_count;
    const struct pcp_server_prefix *third_party_clients;
    size_t third_party_client_count;
    const struct pcp_server_rule *rules;
    size_t rule_count;

    /* The realms that THIRD_PARTY_ID may name, the shorter ids first and those of one length in the
     * order of their octets; none: the option is as good as unknown. The device must tell hosts of
     * different realms apart; a proxy can't have any. */
    const struct pcp_server_realm *realms;
    size_t realm_count;

    /* What PREFIX64 answers, in this order; none: the option is ignored. */
    const struct pcp_server_prefix64 *prefix64;
    size_t prefix64_count;

    /* Rapid recovery, 14. */
    uint8_t announcements; /* copies of an ANNOUNCE, 0 to 10 */
    bool mapping_updates;
};

struct pcp_server_policy pcp_server_policy_default(void);

/* Adds (or takes away) a transport protocol; the default serves UDP and TCP. */
void pcp_server_policy_serve(struct pcp_server_policy *policy, uint8_t protocol, bool served);
bool pcp_server_policy_serves(const struct pcp_server_policy *policy, uint8_t protocol);

/* True for the transports with 16-bit ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
bool pcp_server_has_ports(uint8_t protocol);

uint32_t pcp_server_times_of(const struct pcp_server_times *times, uint8_t protocol);

/* True if address is in the prefix. */
bool pcp_server_prefix_holds(const struct pcp_server_prefix *prefix, const struct address *address);

/* Whether host may map internal_port (0: all ports, which needs no denied port at all). */
bool pcp_server_policy_allows(const struct pcp_server_policy *policy, const struct address *host,
                              uint16_t internal_port);

/* The realm of an id: 1 + its index, or 0. */
uint16_t pcp_server_realm_find(const struct pcp_server_policy *policy, const uint8_t *id,
                               size_t length);
/* Whose own the address is, by itself: likewise. */
uint16_t pcp_server_realm_of(const struct pcp_server_policy *policy, const struct address *host);

/* Says what is wrong with a policy's realms: -1, or 0. */
int pcp_server_realms_check(const struct pcp_server_policy *policy, struct error *error);

/* Says what is wrong with a NAT64 prefix: -1, or 0. */
int pcp_server_prefix64_check(const struct pcp_server_prefix64 *prefix, struct error *error);

/* Says what is wrong with a policy: -1, or 0 if a server can work by it. */
int pcp_server_policy_check(const struct pcp_server_policy *policy, struct error *error);

#endif
