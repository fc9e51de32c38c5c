/* The clock that the engines are driven by. */
#ifndef PINHOLE_NODE_CLOCK_H
#define PINHOLE_NODE_CLOCK_H

#include <stdint.h>

/* Milliseconds that never go backwards and go on while the machine sleeps. */
uint64_t clock_milliseconds(void);

/* The most times as fast as real time: a day in a second. */
enum { CLOCK_FASTEST = 100000 };

/* From now on that clock runs factor times as fast; all its readers must agree, a gateway's too. */
void clock_set_scale(uint32_t factor);

/* For how long to wait, in real ms, until wait ms of that clock have passed; and how many ms of it pass
 * in so many real ones. */
uint64_t clock_real_wait(uint64_t wait);
uint64_t clock_scaled(uint64_t real);

/* The factor. */
uint32_t clock_scale(void);

/* Milliseconds that the machine has slept since the last call; 0 at the first. */
uint64_t clock_slept(void);

#endif
