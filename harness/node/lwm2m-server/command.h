/* What the server is told to do with its devices: one line of text each.
 *
 *   help                                 one line a command
 *   list                                 one line a registration
 *   read|discover|observe|cancel|delete NAME PATH
 *   execute NAME PATH [ARGUMENTS]
 *   write NAME PATH VALUE                one resource
 *   write|replace NAME PATH ID=VALUE...  some resources of an instance, or the instance
 *   create NAME /OBJECT[/INSTANCE] ID=VALUE...
 *   attributes NAME PATH pmin=10...
 *   composite NAME PATH...               read at once (1.1)
 *
 * A "format NAME" in front says the content format.
 */
#ifndef PINHOLE_LWM2M_SERVER_COMMAND_H
#define PINHOLE_LWM2M_SERVER_COMMAND_H

#include "node/lwm2m-server/manager.h"

/* Told the lines of an answer, and at last done with a status: "2.05", or what went wrong in words. */
struct command_reply {
    void (*line)(void *context, const char *text);
    void (*done)(void *context, const char *status);
    void *context;
};

/* Does it, at once or as the device answers. reply is copied; done is called once, for an observation as it
 * begins. line is not changed. */
void command_run(struct manager *manager, const char *line, const struct command_reply *reply);

/* Reads /3/0 of all devices, out of the blue; what they answer is said. */
void command_read_all(struct manager *manager);

#endif
