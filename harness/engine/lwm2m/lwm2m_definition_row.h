/* A row of an object's table, in the order of the specification's own tables. For the lwm2m_object_*.c alone.
 *
 *   ROW(id, operations, instances, mandatory, type, range, units, name)
 *
 * range is one of the macros below: what people read, and the same for machines.
 */
#ifndef PINHOLE_ENGINE_LWM2M_DEFINITION_ROW_H
#define PINHOLE_ENGINE_LWM2M_DEFINITION_ROW_H

#include "engine/lwm2m/lwm2m_definition.h"

/* Columns. */
enum { NO = 0, R = LWM2M_READ, RW = LWM2M_READ | LWM2M_WRITE, E = LWM2M_EXECUTE };
enum { SINGLE = false, MULTIPLE = true };
enum { OPTIONAL = false, MANDATORY = true };

#define ANY                .range = "", .minimum = 0, .maximum = 0
#define FROM_TO(low, high) .range = #low ".." #high, .minimum = (low), .maximum = (high)
/* A range that people read in other words. */
#define SPOKEN(words, low, high) .range = (words), .minimum = (low), .maximum = (high)

/* Ranges stand without parentheses: they are initialisers of several members. */
#define ROW(number, operation, instances, presence, kind, ranges, unit, title)                     \
    {                                                                                              \
        .id = (number), .operations = (operation), .multiple = (instances),                        \
        .mandatory = (presence), .type = LWM2M_TYPE_##kind, ranges, .units = (unit),               \
        .name = (title)                                                                            \
    }

#endif
