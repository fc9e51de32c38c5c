/* One PCP or NAT-PMP message as rules see it. Internal to check/rule*.c. */
#ifndef PINHOLE_CHECK_MESSAGE_H
#define PINHOLE_CHECK_MESSAGE_H

#include "check/event.h"
#include "wire/natpmp.h"
#include "wire/pcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message {
    const struct event *event;
    bool from_server; /* told by the ports, since the R bit may be wrong */
    bool copy;        /* seen a moment ago at another interface */
    bool whole;       /* every octet of the datagram was captured: lengths can be judged */
    bool multicast;   /* destination */
    /* The hop limit is one that senders start with, so no router, and hence no NAT, has handled the
     * packet between its sender and this interface. */
    bool fresh;
    bool is_natpmp;
    enum pcp_fault fault;
    struct pcp_message pcp; /* if not is_natpmp */
    enum natpmp_fault natpmp_fault;
    struct natpmp_message natpmp;
    const uint8_t *octets;
    size_t length;
    uint64_t hash;         /* over all of them */
    struct address client; /* the end that is not the server's */
    struct address server;
    uint16_t client_port;
    uint16_t server_port;
};

/* Reads event as a message to or from server_port; false if it is none, or none that can be told from
 * other programs' use of that port number. */
bool message_read(const struct event *event, uint16_t server_port, struct message *out);

/* Version 2 with a whole header and the opcode's data; so pcp.data may be used. */
bool message_has_data(const struct message *message);

/* The first option with this code; false if there is none. */
bool message_option(const struct message *message, uint8_t code, struct pcp_option *out);

#endif
