/* Defects: deliberate faults that prove that cases and rules can fail (`--defect NAME`).
 *
 * A defect is a row of hooks at named points around the engine, which itself stays clean:
 *
 *     options -> [start] -> servers -> [list] -> sockets are opened
 *     time -> [clock] -> [turn] -> engine -> [request] -> datagram out
 *     datagram in -> [answer] -> engine -> [placed] -> CoAP
 *     asked to leave -> [leave]
 *
 * All are optional. Their rows stand in defects_*.c, one file a section of the RFC like the cases that catch
 * them, listed in defects.def. Where none is chosen each point costs the test of one pointer.
 */
#ifndef PINHOLE_NODE_DEVICE_DEFECT_H
#define PINHOLE_NODE_DEVICE_DEFECT_H

#include "node/common/pcp_endpoint.h"
#include "wire/pcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { DEFECT_NUMBERS = 8, DEFECT_NOTES = 16 };

struct defect;
struct mapper;
struct ports;
struct servers;

/* A datagram on its way, to be edited in place. */
struct defect_datagram {
    uint8_t *octets;       /* PCP_ENDPOINT_ROOM of room */
    size_t length;         /* 0: it goes no further */
    struct address source; /* of an answer */
    uint16_t port;         /* likewise */
    struct pcp_message
        sent;    /* as it was before the hook: a request or response of version 2, or the zeros */
    bool is_pcp; /* sent is whole */
};

struct defect_hooks {
    const char *name;
    /* What was asked for is read; nothing is open yet. defect->servers and ->ports may be changed. */
    void (*start)(struct defect *defect);
    /* The addresses of a server, in the order to try. */
    void (*list)(struct defect *defect, struct pcp_endpoint_list *list);
    uint32_t (*clock)(struct defect *defect, uint32_t now);
    /* defect->endpoint is about to be asked for what is due. */
    void (*turn)(struct defect *defect, uint32_t now);
    void (*request)(struct defect *defect, struct defect_datagram *datagram);
    void (*answer)(struct defect *defect, struct defect_datagram *datagram);
    /* The CoAP port is reached elsewhere. False: it is not taken notice of. */
    bool (*placed)(struct defect *defect, const struct pcp_map *map);
    /* The device was asked to leave. False: its mappings are not deleted. */
    bool (*leave)(struct defect *defect);
    struct pcp_endpoint_tap tap; /* its flags and port */
    bool registers_at_once;      /* without waiting for a mapping */
    bool shares_ports;           /* the mapped ports are not held */
};

/* What a defect has seen of one mapping: of an opcode, protocol and internal port. */
struct defect_note {
    uint8_t opcode;
    uint8_t protocol;
    uint16_t internal_port;
    uint64_t number[4]; /* for the hooks' use, 0 at first */
    uint8_t octets[PCP_ENDPOINT_ROOM];
    size_t length;
};

/* The defect chosen, at work. */
struct defect {
    const struct defect_hooks *hooks;
    struct servers *servers;
    struct ports *ports;
    struct mapper *mapper;
    struct pcp_endpoint *endpoint;     /* that the hook was called for */
    uint64_t number[DEFECT_NUMBERS];   /* for the hooks' use, 0 at first */
    uint8_t octets[PCP_ENDPOINT_ROOM]; /* likewise */
    size_t length;
    struct defect_note notes[DEFECT_NOTES];
    size_t note_count;
    struct pcp_endpoint_tap tap; /* private */
};

/* --- for the program -------------------------------------------------------------------------- */

/* The defect of a name, of which a program has one; NULL if there is none such. */
struct defect *defect_find(const char *name);
/* Prints all names, one a line. */
void defect_list_names(FILE *to);

void defect_run_start(struct defect *defect, struct servers *servers, struct ports *ports,
                      struct mapper *mapper);

static inline void defect_start(struct defect *defect, struct servers *servers, struct ports *ports,
                                struct mapper *mapper)
{
    if (defect)
        defect_run_start(defect, servers, ports, mapper);
}

static inline void defect_list(struct defect *defect, struct pcp_endpoint_list *list)
{
    if (defect && defect->hooks->list)
        defect->hooks->list(defect, list);
}

static inline const struct pcp_endpoint_tap *defect_tap(const struct defect *defect)
{
    return defect ? &defect->tap : NULL;
}

static inline bool defect_placed(struct defect *defect, const struct pcp_map *map)
{
    return !defect || !defect->hooks->placed || defect->hooks->placed(defect, map);
}

static inline bool defect_leave(struct defect *defect)
{
    return !defect || !defect->hooks->leave || defect->hooks->leave(defect);
}

static inline bool defect_registers_at_once(const struct defect *defect)
{
    return defect && defect->hooks->registers_at_once;
}

static inline bool defect_shares_ports(const struct defect *defect)
{
    return defect && defect->hooks->shares_ports;
}

/* --- for the hooks ---------------------------------------------------------------------------- */

/* The note of the mapping that a PCP datagram is about, a new one where there is none yet. NULL if it is about
 * none, or there is no more room. */
struct defect_note *defect_note(struct defect *defect, const struct defect_datagram *datagram);
/* Which of the engine's mappings a PCP datagram is about; NULL: none. */
struct pcp_mapping *defect_mapping(struct defect *defect, const struct defect_datagram *datagram);
/* Has a mapping's next request go out now. */
void defect_hasten(struct pcp_mapping *mapping, uint32_t now);
/* Appends an option, as it is given: what stands behind length octets of data is padding. */
void defect_append(struct defect_datagram *datagram, const uint8_t *option, size_t size);

#endif
