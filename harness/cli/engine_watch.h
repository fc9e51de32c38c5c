/* What programs print and how they end, while it happens: their lines for the screen, and for the record that one
 * came to a bad end. That is an end by a signal that nobody sent, or a sanitizer's report, at any time.
 */
#ifndef PINHOLE_CLI_ENGINE_WATCH_H
#define PINHOLE_CLI_ENGINE_WATCH_H

#include "cli/engine.h"

#include <stdbool.h>

/* From here on, for engine->supervisor. */
void engine_watch(struct engine *engine);
/* True if one of the programs that were started last has crashed. */
bool engine_saw_crash(const struct engine *engine);

#endif
