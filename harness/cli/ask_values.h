/* What the options of `pinhole ask` say, read from their texts.
 *
 * Each function returns 0, or -1 with an error that names the option, what was expected and what came.
 */
#ifndef PINHOLE_CLI_ASK_VALUES_H
#define PINHOLE_CLI_ASK_VALUES_H

#include "base/error.h"
#include "node/common/place.h"
#include "wire/pcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASK_CAPACITY = 65507 /* the largest UDP payload over IPv4 */ };

struct ask_octets {
    size_t length;
    uint8_t octets[ASK_CAPACITY];
};

/* An address with what may stand behind it. */
struct ask_endpoint {
    struct place place;
    bool has_port;
    uint16_t port;
};

/* From 0 to maximum, decimal or with 0x before it. */
int ask_read_number(const char *option, const char *text, uint32_t maximum, uint32_t *out,
                    struct error *error);
/* Seconds with decimals, under 10^6, as milliseconds. */
int ask_read_seconds(const char *option, const char *text, uint32_t *milliseconds,
                     struct error *error);
int ask_read_address(const char *option, const char *text, struct address *out,
                     struct error *error);
/* The index of an interface of this network namespace. */
int ask_read_interface(const char *option, const char *text, uint32_t *index, struct error *error);
/* ADDR[%INTERFACE][:PORT]; an IPv6 address stands in brackets if there is a port. */
int ask_read_endpoint(const char *option, const char *text, struct ask_endpoint *out,
                      struct error *error);
/* A number or a name: udp, tcp, sctp, dccp, udplite, all. */
int ask_read_protocol(const char *option, const char *text, uint32_t *out, struct error *error);
/* PREFIX/LENGTH[:PORT] as people write it, or "none", which clears all filters (RFC 6887 section
 * 13.3). */
int ask_read_filter(const char *option, const char *text, struct pcp_filter *out,
                    struct error *error);
/* Hexadecimal octets, at most capacity of them. */
int ask_read_hex(const char *option, const char *text, uint8_t *octets, size_t capacity,
                 size_t *length, struct error *error);
/* NUMBER:HEX, the number from 0 to maximum. */
int ask_read_numbered(const char *option, const char *text, uint32_t maximum, uint32_t *number,
                      struct ask_octets *out, struct error *error);
/* A payload: hexadecimal octets; or @FILE, or "-" for standard input, whose octets count as they are. */
int ask_read_payload(const char *text, struct ask_octets *out, struct error *error);

#endif
