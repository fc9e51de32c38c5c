/* The socket at which the server is told commands: a line in, the lines of its answer out, then one with its
 * status ("= 2.05") behind which the next command may come. Only its owner may connect. A client that floods, hangs
 * or goes does no harm: buffers and clients are bounded, and one who does not read is dropped, as is the most idle one when there is no room for another. */
#ifndef PINHOLE_LWM2M_SERVER_CONTROL_H
#define PINHOLE_LWM2M_SERVER_CONTROL_H

#include "node/lwm2m-server/command_line.h"
#include "node/lwm2m-server/manager.h"

enum { CONTROL_CLIENTS = 16 };

/* In front of the line with the status. */
#define CONTROL_STATUS "= "

struct control_client {
    int handle;          /* -1: free */
    uint32_t generation; /* so that an answer that comes late is known to be another's */
    bool is_busy;        /* with a command */
    bool is_running;     /* its lines are being taken */
    uint64_t heard;      /* ms */
    size_t length;
    char line[COMMAND_LINE_SIZE];
};

struct control {
    struct manager *manager;
    const char *path; /* NULL: there is none */
    int listener;
    int poll; /* epoll over listener and clients */
    struct control_client clients[CONTROL_CLIENTS];
};

/* path NULL: nothing is opened. control stays where it is. -1 with error. */
int control_open(struct control *control, struct manager *manager, const char *path,
                 struct error *error);
void control_close(struct control *control);

/* Readable when control_work() has something to do; -1 without a socket. */
int control_handle(const struct control *control);
void control_work(struct control *control);

#endif
