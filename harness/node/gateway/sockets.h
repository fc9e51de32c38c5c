/* The sockets that requests come in on: one for each served interface and family, bound to the
 * interface, so that nothing from elsewhere is even read.
 *
 * An answer leaves from the address that was asked (RFC 6887 section 8.3: the client accepts no
 * other). A pair of socket and local address is a path; its number is what the engine remembers for
 * Mapping Updates.
 */
#ifndef PINHOLE_NODE_GATEWAY_SOCKETS_H
#define PINHOLE_NODE_GATEWAY_SOCKETS_H

#include "base/error.h"
#include "engine/pcp_server.h"
#include "node/gateway/config.h"

#include <poll.h>
#include <stddef.h>

enum {
    SOCKETS_MAXIMUM = 4 * CONFIG_INTERFACES,
    SOCKETS_BATCH = 64,
    SOCKETS_DATAGRAM = 1500 /* longer ones are cut; over 1100 octets they are in error anyway */
};

struct sockets;

/* Opens all sockets of the configuration; NULL with error. */
struct sockets *sockets_open(const struct config *config, struct error *error);
void sockets_close(struct sockets *sockets);

/* The number of sockets, and their descriptors for poll(). */
size_t sockets_count(const struct sockets *sockets);
void sockets_poll(const struct sockets *sockets, struct pollfd *descriptors);

/* Reads up to SOCKETS_BATCH datagrams without waiting and fills inputs but for now and random; their
 * octets stand until the next call. Returns how many. */
size_t sockets_receive(struct sockets *sockets, size_t which, struct pcp_server_input *inputs);

/* Sends answers to the inputs of the last sockets_receive(), those of length 0 left out. */
void sockets_answer(struct sockets *sockets, size_t which, const struct pcp_server_input *inputs,
                    const struct pcp_server_answer *answers, size_t count);

/* Sends one datagram to a client by a path. */
void sockets_send(struct sockets *sockets, uint16_t path, const struct address *destination,
                  uint16_t port, const uint8_t *octets, size_t length);

/* Sends an announcement from every unicast address of every inside interface to 224.0.0.1 and
 * ff02::1, port 5350 (14.1.3); IPv4 alone for one of NAT-PMP. */
void sockets_announce(struct sockets *sockets, const uint8_t *octets, size_t length,
                      bool ipv4_alone);

/* The first IPv4 address of an interface, or 0.0.0.0. */
struct address sockets_interface_address(const char *name);

#endif
