/* Defects: deliberate faults that prove that cases and rules can fail (`--defect NAME`).
 *
 * A defect is a row of hooks at named points around the engine, which itself stays clean:
 *
 *     configuration -> [configure] -> everything is opened -> [start]
 *     datagram in   -> [request] -> engine -> [change] -> NAT and firewall
 *                                          -> [record] -> state file
 *                                          -> [answer] -> [message] -> datagram out
 *     time          -> engine -> [event] -> [message] -> announcement, Mapping Update; an expiry as a change
 *     engine        -> [outbound] -> which flows live
 *     upstream      -> [upstream] -> proxy -> [forward] -> upstream
 *
 * All are optional. Their rows stand in defects_*.c, one file a section of the RFC like the cases that catch
 * them, listed in defects.def. Where none is chosen each point costs the test of one pointer, below.
 */
#ifndef PINHOLE_NODE_GATEWAY_DEFECT_H
#define PINHOLE_NODE_GATEWAY_DEFECT_H

#include "base/error.h"
#include "engine/pcp_server.h"
#include "node/gateway/sockets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { DEFECT_NOTES = 64, DEFECT_NUMBERS = 8, DEFECT_HELD = 16 };

struct config;
struct defect;

/* A request on its way in, and when it has been worked on its way out. */
struct defect_exchange {
    struct pcp_server_input came;   /* as it came, octets included */
    struct pcp_server_input *input; /* as the engine gets it; length 0: not at all */
    uint8_t *octets;                /* input's, to be edited: SOCKETS_DATAGRAM of room */
    struct pcp_server_change
        change; /* that the answer stands for, as the engine meant it; in answer */
};

struct defect_hooks {
    const char *name;
    void (*configure)(struct defect *defect, struct config *config);
    /* Everything is open; defect->server, ->sockets may be used from now on. */
    void (*start)(struct defect *defect);
    void (*request)(struct defect *defect, struct defect_exchange *exchange);
    /* *length 0: silence. PCP_MAXIMUM_LENGTH of room. */
    void (*answer)(struct defect *defect, const struct defect_exchange *exchange, uint8_t *octets,
                   size_t *length);
    /* Any PCP or NAT-PMP message that leaves: answers, announcements, Mapping Updates. Likewise. */
    void (*message)(struct defect *defect, uint8_t *octets, size_t *length);
    /* False: the device never hears of it; the state file. */
    bool (*change)(struct defect *defect, struct pcp_server_change *change);
    bool (*record)(struct defect *defect, struct pcp_server_change *change);
    /* False: it does not take place. */
    bool (*event)(struct defect *defect, struct pcp_server_event *event);
    /* The device's own answer comes in and may be changed; the return value goes to the engine. */
    bool (*outbound)(struct defect *defect, const struct pcp_server_flow_key *key, bool found,
                     struct pcp_server_flow *flow);
    /* False: the new external address is not taken notice of. */
    bool (*renumber)(struct defect *defect, const struct address *external);
    /* False: that an address is no longer leased is not taken notice of. */
    bool (*lease_ended)(struct defect *defect, const struct address *address);
    /* False: what was removed does not end the flows that came in through it. */
    bool (*flush)(struct defect *defect);
    /* A proxy's datagram to the servers upstream, which defect->servers says, and from there. *length 0:
     * dropped. */
    void (*forward)(struct defect *defect, uint8_t *octets, size_t *length, struct address *source);
    void (*upstream)(struct defect *defect, uint8_t *octets, size_t *length);
    /* Commands for nft, carried out each time that the tables have been made anew. */
    const char *ruleset;
    bool believes_everybody; /* a proxy: what comes from any host is from its server */
    bool hears_outside; /* serves PCP on the outside interface too, and to an external address */
};

/* What a defect has seen of one mapping: of a client, protocol and internal port. */
struct defect_note {
    struct address client;
    uint8_t protocol;
    uint16_t internal_port;
    uint64_t time;      /* of its last defect_note() */
    uint64_t number[4]; /* for the hooks' use, 0 at first */
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length;
};

/* The defect chosen, at work. */
struct defect {
    const struct defect_hooks *hooks;
    struct config *config;
    struct pcp_server *server;
    struct sockets *sockets;
    uint64_t now;                    /* milliseconds, of what is worked on */
    unsigned *servers;               /* in forward: bit i for config->upstream[i] */
    uint64_t number[DEFECT_NUMBERS]; /* for the hooks' use, 0 at first */
    struct defect_note notes[DEFECT_NOTES];
    size_t note_count;
    struct {
        struct pcp_server_event event;
        uint64_t due;
    } held[DEFECT_HELD];
    size_t held_count;
    /* Private. */
    struct pcp_server_device device;
    struct defect_exchange exchanges[SOCKETS_BATCH];
    uint8_t octets[SOCKETS_BATCH][SOCKETS_DATAGRAM];
    struct pcp_server_change changes[2];
};

/* --- for the program -------------------------------------------------------------------------- */

/* The defect of a name, of which a program has one; NULL if there is none such. */
struct defect *defect_find(const char *name);
/* Prints all names, one a line. */
void defect_list(FILE *to);

/* The points where the program calls, when a defect is chosen; the functions after them are what it uses. */
void defect_run_configure(struct defect *defect, struct config *config);
void defect_run_start(struct defect *defect, struct pcp_server *server, struct sockets *sockets);
void defect_run_requests(struct defect *defect, struct pcp_server_input *inputs, size_t count,
                         uint64_t now);
