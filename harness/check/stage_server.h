/* The PCP server that a script plays for a device, honest and hostile.
 *
 *     static void an_error_rests(struct stage *stage)
 *     {
 *         struct server server;
 *         struct request first = server_begin(stage, &server);
 *         server_refuse(&server, &first, PCP_NOT_AUTHORIZED, 60);
 *         server_expect_silence(&server, R6887_8_3_04, 55, "for the lifetime of the error");
 *         server_expect_request(&server, R6887_11_4_08, 60, "once the error has lasted");
 *     }
 *
 * A device may map several ports. A server follows one mapping, that of the first request it hears, and that
 * is whose requests scripts get; what is asked for the others, and by ANNOUNCE, is answered honestly while a
 * script waits. A repeat of the request may lie in the socket when an answer goes out: server_send() passes
 * over what came before it.
 *
 * Seconds are the peer's here, as its clock runs: stage->scale of them in one of ours. A measure of them is as
 * good as the peer was given the processor in time: see server_early() and server_late(). The epoch runs in the
 * peer's seconds, too.
 */
#ifndef PINHOLE_CHECK_STAGE_SERVER_H
#define PINHOLE_CHECK_STAGE_SERVER_H

#include "check/stage.h"
#include "wire/natpmp.h"

enum {
    SERVER_MAPPINGS = 16,
    SERVER_LIFETIME = 3600,    /* s, that an honest server grants at most */
    SERVER_SHORT_LIFETIME = 24 /* s, where a renewal is waited for */
};

/* A request, or that none came. */
struct request {
    bool came;
    bool is_natpmp;
    enum pcp_fault fault;
    struct pcp_message pcp; /* its options are not to be used: request_option() */
    struct natpmp_message natpmp;
    struct datagram datagram;
};

struct server {
    struct stage *stage;
    enum stage_place place;
    int socket;          /* port 5351 of the place */
    int64_t epoch_start; /* our time at which its epoch was 0 */
    bool renews;         /* the peer has been seen to renew a mapping of SERVER_SHORT_LIFETIME */
    bool ignores_others; /* what the script doesn't wait for is not answered */
    bool
        answers_addresses; /* NAT-PMP's requests for the address are answered, not given to the script */
    uint32_t lifetime; /* s, that it grants at most for mappings that the script doesn't follow */
    struct address external; /* that it maps to */

    /* Private. */
    struct {
        uint8_t opcode;
        uint8_t protocol;
        uint16_t internal_port;
        struct endpoint remote;
        uint16_t external_port;
    } mappings[SERVER_MAPPINGS]; /* the first is the one that is followed */
    size_t mapping_count;
    int64_t sent;      /* our time of the last answer for the followed mapping */
    uint64_t answered; /* hash of the request that it answered; 0: of none */
};

/* An answer, honest until it is changed. */
struct reply {
    bool is_natpmp;
    struct pcp_message pcp; /* any version, opcode, R bit, result and field */
    struct natpmp_message natpmp;
    uint8_t options[1200]; /* as on the wire, padding included */
    size_t options_length;
    size_t length;      /* octets sent: cut to this, or lengthened by zeros; 0: as it is */
    int socket;         /* that sends it */
    struct endpoint to; /* whom it is sent to */

    /* Private. */
    uint8_t layout;    /* the opcode whose data it has */
    uint64_t answered; /* hash of the request; 0: it answers none */
};

/* --- the server ------------------------------------------------------------------------------- */

/* A server at a place, whose epoch began a day of the peer's ago. */
struct server server_open(struct stage *stage, enum stage_place place);
/* The same at another address that the place has got. */
struct server server_open_at(struct stage *stage, enum stage_place place,
                             const struct address *address);
/* Servers at STAGE_GATEWAY and STAGE_ROUTER, both told to the peer as PINHOLE_GATEWAY, and the peer started.
 * What stands between their addresses is a space, or a comma if they are one server's. */
void server_begin_two(struct stage *stage, const char *separator, struct server *one,
                      struct server *other);
/* Starts the peer with the server at STAGE_GATEWAY, told to it as PINHOLE_GATEWAY, and waits for its first
 * request. Without one the case is inconclusive. For cases with CASE_UNSTARTED. */
struct request server_begin(struct stage *stage, struct server *server);
/* The same, but what the server follows is the mapping of the first request that is wanted. Those that come
 * before it are answered as all others are. */
struct request server_begin_for(struct stage *stage, struct server *server,
                                bool (*wanted)(const struct request *request));
/* The peer is started already, or anew: the server follows the mapping of the next request that is wanted.
 * Without one in so many seconds the case is inconclusive. */
struct request server_follow(struct server *server, double seconds,
                             bool (*wanted)(const struct request *request));
/* The same, with that first request left unanswered: what comes back is its repetition. So a peer is known to
 * repeat itself where that it does so is to show what it makes of an answer. */
struct request server_begin_repeating(struct stage *stage, struct server *server);
/* The same, with that first request granted for SERVER_SHORT_LIFETIME: what comes back is the renewal, without
 * which the case is inconclusive. From then on a renewal that doesn't come tells something. */
struct request server_begin_renewing(struct stage *stage, struct server *server);
/* The same with a server that knows NAT-PMP alone, up to the first request for a mapping in NAT-PMP. */
struct request server_begin_natpmp(struct stage *stage, struct server *server);
/* Starts the peer, stopped or not yet started, with random numbers of its own, which follow from the seed. */
void server_start_peer(struct stage *stage);
/* The peer stops and starts anew, with other random numbers. */
void server_restart_peer(struct stage *stage);

