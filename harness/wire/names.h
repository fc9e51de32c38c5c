/* Tables of names, indexed by the codes they name. Private to wire/. */
#ifndef PINHOLE_WIRE_NAMES_H
#define PINHOLE_WIRE_NAMES_H

#include <stddef.h>

/* The code's name, or NULL if it is outside the table or in one of its gaps. */
#define NAME_OF(table, code) name_find(table, sizeof(table) / sizeof(table)[0], (size_t)(code))

static inline const char *name_find(const char *const *table, size_t count, size_t code)
{
    return code < count ? table[code] : NULL;
}

#endif
