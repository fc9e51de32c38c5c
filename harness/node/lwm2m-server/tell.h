/* Tells a running server a command and prints its answer. */
#ifndef PINHOLE_LWM2M_SERVER_TELL_H
#define PINHOLE_LWM2M_SERVER_TELL_H

/* path: of its control socket, NULL if none is known; format: NULL or a content format's name. Returns the
 * status to end with: 0 for 2.xx, 1 for another answer, 2 if the server can't be told. */
int tell(const char *path, const char *command, const char *format);

#endif
