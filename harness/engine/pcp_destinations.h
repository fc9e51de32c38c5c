/* Which of several destinations to try first: section 6 of RFC 6724, as RFC 7488 has it for the addresses of a
 * PCP server. */
#ifndef PINHOLE_ENGINE_PCP_DESTINATIONS_H
#define PINHOLE_ENGINE_PCP_DESTINATIONS_H

#include "engine/pcp_client_select.h"

/* Fills order with the indices of count addresses as they are to be tried, by the rules that look at source and
 * destination alone: matching scope (2), matching label (5), higher precedence (6), smaller scope (8). Those
 * that are alike in all of it stay as they are (10). */
void pcp_destinations_order(const struct pcp_select_address *addresses, uint8_t count,
                            uint8_t *order);

#endif
