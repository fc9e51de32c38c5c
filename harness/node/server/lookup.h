/* Looking up registered endpoints: GET /rd-lookup/ep?ep=lamp, RFC 9176 section 6.3. */
#ifndef PINHOLE_NODE_LOOKUP_H
#define PINHOLE_NODE_LOOKUP_H

#include "node/server/directory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOOKUP_CRITERIA = 4, LOOKUP_CRITERION_SIZE = 128, LOOKUP_ROOM = DIRECTORY_ENTRIES * 224 };

/* What is looked for: endpoints that fit each criterion. */
struct lookup {
    size_t count;
    char criteria[LOOKUP_CRITERIA][LOOKUP_CRITERION_SIZE];
};

/* One criterion, "ep=lamp", or "ep=la*" for all that begin so; "base=..." and "rt=..." likewise. Others fit
 * nothing. Returns false if it is no criterion, or one too many. */
bool lookup_read_criterion(const uint8_t *octets, size_t length, struct lookup *out);

/* Writes the links of those that fit, as in </rd/7>;ep="lamp";base="coap://192.0.2.1:40000";rt="core.rd-ep".
 * Returns their length, 0 if nothing fits. */
size_t lookup_write(const struct directory *directory, const struct lookup *lookup,
                    char text[LOOKUP_ROOM]);

#endif
