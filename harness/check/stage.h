/* The stage of a case: what a script can do to a peer and see of it.
 *
 * Scripts read like the sentence that they prove, one line after the other, without error handling: the
 * first thing that decides the verdict ends the case, and every call after it returns at once with an empty
 * result. So a script looks at a result only if it steers what comes next.
 *
 *     static void renewal_extends(struct stage *stage)
 *     {
 *         struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
 *         wish.lifetime = 120;
 *         struct answer answer = stage_granted(stage, &wish);
 *         stage_pass(stage, 80 * SECOND);
 *         stage_granted(stage, &wish);
 *         stage_pass(stage, 60 * SECOND);
 *         int inside = stage_open(stage, STAGE_HOST, 5000), outside = stage_open(stage, STAGE_REMOTE, 0);
 *         struct endpoint external = answer_external(&answer);
 *         stage_expect_passes(stage, R6887_15_05, outside, &external, inside);
 *     }
 *
 * A stage touches nothing by itself: sockets, programs and time come from its operations. In a lab they are
 * cli/test_world.c's. Waiting is for a state wherever there is one; only that nothing comes is a matter of
 * patience, and then a fence (something that must come, sent later) says when it is over.
 */
#ifndef PINHOLE_CHECK_STAGE_H
#define PINHOLE_CHECK_STAGE_H

#include "base/error.h"
#include "check/case.h"
#include "check/verdict.h"
#include "wire/address.h"
#include "wire/pcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MILLISECOND INT64_C(1000000) /* times are nanoseconds */
#define SECOND      (1000 * MILLISECOND)

/* Where the harness, or the peer, is at home in the suite's topology:
 *
 *      home                                                       internet
 *   +-------+                 +--------------------+                 +--------+
 *   | host  |---+-------------|  gateway           |-----------------| remote |
 *   +-------+   |   +-------+ +--------------------+                 +--------+
 *               +---| other | gateway: inside address; outside: external address
 *                   +-------+
 *
 * A gateway or proxy under test runs in `gateway`; a device in `host`. The first address of a place's family
 * is meant, and of the _SECOND ones the next on the same interface. A second router of the home, and a stranger in the
 * internet, are further addresses of `other` and of `remote`; where a device is under test, those of `other` are the
 * gateway's. A case of a gateway or proxy that acts at STAGE_OTHER or STAGE_ROUTER has the trait CASE_NEIGHBOURS. */
enum stage_place {
    STAGE_HOST,
    STAGE_HOST_SECOND,
    STAGE_OTHER,
    STAGE_GATEWAY,
    STAGE_ROUTER,
    STAGE_OUTSIDE,
    STAGE_REMOTE,
    STAGE_REMOTE_SECOND,
    STAGE_STRANGER,
    STAGE_PLACES
};

struct endpoint {
    struct address address;
    uint16_t port;
};

enum {
    DATAGRAM_ROOM = 2048,
    STAGE_SOCKETS = 64,
    STAGE_EVIDENCE = 12,
    STAGE_KEPT = 16,
    STAGE_TEXTS = 16,
    STAGE_TEXT_SIZE = 400
};

/* What came in at a socket: a datagram or, for one of those sent from it, an ICMP error. */
struct datagram {
    int socket;
    int64_t time; /* when the kernel had it; nanoseconds since 1970, as captures have it */
    struct endpoint from;
    struct address to; /* which of our addresses, or multicast group, it was sent to */
    uint8_t hop_limit;
    bool is_error; /* the fields below, and from is whoever sent the error */
    uint8_t icmp_type, icmp_code;
    size_t length; /* of the payload; of an error: what it quotes of ours */
    uint8_t octets[DATAGRAM_ROOM];
};

enum socket_kind {
    SOCKET_UDP,
    SOCKET_UDP_MULTICAST, /* also hears 224.0.0.1 or ff02::1 on the interface of its place */
    SOCKET_TCP_LISTENER
};

