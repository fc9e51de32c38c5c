/* The socket of `pinhole ask`. It is not connected, so that it hears strangers too and can tell of them;
 * ICMP errors come through it as well. */
#ifndef PINHOLE_CLI_ASK_SOCKET_H
#define PINHOLE_CLI_ASK_SOCKET_H

#include "base/error.h"
#include "cli/ask_options.h"
#include "node/common/place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ask_socket {
    int handle;
    struct place server;
    uint16_t server_port;
    struct address source; /* to which it is bound */
    uint16_t source_port;
};

/* A datagram that came in. Of a longer one than the buffer the end is lost; whole says how long it was. */
struct ask_datagram {
    struct place from;
    uint16_t port;
    size_t length;
    size_t whole;
};

/* An ICMP error about a request, or what the kernel itself has against it. */
struct ask_trouble {
    bool has_from;
    struct place from; /* who sent it */
    int errno_value;
};

/* Finds out whom to ask and from where, and opens. Sends nothing. 0; or -1 and an error. */
int ask_socket_open(const struct ask_options *options, struct ask_socket *out, struct error *error);
void ask_socket_close(const struct ask_socket *socket);

/* 0; or -1 and an error if it can't even leave. */
int ask_socket_send(const struct ask_socket *socket, const uint8_t *octets, size_t length,
                    struct error *error);
/* What has come; false if nothing has. */
bool ask_socket_receive(const struct ask_socket *socket, uint8_t *octets, size_t capacity,
                        struct ask_datagram *out);
bool ask_socket_trouble(const struct ask_socket *socket, struct ask_trouble *out);

/* Whether a datagram comes from the server's address and port (RFC 6887 section 8.3). */
bool ask_socket_from_server(const struct ask_socket *socket, const struct ask_datagram *datagram);

#endif
