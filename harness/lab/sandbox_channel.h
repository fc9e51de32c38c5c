/* What the processes that make a sandbox say to each other, over socket pairs, a message at a time. The
 * end of file means that everybody on the other side is gone. */
#ifndef PINHOLE_LAB_SANDBOX_CHANNEL_H
#define PINHOLE_LAB_SANDBOX_CHANNEL_H

#include "base/error.h"

enum sandbox_message {
    SANDBOX_GONE = 0,
    SANDBOX_READY = 'r',  /* I am in my new user namespace: give me my ids */
    SANDBOX_GO = 'g',     /* you have them; may carry a descriptor */
    SANDBOX_FAILED = 'f', /* the text says how */
    SANDBOX_REFUSED =
        'n', /* the kernel counts too many namespaces; the text says at which step. Whose
                               limit it is can be seen only from outside. */
};

/* A pair of connected ends, closed on exec. 0, or -1 with errno. */
int sandbox_channel_pair(int channels[2]);
/* descriptor is -1 or goes along. 0, or -1 if nobody is there. */
int sandbox_channel_send(int channel, enum sandbox_message message, const char *text,
                         int descriptor);
/* Waits for a message; its text goes to *text. *descriptor, unless NULL, is what came along or -1. */
enum sandbox_message sandbox_channel_receive(int channel, struct error *text, int *descriptor);

#endif
