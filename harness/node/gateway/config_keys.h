/* The keys that the gateway's configuration knows. Internal to it. */
#ifndef PINHOLE_NODE_GATEWAY_CONFIG_KEYS_H
#define PINHOLE_NODE_GATEWAY_CONFIG_KEYS_H

#include "node/gateway/config.h"
#include "node/gateway/config_words.h"

/* Carries out one line; an empty one is fine. */
int config_read_line(struct config *config, const struct config_line *line, struct error *error);

/* Reads a policy file, line by line. */
int config_read_file(struct config *config, const char *path, struct error *error);

#endif
