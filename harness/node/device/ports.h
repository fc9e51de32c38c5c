/* The ports that a device wants mapped, and holds: no other program may get what comes through a
 * mapping of ours (RFC 6887 section 11). */
#ifndef PINHOLE_NODE_PORTS_H
#define PINHOLE_NODE_PORTS_H

#include "base/error.h"
#include "node/common/settings.h"

enum { PORTS_ROOM = 8, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

struct port {
    uint8_t protocol; /* PROTOCOL_TCP or PROTOCOL_UDP */
    uint16_t number;
    uint32_t lifetime; /* s, to ask for */
    int handle;        /* -1: not held */
};

/* ports[0] is that of CoAP, which libcoap holds. */
struct ports {
    uint8_t count;
    struct port ports[PORTS_ROOM];
};

/* Reads texts, each "udp:PORT", "tcp:PORT" or with ":LIFETIME" behind, all to be mapped besides the CoAP
 * port; one that names the CoAP port changes its lifetime. Returns 0, or -1 with error. */
int ports_read(struct ports *ports, uint16_t coap_port, uint32_t lifetime,
               const struct setting_texts *texts, struct error *error);

/* Holds all but the first at the address source, and lets go of those of before. Returns 0, or -1 with
 * error and none held. */
int ports_hold(struct ports *ports, const struct address *source, struct error *error);

void ports_release(struct ports *ports);

const char *ports_protocol_name(uint8_t protocol);

#endif
