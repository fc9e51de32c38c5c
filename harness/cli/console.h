/* The commands of `pinhole up`. */
#ifndef PINHOLE_CLI_CONSOLE_H
#define PINHOLE_CLI_CONSOLE_H

#include "cli/engine.h"

/* Takes commands from standard input until `quit` or its end. Inside the sandbox, after engine_begin. */
void console_run(struct engine *engine);

#endif
