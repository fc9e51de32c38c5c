/* Which of several destinations to try first: section 6 of RFC 6724, as RFC 7488 has it for the addresses of a
 * PCP server. */
#ifndef PINHOLE_NODE_DESTINATIONS_H
#define PINHOLE_NODE_DESTINATIONS_H

#include "node/common/pcp_endpoint.h"

/* Sorts addresses by the rules that look at source and destination alone: matching scope (2), matching label
 * (5), higher precedence (6), smaller scope (8). Those that are alike in all of it keep their order (10). */
void destinations_sort(struct pcp_endpoint_list *list);

#endif
