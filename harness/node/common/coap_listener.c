#include "node/common/coap_listener.h"

#include "node/common/coap_port.h"
#include "node/common/coap_suites.h"

#include <sys/epoll.h>

enum {
    MOST_IDLE_SESSIONS = 4096, /* nobody holds those */
    MOST_HANDSHAKES = 256,
    MOST_AT_ONCE = 64,   /* datagrams of a socket, for one look at the timers */
    MOST_ROUNDS = 16,    /* before others of the program have their turn */
    LONGEST_WAIT = 60000 /* ms */
};

/* --- opening ---------------------------------------------------------------------------------- */

static int listen_on(coap_context_t *context, uint16_t port, coap_proto_t protocol,
                     struct error *error)
{
    const struct place all = {.address = address_any_ipv6()}; /* takes IPv4 too */
    coap_address_t address = coap_support_address(&all, port);
    if (!coap_new_endpoint(context, &address, protocol))
        return error_set(error, "could not listen on UDP port %u", port);
    if (protocol == COAP_PROTO_UDP)
        coap_port_ignore_other_versions(&all, port);
    return 0;
}

static int listen_on_all(coap_context_t *context, uint16_t port, uint16_t secure_port,
                         const struct coap_keys *keys, struct error *error)
{
    if (listen_on(context, port, COAP_PROTO_UDP, error) < 0)
        return -1;
    if (!keys->count)
        return 0;
    if (coap_keys_use(keys, context, error) < 0)
        return -1;
    coap_suites_choose(context);
    return listen_on(context, secure_port, COAP_PROTO_DTLS, error);
}

int coap_listener_open(struct coap_listener *listener, uint16_t port, uint16_t secure_port,
                       const struct coap_keys *keys, struct error *error)
{
    coap_context_t *context = coap_new_context(NULL);
    if (!context)
        return error_set(error, "libcoap made no context");
    coap_context_set_max_idle_sessions(context, MOST_IDLE_SESSIONS);
    coap_context_set_max_handshake_sessions(context, MOST_HANDSHAKES);
    if (listen_on_all(context, port, secure_port, keys, error) < 0) {
        coap_free_context(context);
        return -1;
    }
    listener->context = context;
    coap_rehandshake_open(&listener->rehandshake, context, secure_port);
    return 0;
}

/* --- working ---------------------------------------------------------------------------------- */

/* libcoap reads one datagram for each event that it is handed, and then looks at all sessions: hands it the
 * same event repeatedly. Reading from an empty socket does no harm. */
static void hand_over(coap_context_t *context, const struct epoll_event *events, int count,
                      int repeated)
{
    struct epoll_event all[MOST_AT_ONCE * 4];
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        int times = events[i].data.ptr ? repeated : 1; /* libcoap's timer has none */
        for (int n = 0; n < times; n++)
            all[used++] = events[i];
    }
    coap_io_do_epoll(context, all, used);
}

void coap_listener_take(struct coap_listener *listener)
{
    enum { EVENTS = 4 };
    struct epoll_event events[EVENTS];
    int handle = coap_listener_handle(listener);
    int repeated = 1;
    for (int round = 0; round < MOST_ROUNDS; round++) {
        int count = epoll_wait(handle, events, EVENTS, 0);
        if (count <= 0)
            break;
        coap_rehandshake_work(&listener->rehandshake);
        hand_over(listener->context, events, count, repeated);
        repeated = repeated * 4 < MOST_AT_ONCE ? repeated * 4 : MOST_AT_ONCE;
    }
}

uint32_t coap_listener_wait(struct coap_listener *listener)
{
    coap_tick_t now;
    coap_ticks(&now);
    uint32_t wait = coap_io_prepare_epoll(listener->context, now);
    return wait == 0 || wait > LONGEST_WAIT ? LONGEST_WAIT : wait;
}

int coap_listener_handle(const struct coap_listener *listener)
{
    return coap_context_get_coap_fd(listener->context);
}
