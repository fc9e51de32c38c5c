#include "cli/verbs.h"

#include <stddef.h>

const struct verb verbs[] = {
    {NULL, NULL, NULL, NULL},
};
