/* Realms of the configuration, which THIRD_PARTY_ID names (RFC 7843). Internal to it. */
#ifndef PINHOLE_NODE_GATEWAY_CONFIG_REALMS_H
#define PINHOLE_NODE_GATEWAY_CONFIG_REALMS_H

#include "node/gateway/config.h"
#include "node/gateway/config_words.h"

/* "realm ID PREFIX...": ID is text, or octets as 0x0102. */
int config_read_realm(struct config *config, const struct config_line *line, struct error *error);

/* Puts all realms that were read in the policy's order, and says which of them the backend can't tell
 * from another. */
int config_check_realms(struct config *config, struct error *error);

#endif