struct stage_operations {
    /* The address of a place; false if the topology has none of the family. */
    bool (*find)(void *world, enum stage_place place, bool ipv6, struct address *out);
    /* A socket at a place, bound to address (the any address is allowed) and port (0: any). -1 with error. */
    int (*open)(void *world, enum socket_kind kind, enum stage_place place,
                const struct endpoint *local, struct error *error);
    void (*close)(void *world, int socket);
    uint16_t (*port)(void *world, int socket);
    bool (*send)(void *world, int socket, const struct endpoint *to, const uint8_t *octets,
                 size_t length, struct error *error);
    /* Sends a whole IP packet, header included, out of a place. */
    bool (*send_packet)(void *world, enum stage_place place, const uint8_t *octets, size_t length,
                        struct error *error);
    /* Waits until `until` for what comes first at one of the sockets: 1 with it, 0, or -1 with error. With no
     * socket it only waits. What has come already is had by an `until` that is past. */
    int (*receive)(void *world, const int *sockets, size_t count, int64_t until,
                   struct datagram *out, struct error *error);
    /* Connects by TCP from a place within a time, and closes again. *accepted (may be NULL) is filled if the
     * connection came in at listener. */
    bool (*connect)(void *world, enum stage_place from, const struct endpoint *to, int listener,
                    int64_t until, struct endpoint *accepted);
    /* The same, but the connection stays. ends: where it began, and where it was accepted. */
    bool (*hold)(void *world, enum stage_place from, const struct endpoint *to, int listener,
                 int64_t until, int ends[2]);
    /* Sends from an end of one now and then, until that is reset: true; or until `until`. */
    bool (*is_reset)(void *world, int end, int64_t until);
    int64_t (*now)(void *world);
    /* Sets a fact for the peer's next start, or with a NULL value takes it back. */
    void (*tell)(void *world, const char *name, const char *value);
    bool (*start)(void *world, struct error *error);
    /* signal_number 0: as the peer's file says that it is to be ended before a restart. */
    bool (*stop)(void *world, int signal_number, struct error *error);
    /* signal_number 0: that by which stop() ends it; from then on its end is no fault. */
    bool (*signal)(void *world, int signal_number, struct error *error);
    bool (*running)(void *world);
    /* Tells the peer, if its file says how, that its external address is another. */
    bool (*renumbered)(void *world, struct error *error);
    /* Runs a shell command in the node of a place until it ends; false with error if it fails. Its output,
     * if out isn't NULL, is cut to size and ended by a NUL. */
    bool (*run)(void *world, enum stage_place place, const char *command, char *out, size_t size,
                struct error *error);
};

/* What the verdict rests on: datagrams sent and received, by which the runner finds frames. */
struct evidence {
    int64_t time;
    uint64_t hash; /* of the payload: stage_hash() */
    size_t length;
};

/* A socket that is open, and where. */
struct stage_socket {
    int socket;
    enum stage_place place;
    struct endpoint local;
};

struct stage {
    const struct stage_operations *operations;
    void *world;
    const struct test_case *test_case;
    bool ipv6;        /* the family that it acts over */
    double scale;     /* the peer's seconds in one of ours */
    uint64_t seed;    /* draws nonces, ports and payloads */
    int64_t deadline; /* from when on a case that still waits is kept going by its peer; 0: none */

    /* The verdict. */
    bool over;
    enum verdict verdict;
    enum requirement_id requirement; /* that was broken; else the case's first */
    char expected[400];
    char actual[1200];
    struct evidence evidence[STAGE_EVIDENCE]; /* the last ones before it was over */
    size_t evidence_count;                    /* ever */

    /* Private. */
    /* Has what comes at a socket, attended, while a script waits for something else; NULL: nobody. */
    void (*attend)(struct stage *stage, const struct datagram *datagram);
    int attended;
    bool attending;
    void *attendant;
    struct stage_socket sockets[STAGE_SOCKETS];
    size_t socket_count;
    struct datagram
        kept[STAGE_KEPT]; /* passed over by who waited for another: stage_receive() has them */
    size_t kept_count;
    char texts[STAGE_TEXTS][STAGE_TEXT_SIZE];
    unsigned text_count;
    uint64_t drawn;
};

/* Runs a case on a stage whose first group of fields is filled, the peer being started unless the case does it
 * itself. The verdict stands in the stage then. */
void stage_play(struct stage *stage);
/* FNV-1a, 64 bits. */
uint64_t stage_hash(const uint8_t *octets, size_t length);

/* --- verdicts (stage.c) ----------------------------------------------------------------------- */

/* Unless holds: the case is over, with the verdict that breaking the requirement weighs, and actual printed.
 * Returns holds, and false if it was over before. requirement is one of the case's. */
bool stage_expect(struct stage *stage, enum requirement_id requirement, bool holds,
                  const char *expected, const char *actual, ...)
    __attribute__((format(printf, 5, 6)));
