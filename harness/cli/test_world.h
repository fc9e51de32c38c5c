/* The stage of a case in a lab: its sockets, programs and time (check/stage.h). Inside the sandbox. */
#ifndef PINHOLE_CLI_TEST_WORLD_H
#define PINHOLE_CLI_TEST_WORLD_H

#include "check/stage.h"
#include "cli/engine.h"

enum { WORLD_SOCKETS = 256 };

struct test_world {
    struct engine *engine;
    size_t peer;      /* the program under test */
    bool started;     /* and not stopped by the case */
    bool unsupported; /* it ended with the status that says so */
    size_t runs;      /* commands so far, for the names of their logs */
    struct world_socket {
        int handle; /* -1: closed */
        enum socket_kind kind;
        enum stage_place place;
        bool ipv6;
    } sockets[WORLD_SOCKETS];
    size_t socket_count;
};

extern const struct stage_operations test_world_operations;

/* The engine has begun; the peer is not started. */
void test_world_open(struct test_world *world, struct engine *engine, size_t peer);
/* Closes sockets: the lab can't end before. */
void test_world_close(struct test_world *world);
/* True if the peer ended though the case had not stopped it; text says how. */
bool test_world_peer_died(struct test_world *world, char *text, size_t size);

#endif
