/* The words in which people ask for mappings, and are told of them. */
#ifndef PINHOLE_NODE_MAPPING_WORDS_H
#define PINHOLE_NODE_MAPPING_WORDS_H

#include "wire/pcp.h"

enum { PROTOCOL_ALL = 0, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_SCTP = 132 };

/* "udp", "tcp", "sctp", "all", or "other". */
const char *mapping_protocol_name(uint8_t protocol);

/* Reads who may come in, "ADDRESS/LENGTH" or "ADDRESS/LENGTH,PORT": the length of an IPv4 prefix is that of the IPv4
 * address, 1 to 32. False for anything else. */
bool mapping_read_filter(const char *text, struct pcp_filter *filter);

/* A decimal number from minimum to maximum, and no more. */
bool mapping_read_number(const char *text, unsigned long minimum, unsigned long maximum,
                         unsigned long *number);

#endif
