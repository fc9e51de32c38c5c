/* Records of the journal as octets. Internal to it. */
#ifndef PINHOLE_NODE_GATEWAY_JOURNAL_RECORD_H
#define PINHOLE_NODE_GATEWAY_JOURNAL_RECORD_H

#include "engine/pcp_server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_FILTERS = 64,    /* most filters of a mapping that are kept */
    RECORD_REALM_ID = 64,   /* most octets of a realm's id */
    RECORD_MAXIMUM = 2048,  /* octets of the longest record */
    RECORD_BOOT_LENGTH = 36 /* the kernel's boot id */
};

enum record_type {
    RECORD_START =
        1,         /* first in every file, and at each start of the program: struct record_start */
    RECORD_CHANGE, /* struct record_change */
    RECORD_CLOSE   /* last of a run that ended in good order */
};

struct record_start {
    char boot[RECORD_BOOT_LENGTH];
    uint64_t wall;           /* milliseconds since 1970 when it was written */
    uint32_t epoch;          /* the server's Epoch Time then */
    uint32_t time_scale;     /* how many times as fast as the wall clock it runs */
    struct address external; /* the first of the server's, as its mappings have it */
};

struct record_change {
    struct pcp_server_change change; /* deadlines in milliseconds since 1970 */
    struct pcp_filter filters[RECORD_FILTERS];
    size_t filter_count;
    uint8_t description[PCP_SERVER_MAXIMUM_DESCRIPTION];
    size_t description_length;
    uint8_t realm[RECORD_REALM_ID]; /* its id, since its number is another in another policy */
    size_t realm_length;            /* 0: none */
};

struct record {
    enum record_type type;
    uint64_t wall; /* when it was written */
    struct record_start start;
    struct record_change change;
};

/* Writes a record; room for RECORD_MAXIMUM octets is needed. Returns its length. */
size_t record_write(const struct record *record, uint8_t *octets);
/* Reads the record at the beginning of octets: its length, or 0 if there is no whole and sound one. */
size_t record_read(const uint8_t *octets, size_t length, struct record *record);

#endif
