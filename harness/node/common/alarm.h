/* The alarm of a program's loop. Unlike poll(), whose timeout stands still while the machine sleeps, it is due
 * at once when the machine wakes too late. */
#ifndef PINHOLE_NODE_ALARM_H
#define PINHOLE_NODE_ALARM_H

#include <stdint.h>

/* Returns a handle to poll, or -1. */
int alarm_open(void);

/* Rings once, after wait ms of clock_milliseconds(); 0: at once. */
void alarm_set(int handle, uint32_t wait);

#endif