uint32_t server_epoch(const struct server *server);
/* From now on the epoch is another one: 0 after a restart. */
void server_set_epoch(struct server *server, uint32_t epoch);

/* --- requests --------------------------------------------------------------------------------- */

/* The next request for the mapping that the server follows; waited for so many seconds, and a moment longer
 * on a busy machine. */
struct request server_await(struct server *server, double seconds);
/* The next request of any kind, which is left to the script: for other mappings, too, and ANNOUNCE. */
struct request server_hear(struct server *server, double seconds);
/* The next request for the mapping; without one in so many seconds the case is inconclusive. */
struct request server_next(struct server *server, double seconds);
/* The next MAP request for a mapping that the server doesn't follow, left to the script; without one the case is
 * inconclusive. Requests for the mapping that it follows are passed over meanwhile. */
struct request server_next_other(struct server *server, double seconds);
/* The server knows NAT-PMP alone: the next request for the mapping in NAT-PMP; those for the address are answered
 * meanwhile, and those of PCP by Unsupported Version. Without one the case is inconclusive. */
struct request server_next_natpmp(struct server *server, double seconds);
/* What came at a server's socket, read as a request. */
struct request server_read(const struct datagram *datagram);
/* Whether a request is for the mapping that the server follows. */
bool server_follows(const struct server *server, const struct request *request);

/* A sound MAP request that asks for a mapping; a sound PEER request. */
bool request_is_creation(const struct request *request);
bool request_is_peer(const struct request *request);
/* Whether two requests, of MAP or PEER, bear the same nonce. */
bool request_has_nonce_of(const struct request *request, const struct request *other);
/* Two servers begin, and their first wanted requests are to bear different nonces. */
void server_expect_own_nonces(struct stage *stage, enum requirement_id requirement, double seconds,
                              bool (*wanted)(const struct request *request));

/* The first option of a code. */
bool request_option(const struct request *request, uint8_t code, struct pcp_option *out);
/* "MAP request udp 5683 lifetime 7200 suggests 0.0.0.0:0", or "no request"; in a buffer of the stage. */
const char *request_describe(struct stage *stage, const struct request *request);
/* Whether a request suggests the external address and port that a response assigned. */
bool request_suggests(const struct request *request, const struct reply *reply);
/* Whether two requests are the same octets but for suggestion and lifetime. */
bool request_is_same(const struct request *a, const struct request *b);

/* --- answers ---------------------------------------------------------------------------------- */

/* The honest success to a request, of either protocol: the mapping's external port is always the same. */
struct reply server_success(struct server *server, const struct request *request);
/* The honest error: all of the request comes back. */
struct reply server_error(struct server *server, const struct request *request,
                          enum pcp_result result, uint32_t lifetime);
/* What a server that knows NAT-PMP alone says to a request of PCP: Unsupported Version (RFC 6886, 3.5). */
struct reply server_natpmp_alone(struct server *server, const struct request *request);
/* An ANNOUNCE to the group at port 5350, or to whoever sent a request. */
struct reply server_announcement(struct server *server, const struct request *unicast);
void reply_add_option(struct reply *reply, uint8_t code, const uint8_t *data, uint16_t length);
/* Octets written; capacity DATAGRAM_ROOM is always enough. */
size_t reply_encode(const struct reply *reply, uint8_t *octets, size_t capacity);
/* Sends it, and passes over the requests for the mapping that are there already. */
void server_send(struct server *server, const struct reply *reply);

/* server_success() for so many seconds, sent. */
void server_grant(struct server *server, const struct request *request, uint32_t lifetime);
/* server_error(), sent. */
void server_refuse(struct server *server, const struct request *request, enum pcp_result result,
                   uint32_t lifetime);

/* --- what the peer makes of it ---------------------------------------------------------------- */

/* A request for the mapping comes within so many seconds; why says what makes it due: "3 s behind the first". */
struct request server_expect_request(struct server *server, enum requirement_id requirement,
                                     double seconds, const char *why);
/* None comes for so many seconds. */
bool server_expect_silence(struct server *server, enum requirement_id requirement, double seconds,
                           const char *why);
/* What was sent last is ignored: the peer asks again as if there had been no answer. What is to be ignored
 * must name a lifetime of SERVER_LIFETIME or more, so that nothing else makes the peer ask soon. */
struct request server_expect_ignored(struct server *server, enum requirement_id requirement,
                                     const char *what);
/* What was sent last, a success for SERVER_SHORT_LIFETIME, is taken: the next request is a renewal, not a
 * repeat. Where there is neither, that breaks the requirement if the peer is known to renew, as behind
 * server_begin_renewing(); else the case is inconclusive. */
struct request server_expect_taken(struct server *server, enum requirement_id requirement,
                                   const char *what);

/* Gaps between the requests for the mapping while none is answered, from request on, in seconds. Ends early
 * when none comes in twice the time that 8.1.1 allows. Returns how many gaps were measured. */
size_t server_measure_gaps(struct server *server, const struct request *request, double *gaps,
                           size_t count);
/* Seconds between two requests, or since the last answer for the mapping. */
double server_between(const struct server *server, const struct request *earlier,
                      const struct request *later);
double server_since_answer(const struct server *server, const struct request *request);
/* How many seconds too early or too late a request may look though the peer meant it in time. */
double server_early(const struct server *server);
double server_late(const struct server *server);

#endif
