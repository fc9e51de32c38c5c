/* The server's resource directory: who registered, and where it is reached (RFC 9176, as much of it
 * as the lab needs). Bounded; the oldest registration makes way for a new one. */
#ifndef PINHOLE_NODE_DIRECTORY_H
#define PINHOLE_NODE_DIRECTORY_H

#include "node/common/place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIRECTORY_ENTRIES = 64, DIRECTORY_NAME_SIZE = 64 };

struct registration {
    uint32_t number; /* as in /rd/NUMBER; 0: the entry is free */
    char name[DIRECTORY_NAME_SIZE];
    struct place base; /* where to reach it */
    uint16_t base_port;
    struct place local; /* our address that it registered at */
};

struct directory {
    struct registration entries[DIRECTORY_ENTRIES];
    uint32_t last_number;
};

/* One parameter of a registration, "ep=NAME" or "base=coap://ADDRESS:PORT"; others are skipped.
 * Writes what it says into out. Returns false if the name is empty, too long or holds anything but
 * visible ASCII, or what must be escaped in links (quotes and backslashes), or if the base isn't
 * understood. */
bool directory_read_parameter(const uint8_t *octets, size_t length, struct registration *out);

/* Adds it, or replaces that of the same name, whose number it then keeps. Returns the entry. */
struct registration *directory_add(struct directory *directory, const struct registration *what);

/* NULL if there is none. */
struct registration *directory_find(struct directory *directory, uint32_t number);

void directory_remove(struct registration *entry);

#endif
