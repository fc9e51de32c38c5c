/* A PCP proxy (RFC 7648): a server towards clients, a client towards the next server, and the glue.
 *
 * Like the server it touches nothing: datagrams, time and randomness go in, datagrams and changes come
 * out. Its server half is a struct pcp_server whose policy says proxy; the caller keeps serving that
 * one's events (pcp_server_advance()) and state. A mapping is local at once but only for
 * PCP_PROXY_TEMPORARY seconds, until the answer from upstream makes it last; what the client hears is
 * always what the outermost server said.
 *
 * Decisions:
 * - The proxy retransmits nothing of its own: a client that hears nothing asks again (8.1.1), and
 *   that is relayed again. So a lost answer costs no state and no timer.
 * - When upstream may have lost state (its Epoch jumps, or it says ANNOUNCE unasked), and when our own address
 *   changes, the proxy asks there for all its mappings again (section 3, way 1; 3.5). Only if one comes out
 *   otherwise, or not at all, it starts its own Epoch anew and announces that, so that clients ask, too.
 * - A change that upstream tells unasked (a Mapping Update) is passed on to the mapping's client.
 * - Of several servers upstream, those of the mapping's family are all asked at once and the first SUCCESS
 *   counts, or each client has its own (3.6).
 * - Where the server half is a firewall, upstream hears of its hosts by THIRD_PARTY (3.3).
 */
#ifndef PINHOLE_ENGINE_PCP_PROXY_H
#define PINHOLE_ENGINE_PCP_PROXY_H

#include "base/error.h"
#include "engine/pcp_server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PCP_PROXY_TEMPORARY =
        60, /* seconds that a mapping lives unconfirmed, and a request is awaited */
    PCP_PROXY_MAXIMUM_PENDING = 4096,
    PCP_PROXY_SERVERS = 4,
    PCP_PROXY_ROUNDS = 4,     /* times that a mapping is asked for again: after 0, 3, 9 and 21 s */
    PCP_PROXY_SCATTER = 5000, /* milliseconds, at most, before the first of them */
    PCP_PROXY_REPAIR_REST =
        300 /* seconds, in which copies of an ANNOUNCE with nothing new count for one */
};

struct pcp_proxy;

struct pcp_proxy_settings {
    struct address upstream[PCP_PROXY_SERVERS]; /* the next servers, of either family */
    size_t upstream_count;
    bool spread; /* each client has one of them; else all are asked */
    /* By family, IPv4 and IPv6: source towards them where a mapping's external address isn't ours. */
    struct address own[2];
    uint32_t pending;   /* room for requests that wait for upstream */
    bool relay_opcodes; /* pass unknown opcodes on (3.4.2: the default is to) */
};

size_t pcp_proxy_size(const struct pcp_server_policy *policy,
                      const struct pcp_proxy_settings *settings);

/* Makes a proxy in memory (aligned for uint64_t) around a server of that policy, which outlives it.
 * NULL with error if something doesn't fit. */
struct pcp_proxy *pcp_proxy_create(void *memory, size_t size, struct pcp_server *server,
                                   const struct pcp_server_policy *policy,
                                   const struct pcp_proxy_settings *settings, struct error *error);

/* Our own address of its family is now another; the server half knows it already. */
void pcp_proxy_renumber(struct pcp_proxy *proxy, const struct address *own);

/* A datagram for the PCP port of servers upstream. */
struct pcp_proxy_packet {
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length; /* 0: none */
    struct address source;
    unsigned servers; /* bit i: for settings.upstream[i] */
};

/* Works on a client's datagram. As with pcp_server_request() the answer's change must be carried out
 * before anything is sent, and then pcp_server_commit() called on the server, or pcp_proxy_refuse().
 * What is to be sent is the answer, or packet, or neither. */
void pcp_proxy_request(struct pcp_proxy *proxy, const struct pcp_server_input *input,
                       struct pcp_server_answer *answer, struct pcp_proxy_packet *packet);
void pcp_proxy_refuse(struct pcp_proxy *proxy, const struct pcp_server_input *input,
                      struct pcp_server_answer *answer);

/* What a datagram from upstream leads to: a change to carry out, and then a datagram to a client. */
struct pcp_proxy_relay {
    struct pcp_server_answer answer; /* length 0: nothing to send */
    struct address destination;
    uint16_t destination_port;
    uint16_t path;
};

/* Works on a datagram that came at now to a mapping's external address, or to our own, from port 5351 of
 * source, or to port 5350. The answer's change is committed or refused as above; refusing leaves the
 * client without an answer. */
void pcp_proxy_response(struct pcp_proxy *proxy, const struct address *source,
                        const uint8_t *octets, size_t length, uint64_t now,
                        struct pcp_proxy_relay *relay);

/* Gives what the proxy has to ask upstream by itself at now, one datagram a call; false when there is no
 * more. */
bool pcp_proxy_advance(struct pcp_proxy *proxy, uint64_t now, struct pcp_proxy_packet *packet);
/* When that is next; PCP_SERVER_NEVER if never. */
uint64_t pcp_proxy_next_time(const struct pcp_proxy *proxy);

#endif
