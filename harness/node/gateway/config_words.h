/* The words of a line of configuration, and how they are read. Internal to it. */
#ifndef PINHOLE_NODE_GATEWAY_CONFIG_WORDS_H
#define PINHOLE_NODE_GATEWAY_CONFIG_WORDS_H

#include "base/error.h"
#include "engine/pcp_server_policy.h"

#include <stddef.h>
#include <stdint.h>

enum { CONFIG_WORDS = 1 + PCP_SERVER_MAXIMUM_ADDRESSES };

/* A line as words, the key first, and where it stands. */
struct config_line {
    char *words[CONFIG_WORDS];
    size_t count;
    const char *where;
};

/* Each of these reads one word: 0, or -1 if it is none of that kind. */

int config_number(const char *text, uint32_t minimum, uint32_t maximum, uint32_t *out);
/* "192.168.1.0/24", "2001:db8::/32", or an address alone. */
int config_prefix(const char *text, struct pcp_server_prefix *prefix);
/* "80", "1024-65535" */
int config_ports(const char *text, uint16_t *first, uint16_t *last);
/* "udp", or a number from 1 to 255. */
int config_protocol(const char *text, uint8_t *protocol);

/* Sets the error "WHERE: KEY: expected WHAT, got 'WORD'"; -1. */
int config_expected(const struct config_line *line, const char *what, struct error *error);

#endif
