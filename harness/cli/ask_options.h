/* The arguments of `pinhole ask`: what to send, to whom, and how long to wait. */
#ifndef PINHOLE_CLI_ASK_OPTIONS_H
#define PINHOLE_CLI_ASK_OPTIONS_H

#include "base/error.h"
#include "cli/ask_values.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum ask_kind {
    ASK_ANNOUNCE,
    ASK_MAP,
    ASK_PEER,
    ASK_NATPMP_ADDRESS,
    ASK_NATPMP_MAP,
    ASK_RAW,
    ASK_KINDS
};

enum { ASK_OVERWRITES = 32 };

/* A number that has a default of its kind's while it isn't given. */
struct ask_number {
    bool given;
    uint32_t value;
};

struct ask_options {
    enum ask_kind kind;

    /* The request's fields, host order. */
    struct ask_number version, opcode, reserved, lifetime;
    bool response;
    struct ask_number protocol, internal_port, external_port;
    bool has_client, has_external_address;
    struct address client, external_address;
    uint8_t nonce[PCP_NONCE_LENGTH]; /* drawn if it isn't given */
    uint8_t map_reserved[3], peer_reserved[2];
    bool has_remote;
    struct ask_endpoint remote;

    /* Octets of the request. */
    struct ask_octets options;             /* of PCP, encoded, in the order given */
    const char *overwrite[ASK_OVERWRITES]; /* texts OFFSET:HEX */
    unsigned overwrites;
    struct ask_number length;
    struct ask_octets trailing;
    struct ask_octets raw;

    /* Between whom. */
    bool has_server;
    struct ask_endpoint server;
    bool ipv6; /* where the server isn't given: the default router of IPv6 */
    bool has_source;
    struct address source;
    struct ask_number source_port;
    uint32_t interface; /* index, 0: any */

    /* How long and how often; milliseconds. */
    bool once;
    uint32_t initial; /* 0: as the protocol has it */
    uint32_t timeout, interval, listen;
    struct ask_number count;
    bool epoch_check;

    /* What to show. */
    bool json, hex, help;
};

/* The usage behind "pinhole ask ", in one line. */
#define ASK_USAGE                                                                                  \
    "[announce|map|peer|natpmp-address|natpmp-map|raw HEX|raw @FILE|raw -] "                       \
    "[--server ADDR[%IFACE][:PORT]] [OPTION...]"

/* 0; or -1 and an error. Texts stay argv's. out is large: not for the stack. */
int ask_options_read(int argc, char **argv, struct ask_options *out, struct error *error);

/* Every option, and what a tester has to know. */
void ask_options_help(FILE *to);

/* "map" and so on. */
const char *ask_kind_name(enum ask_kind kind);

#endif
