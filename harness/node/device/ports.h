/* The ports that a device wants mapped, and holds: no other program may get what comes through a
 * mapping of ours (RFC 6887 section 11). */
#ifndef PINHOLE_NODE_PORTS_H
#define PINHOLE_NODE_PORTS_H

#include "base/error.h"
#include "node/common/mapping_words.h"
#include "node/common/settings.h"
#include "wire/pcp.h"

enum { PORTS_ROOM = 8, PORTS_FILTERS = 8 };

/* One wish for a mapping. */
struct port {
    uint8_t protocol;  /* IANA number; PROTOCOL_ALL */
    uint16_t number;   /* 0: all ports, or the protocol has none */
    uint32_t lifetime; /* s, to ask for */
    int handle;        /* -1: not held */

    bool is_foreign;     /* it is another host's, and asked for with THIRD_PARTY (13.1) */
    struct address host; /* whose */

    bool is_other_family; /* to be reached over the family that the server is not asked over (10) */
    bool is_left;         /* to expire, once it told our external address (11.6) */

    bool is_flow; /* asked for by PEER: what we exchange with one remote endpoint alone (12) */
    struct address remote;
    uint16_t remote_port;
};

/* ports[0] is that of CoAP, which libcoap holds. */
struct ports {
    uint8_t count;
    struct port ports[PORTS_ROOM];

    /* Of the CoAP port alone. */
    bool prefer_failure; /* the suggested external port or none (13.2) */
    uint8_t filter_count;
    /* Who may reach it (13.3); none: everybody. In front of them stands, for a mapping that may have others
     * from before, the one of prefix 0, which clears those. */
    struct pcp_filter filters[1 + PORTS_FILTERS];
};

/* What a person asked for, in the words of ports_read(). */
struct port_texts {
    struct setting_texts maps;
    struct setting_texts flows;
    struct setting_texts filters;
};

/* Reads texts besides the CoAP port:
 *
 *   maps     udp:PORT, tcp:PORT or sctp:PORT, "all" for a PORT, "all" alone for all protocols, or the
 *            number of a protocol without ports; :LIFETIME may stand behind, and then @ADDRESS of
 *            another host whose port it is. One that names the CoAP port changes its lifetime.
 *   flows    udp:PORT:REMOTE or tcp:..., where REMOTE is an address and port as in a URI
 *   filters  ADDRESS/LENGTH or ADDRESS/LENGTH,PORT
 *
 * Returns 0, or -1 with error. */
int ports_read(struct ports *ports, uint16_t coap_port, uint32_t lifetime,
               const struct port_texts *texts, struct error *error);

/* The CoAP port is to be reached over both families. Returns 0, or -1 with error. */
int ports_want_both_families(struct ports *ports, struct error *error);
/* The CoAP port is to be mapped by PEER, for what it exchanges with one remote endpoint. Likewise. */
int ports_use_peer(struct ports *ports, const struct address *remote, uint16_t remote_port,
                   struct error *error);
/* The external address is to be learned by a short mapping, of the Discard port. Likewise. */
int ports_learn_address(struct ports *ports, struct error *error);

/* Holds those that are ours, but for the first, at the address source, and lets go of those of before.
 * Returns 0, or -1 with error and none held. */
int ports_hold(struct ports *ports, const struct address *source, struct error *error);

void ports_release(struct ports *ports);

#endif
