/* A stage on both sides of a proxy: the harness is its clients, and the server upstream.
 *
 *     static void the_nonce_goes_upstream(struct stage *stage)
 *     {
 *         struct server server = proxy_upstream(stage);
 *         struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
 *         struct passage passage = proxy_passes(&server, R7648_3_11, &wish);
 *         stage_expect(stage, R7648_3_11, !memcmp(passage.up.pcp.data.map.nonce, ...), ...);
 *     }
 *
 * A passage is one request on its way: asked by a client from a socket of its own, repeated as clients do,
 * heard upstream, answered there, and heard of again by the client. Where a script is about the proxy's inner
 * side alone, proxy_attend() has an honest server answer in the background.
 */
#ifndef PINHOLE_CHECK_STAGE_PROXY_H
#define PINHOLE_CHECK_STAGE_PROXY_H

#include "check/stage_server.h"

enum {
    PROXY_OUTERMOST_PORT = 40000 /* of the first mapping that a server of proxy_upstream() has */
};

/* One request between client and server. */
struct passage {
    struct server *server;
    struct wish wish;
    int client;         /* socket that asked; -1: it asked nothing */
    struct request up;  /* as it came upstream; came: whether it did */
    struct answer down; /* that the client had without waiting for upstream, if it came */
};

/* The server at STAGE_REMOTE, the proxy's default router, that maps to an address which is nobody's in the lab. */
struct server proxy_upstream(struct stage *stage);
/* Answers honestly, in the background, whatever a proxy asks at STAGE_REMOTE for the rest of the case; its
 * mappings are those of a firewall, so that the outermost endpoint is the proxy's external one. */
void proxy_attend(struct stage *stage);

/* Has a client ask and repeats that until the server hears of it, the client has had an answer for a moment, or four
 * seconds are over. */
struct passage proxy_ask(struct server *server, const struct wish *wish);
/* The same for a request that has to be heard upstream; otherwise the requirement is broken. */
struct passage proxy_passes(struct server *server, enum requirement_id requirement,
                            const struct wish *wish);
/* The same for a request that the case rests on: what doesn't get upstream makes it unsupported or
 * inconclusive, as with stage_granted(). */
struct passage proxy_passed(struct server *server, const struct wish *wish);
/* Sends the server's answer, and gives what the client hears within a second and a half, or has heard before. */
struct answer proxy_answer(struct passage *passage, const struct reply *reply);
/* What the client hears, without an answer from upstream, in so many of our nanoseconds. */
struct answer proxy_hear(const struct passage *passage, int64_t patience);
/* server_success() of so many seconds, to a request that has to be passed on: a mapping that the case rests on. */
struct passage proxy_granted(struct server *server, const struct wish *wish, uint32_t lifetime,
                             struct answer *answer);
/* Where packets have to be sent for the mapping that a request upstream is about: the proxy's own external
 * endpoint or, for a firewall's, that of the host that THIRD_PARTY names. */
struct endpoint passage_outside(const struct passage *passage);
/* The next request of the opcode that comes upstream, unasked by any client, in so many of the peer's seconds;
 * ANNOUNCE is answered meanwhile. */
struct request proxy_await(struct server *server, uint8_t opcode, double seconds);
/* Whether nothing of the opcode has come upstream: another client's MAP that must, asked for now, is the fence. */
bool proxy_is_quiet(struct server *server, uint8_t opcode, struct request *heard);
/* An ANNOUNCE that the proxy's clients hear at a socket of SOCKET_UDP_MULTICAST, in so many of the peer's
 * seconds. */
struct answer proxy_await_announcement(struct stage *stage, int listener, double seconds);
/* A socket of a client's that hears announcements, at port 5350 of the place. */
int proxy_listen(struct stage *stage, enum stage_place place);

#endif
