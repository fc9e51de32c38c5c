/* The clock that the engines are driven by. */
#ifndef PINHOLE_NODE_CLOCK_H
#define PINHOLE_NODE_CLOCK_H

#include <stdint.h>

/* Milliseconds that never go backwards and go on while the machine sleeps. */
uint64_t clock_milliseconds(void);

#endif