/* The case is over, for a reason that breaks no requirement: VERDICT_UNSUPPORTED, _INCONCLUSIVE, _INFO, _WARN,
 * _ERROR. */
void stage_end(struct stage *stage, enum verdict verdict, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/* --- the peer, the lab and time --------------------------------------------------------------- */

void stage_tell(struct stage *stage, const char *name, const char *value);
/* Starts the peer and waits until it is ready. */
void stage_start(struct stage *stage);
void stage_stop(struct stage *stage, int signal_number);
/* stage_stop(stage, 0) and stage_start(stage). */
void stage_restart(struct stage *stage);
void stage_signal(struct stage *stage, int signal_number);
/* The peer is asked to end, and may take leave of its servers meanwhile: unlike stage_stop() this waits for
 * nothing. */
void stage_dismiss(struct stage *stage);
/* A shell command in the node of a place, such as "ip address add 11.0.0.7/24 dev eth1". */
void stage_run(struct stage *stage, enum stage_place place, const char *command, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, with what it prints. */
void stage_run_for(struct stage *stage, enum stage_place place, char *out, size_t size,
                   const char *command, ...) __attribute__((format(printf, 5, 6)));
int64_t stage_now(const struct stage *stage);
/* Lets so many of the peer's nanoseconds pass. */
void stage_pass(struct stage *stage, int64_t of_the_peer);
/* Seconds of the peer between two of our times. */
double stage_peer_seconds(const struct stage *stage, int64_t earlier, int64_t later);
/* 64 bits that follow from the seed; others each time. */
uint64_t stage_draw(struct stage *stage);

/* --- sockets ---------------------------------------------------------------------------------- */

struct address stage_address(struct stage *stage, enum stage_place place);
/* The unspecified address of the case's family. */
struct address stage_any(const struct stage *stage);
struct endpoint stage_endpoint(struct stage *stage, enum stage_place place, uint16_t port);
/* A UDP socket; -1 if the case is over. All are closed when it ends. */
int stage_open(struct stage *stage, enum stage_place place, uint16_t port);
int stage_open_kind(struct stage *stage, enum socket_kind kind, enum stage_place place,
                    const struct endpoint *local);
void stage_close(struct stage *stage, int socket);
/* Whether such a socket could be had: for SOCKET_UDP_MULTICAST also where who holds the port would share it. */
bool stage_could_open(struct stage *stage, enum socket_kind kind, enum stage_place place,
                      uint16_t port);
uint16_t stage_port(struct stage *stage, int socket);
void stage_send(struct stage *stage, int socket, const struct endpoint *to, const uint8_t *octets,
                size_t length);
void stage_send_packet(struct stage *stage, enum stage_place place, const uint8_t *octets,
                       size_t length);
/* What comes at the socket within so many of our nanoseconds; false if nothing does. */
bool stage_receive(struct stage *stage, int socket, int64_t patience, struct datagram *out);
/* At one of several. */
bool stage_receive_any(struct stage *stage, const int *sockets, size_t count, int64_t patience,
                       struct datagram *out);

/* --- the data plane (stage_packets.c) --------------------------------------------------------- */

/* Whether a datagram from one socket to an endpoint arrives at another: tried until it does, or for a second
 * and a half. *arrival may be NULL. */
bool stage_passes(struct stage *stage, int from, const struct endpoint *to, int at,
                  struct datagram *arrival);
/* Whether nothing of several datagrams arrives. */
bool stage_is_blocked(struct stage *stage, int from, const struct endpoint *to, int at);
/* The same as expectations. */
bool stage_expect_passes(struct stage *stage, enum requirement_id requirement, int from,
                         const struct endpoint *to, int at, struct datagram *arrival);
bool stage_expect_blocked(struct stage *stage, enum requirement_id requirement, int from,
                          const struct endpoint *to, int at);
/* Whether TCP connects from a place to an endpoint, arriving at a listener. */
bool stage_connects(struct stage *stage, enum stage_place from, const struct endpoint *to,
                    int listener, struct endpoint *accepted);
/* The same, and the connection stays. */
bool stage_holds(struct stage *stage, enum stage_place from, const struct endpoint *to,
                 int listener, int ends[2]);
/* Whether such an end, which goes on sending, is reset. */
bool stage_is_reset(struct stage *stage, int end);

/* --- a PCP client (stage_client.c) ------------------------------------------------------------ */

/* What a request asks for. Fill from stage_map_wish() or stage_peer_wish(), then change what the case is
 * about. */
struct wish {
    enum stage_place from;
    int socket;                 /* that sends; -1: a fresh one for each exchange */
    struct pcp_message message; /* its options are not looked at: these are */
    uint8_t options[900];       /* as on the wire, padding included */
    size_t options_length;
};

/* An answer, or that none came. */
struct answer {
    bool came;
    enum pcp_fault fault;
    struct pcp_message pcp; /* its options are not to be used: answer_option() */
    struct datagram datagram;
};

/* MAP of a UDP port of a place, for ten minutes, with a fresh nonce and without a suggestion. */
struct wish stage_map_wish(struct stage *stage, enum stage_place from, uint16_t internal_port);
struct wish stage_peer_wish(struct stage *stage, enum stage_place from, uint16_t internal_port,
                            const struct endpoint *remote);
struct wish stage_announce_wish(struct stage *stage, enum stage_place from);
void wish_add_option(struct wish *wish, uint8_t code, const uint8_t *data, uint16_t length);
void wish_add_filter(struct wish *wish, const struct address *remote, uint8_t prefix_length,
                     uint16_t remote_port);
void wish_add_third_party(struct wish *wish, const struct address *internal);
/* Octets written; capacity PCP_MAXIMUM_LENGTH is always enough. */
size_t wish_encode(const struct wish *wish, uint8_t *octets, size_t capacity);

/* The peer's PCP port, as seen from a place: on its inside, or for places of the internet on its outside. */
struct endpoint stage_server(struct stage *stage, enum stage_place from);
/* Sends octets to the peer's PCP port and repeats them until an answer comes, or for four seconds; one that
 * doesn't come is no breach by itself. With socket -1 a fresh one at from sends, and whatever comes to it from
 * the peer's port is the answer. At a socket of the case's own, only a response counts that matches the
 * request in opcode and, if both have them, nonce, protocol and internal port; what else comes there is kept
 * for stage_receive(). */
struct answer stage_exchange(struct stage *stage, enum stage_place from, int socket,
                             const uint8_t *octets, size_t length);
/* Sends a request that must be answered, whatever the answer says; without one, the first of the case's
 * requirements is broken. */
struct answer stage_ask(struct stage *stage, const struct wish *wish);
/* Sends a request whose success the case rests on. Without it the case is unsupported, if the result says so
 * (UNSUPP_OPCODE, UNSUPP_OPTION, UNSUPP_PROTOCOL, NOT_AUTHORIZED, EXCESSIVE_REMOTE_PEERS), or else
 * inconclusive. */
struct answer stage_granted(struct stage *stage, const struct wish *wish);
/* Waits until the peer has answered an ANNOUNCE, if it ever does: it has been at work since this was called, and so
 * has done what was due before. */
void stage_await_work(struct stage *stage);
/* Whether octets, sent three times, get no answer: an ANNOUNCE that must be answered, sent afterwards from
 * another socket, is the fence; for places of the internet it comes from the host. */
bool stage_is_silent(struct stage *stage, enum stage_place from, const uint8_t *octets,
                     size_t length);

struct endpoint answer_external(const struct answer *answer);
/* What a stranger sends to the external endpoint of a success, from a port that is new to all, arrives at a
 * socket inside; or does not. */
bool stage_expect_mapped(struct stage *stage, enum requirement_id requirement,
                         const struct answer *granted, int inside);
bool stage_expect_unmapped(struct stage *stage, enum requirement_id requirement,
                           const struct answer *granted, int inside);
/* The first option of a code; false if there is none. */
bool answer_option(const struct answer *answer, uint8_t code, struct pcp_option *out);
/* One line about it, for `actual`: "MAP response NO_RESOURCES udp 5000 lifetime 30 epoch 7", or "no answer"; in a
 * buffer of the stage, good for as many calls as one line has room for. */
const char *stage_describe(struct stage *stage, const struct answer *answer);

bool stage_expect_result(struct stage *stage, enum requirement_id requirement,
                         const struct answer *answer, enum pcp_result result);
/* what names it: "the assigned external endpoint". */
bool stage_expect_endpoint(struct stage *stage, enum requirement_id requirement, const char *what,
                           const struct endpoint *actual, const struct endpoint *expected);
/* low <= value <= high; what names it: "the lifetime granted". */
bool stage_expect_number(struct stage *stage, enum requirement_id requirement, const char *what,
                         double value, double low, double high);

#endif
