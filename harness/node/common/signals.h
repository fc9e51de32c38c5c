/* Signals that are read from a handle, in the loop of a program, and interrupt nothing. */
#ifndef PINHOLE_NODE_SIGNALS_H
#define PINHOLE_NODE_SIGNALS_H

/* From here on the signals, a list ended by 0, are read, not delivered. Returns a handle to poll, or -1. */
int signals_open(const int *signals);

/* The signal that has come, 0 if none has. */
int signals_read(int handle);

#endif
