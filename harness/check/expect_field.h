/* The fields that expectations can name: how each is written in a scenario and read from a packet.
 * Internal to check/expect*.c. */
#ifndef PINHOLE_CHECK_EXPECT_FIELD_H
#define PINHOLE_CHECK_EXPECT_FIELD_H

#include "check/event.h"
#include "check/expect_flow.h"
#include "wire/coap.h"
#include "wire/dtls.h"
#include "wire/lwm2m.h"
#include "wire/natpmp.h"
#include "wire/pcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIELD_TEXT_SIZE = 256 };

/* One packet, decoded as what an expectation wants to see. */
struct sighting {
    const struct event *event;
    /* Of CoAP: the path of the request, or of the one that this responds to; "" if it isn't known. */
    char request_path[FLOW_PATH_SIZE];
    struct lwm2m_path wanted; /* of a field whose name ends in a colon: what stands behind */
    union {
        struct pcp_message pcp;
        struct natpmp_message natpmp;
        struct coap_message coap;
        struct dtls_record dtls;
        struct packet quoted; /* inside an ICMP error */
    } as;
};

enum field_kind { FIELD_NUMBER, FIELD_ADDRESS, FIELD_TEXT };

struct field_value {
    enum field_kind kind;
    uint64_t number;
    struct address address;
    char text[FIELD_TEXT_SIZE];
};

/* A name that a scenario may write for a number. */
struct field_word {
    const char *word;
    uint64_t number;
};

struct field {
    const char *name; /* one that ends in a colon is followed by the path of a resource */
    enum field_kind kind;
    const struct field_word *words; /* of a number; ends with a NULL word; or NULL */
    /* Reads the index-th value (most fields have one only, options may have many); false if the packet
     * has no such value. Fills the member of value that belongs to kind. */
    bool (*read)(const struct sighting *sighting, size_t index, struct field_value *value);
};

/* One word behind `see`. */
struct see {
    const char *word;
    const struct field *fields; /* ends with a NULL name */
    const struct field *more;   /* likewise; or NULL */
    /* Decodes event into sighting; false if it is no such message. */
    bool (*decode)(const struct event *event, struct sighting *sighting);
};

extern const struct field field_common[]; /* every packet has them: ends, ports, length */
extern const struct field field_pcp[];    /* expect_pcp.c */
extern const struct field field_natpmp[]; /* expect_natpmp.c */
extern const struct field field_coap[];   /* expect_coap.c */
extern const struct field field_lwm2m[];  /* expect_lwm2m.c: of CoAP messages */
extern const struct field field_dtls[];   /* expect_dtls.c */
bool decode_pcp(const struct event *event, struct sighting *sighting);
bool decode_natpmp(const struct event *event, struct sighting *sighting);
bool decode_coap(const struct event *event, struct sighting *sighting);
bool decode_dtls(const struct event *event, struct sighting *sighting);
extern const struct field_word field_transports[]; /* udp, tcp, ... */

/* A field as a scenario names it. */
struct field_use {
    const struct field *field;
    struct lwm2m_path path; /* behind a colon */
};

/* NULL if there is no such word. */
const struct see *see_find(const char *word);
/* False if see has no such field, or what stands behind its colon is no path of a resource or an
 * instance of one. */
bool field_find(const struct see *see, const char *name, struct field_use *out);
/* Reads the index-th value, as the field's read does. */
bool field_read(const struct field_use *use, const struct sighting *sighting, size_t index,
                struct field_value *value);

/* Reads a value as a scenario writes it; false if text is none of field's. */
bool field_parse(const struct field *field, const char *text, struct field_value *value);
/* Writes value as a scenario would. Returns text. */
const char *field_format(const struct field *field, const struct field_value *value,
                         char text[FIELD_TEXT_SIZE]);

#endif
