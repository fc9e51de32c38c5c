/* `pinhole list objects`: the LwM2M objects that the programs here know, from their tables. */
#ifndef PINHOLE_CLI_LIST_OBJECTS_H
#define PINHOLE_CLI_LIST_OBJECTS_H

#include <stdbool.h>

/* Prints them, as JSON (reports/schemas/objects.schema.json) or for people; an exit code. */
int list_objects(bool json);

#endif