void defect_run_answers(struct defect *defect, struct pcp_server_answer *answers, size_t count);
void defect_run_message(struct defect *defect, uint8_t *octets, size_t *length);
bool defect_run_event(struct defect *defect, struct pcp_server_event *event, uint64_t now);
bool defect_release(struct defect *defect, uint64_t now, struct pcp_server_event *event);
uint64_t defect_due(const struct defect *defect);
void defect_wrap_device(struct defect *defect, struct pcp_server_device *device);
/* The change as the device, or the state file, is to hear of it; NULL: not at all. */
const struct pcp_server_change *defect_run_change(struct defect *defect,
                                                  const struct pcp_server_change *change);
const struct pcp_server_change *defect_run_record(struct defect *defect,
                                                  const struct pcp_server_change *change);

static inline void defect_configure(struct defect *defect, struct config *config)
{
    if (defect)
        defect_run_configure(defect, config);
}

static inline void defect_start(struct defect *defect, struct pcp_server *server,
                                struct sockets *sockets)
{
    if (defect)
        defect_run_start(defect, server, sockets);
}

static inline void defect_requests(struct defect *defect, struct pcp_server_input *inputs,
                                   size_t count, uint64_t now)
{
    if (defect)
        defect_run_requests(defect, inputs, count, now);
}

static inline void defect_answers(struct defect *defect, struct pcp_server_answer *answers,
                                  size_t count)
{
    if (defect)
        defect_run_answers(defect, answers, count);
}

static inline void defect_message(struct defect *defect, uint8_t *octets, size_t *length)
{
    if (defect)
        defect_run_message(defect, octets, length);
}

static inline const struct pcp_server_change *defect_change(struct defect *defect,
                                                            const struct pcp_server_change *change)
{
    return defect ? defect_run_change(defect, change) : change;
}

static inline const struct pcp_server_change *defect_record(struct defect *defect,
                                                            const struct pcp_server_change *change)
{
    return defect ? defect_run_record(defect, change) : change;
}

static inline bool defect_event(struct defect *defect, struct pcp_server_event *event, uint64_t now)
{
    return !defect || defect_run_event(defect, event, now);
}

static inline bool defect_renumber(struct defect *defect, const struct address *external)
{
    return !defect || !defect->hooks->renumber || defect->hooks->renumber(defect, external);
}

static inline bool defect_lease_ended(struct defect *defect, const struct address *address)
{
    return !defect || !defect->hooks->lease_ended || defect->hooks->lease_ended(defect, address);
}

static inline bool defect_flush(struct defect *defect)
{
    return !defect || !defect->hooks->flush || defect->hooks->flush(defect);
}

static inline void defect_forward(struct defect *defect, uint8_t *octets, size_t *length,
                                  struct address *source, unsigned *servers)
{
    if (!defect || !defect->hooks->forward)
        return;
    defect->servers = servers;
    defect->hooks->forward(defect, octets, length, source);
}

static inline void defect_upstream(struct defect *defect, uint8_t *octets, size_t *length)
{
    if (defect && defect->hooks->upstream)
        defect->hooks->upstream(defect, octets, length);
}

static inline bool defect_believes_everybody(const struct defect *defect)
{
    return defect && defect->hooks->believes_everybody;
}

static inline bool defect_hears_outside(const struct defect *defect)
{
    return defect && defect->hooks->hears_outside;
}

static inline const char *defect_ruleset(const struct defect *defect)
{
    return defect && defect->hooks->ruleset ? defect->hooks->ruleset : "";
}

/* --- for the hooks ---------------------------------------------------------------------------- */

/* True, and the message, if octets are a whole PCP request or response (version 2). */
bool defect_read(const uint8_t *octets, size_t length, struct pcp_message *out);
/* The note of the mapping that a request is about, a new one where there is none yet; NULL if it is about
 * none, or there is no more room. */
struct defect_note *defect_note(struct defect *defect, const struct pcp_server_input *input);
/* Puts an answer to the request as it came in place of the engine's: the request in full, made an error
 * response (7.3), with the epoch as it stands. */
void defect_refuse(const struct defect *defect, const struct defect_exchange *exchange,
                   enum pcp_result result, uint32_t lifetime, uint8_t *octets, size_t *length);
/* Sends a datagram from a socket of its own, bound to an interface ("": none) and a local address (NULL:
 * any) and port (0: any). For answers from elsewhere. */
void defect_send(const char *interface, const struct address *from, uint16_t from_port,
                 const struct address *to, uint16_t to_port, const uint8_t *octets, size_t length);
/* Has an event take place later, by so many of the protocol's milliseconds; for the event hook, which then
 * returns false. Beyond DEFECT_HELD of them it never does. */
void defect_hold(struct defect *defect, const struct pcp_server_event *event, uint64_t delay);
/* Writes the options of a MAP or PEER anew, as the engine is to get them: edit may make one shorter, or say
 * false to leave it out. occurrence counts those of its code from 1. */
void defect_edit_options(struct defect_exchange *exchange,
                         bool (*edit)(struct pcp_option *option, unsigned occurrence));
/* Finds an option of a code in a message's option area; its offset there, or -1. */
long defect_option(const struct pcp_message *message, uint8_t code, struct pcp_option *out);

#endif
