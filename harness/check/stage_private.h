/* What the files of the stage share, and no script needs. */
#ifndef PINHOLE_CHECK_STAGE_PRIVATE_H
#define PINHOLE_CHECK_STAGE_PRIVATE_H

#include "check/stage.h"
#include "check/stage_server.h"

/* The next of the stage's buffers for a line; STAGE_TEXT_SIZE octets. */
char *stage_text(struct stage *stage);
/* "11.0.0.1:5000", "[2001:db8::1]:5000", in such a buffer. */
const char *stage_endpoint_text(struct stage *stage, const struct endpoint *endpoint);
/* "host 192.168.1.10:5000" of an open socket, likewise. */
const char *stage_socket_text(struct stage *stage, int socket);

/* As stage_receive_any() with an absolute time, and without a look at what was kept. */
bool stage_await(struct stage *stage, const int *sockets, size_t count, int64_t until,
                 struct datagram *out);
/* Keeps for stage_receive() what came while another datagram was awaited; the oldest makes room. */
void stage_keep(struct stage *stage, const struct datagram *datagram);
/* Is it a copy of a probe that stage_passes() waits for no longer? Nobody is to see those. */
bool stage_is_probe(const struct datagram *datagram);

/* What came, read as an answer. */
struct answer stage_answer_of(const struct datagram *datagram);
/* Whether a response's result says that what was asked for is not to be had from the peer. */
bool stage_says_unsupported(const struct pcp_message *response);

/* So many of the peer's seconds, in our nanoseconds. */
int64_t server_ours(const struct server *server, double seconds);
/* As server_await(), until a time of ours and not a moment longer. */
struct request server_await_until(struct server *server, int64_t until);
/* Whether what comes so many seconds behind a success for SERVER_SHORT_LIFETIME is a renewal, and no repeat. */
bool server_is_renewal_time(double seconds);

#endif
