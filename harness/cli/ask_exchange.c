#include "cli/ask_exchange.h"

#include "engine/pcp_client_timing.h"
#include "wire/natpmp.h"

#include <poll.h>
#include <sys/random.h>
#include <time.h>

enum {
    PCP_INITIAL = 3000,    /* ms, IRT of RFC 6887 section 8.1.1 */
    PCP_MAXIMUM = 1024000, /* MRT */
    NATPMP_INITIAL = 250,  /* RFC 6886 section 3.1 */
    NATPMP_MAXIMUM = 64000,
    INITIAL_LIMIT = 1 << 30, /* of the timing's arithmetic */
    ASK_TOLD = 64, /* datagrams that are no answers, and troubles, shown of one exchange */
    KEPT = 2048    /* octets of a datagram; PCP's end at 1100 */
};

#define MILLISECOND 1000000ULL

struct exchange {
    const struct ask_plan *plan;
    const struct ask_view *view;
    struct ask_outcome *out;
    uint32_t linger;
    uint32_t timeout; /* ms, the retransmission timeout that runs; 0: none has */
    unsigned transmissions;
    uint64_t first, last; /* when it was sent, ns */
    uint64_t retransmit;  /* when it is to be sent again */
    uint64_t end;
    unsigned told;
};

static uint64_t now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint32_t next_timeout(const struct exchange *exchange)
{
    const struct ask_plan *plan = exchange->plan;
    bool natpmp = natpmp_recognise(plan->request->octets, plan->request->length);
    uint32_t initial = plan->options->initial;
    if (initial == 0)
        initial = natpmp ? NATPMP_INITIAL : PCP_INITIAL;
    if (natpmp) {
        uint32_t doubled = exchange->timeout ? 2 * exchange->timeout : initial;
        return doubled < NATPMP_MAXIMUM ? doubled : NATPMP_MAXIMUM;
    }
    uint32_t random = 0;
    (void)getrandom(&random, sizeof random, 0); /* needs no secrecy, and may fail */
    return pcp_retransmission_timeout(exchange->timeout,
                                      initial < INITIAL_LIMIT ? initial : INITIAL_LIMIT - 1,
                                      PCP_MAXIMUM, random);
}

static int transmit(struct exchange *exchange, struct error *error)
{
    const struct ask_octets *request = exchange->plan->request;
    exchange->last = now();
    if (exchange->transmissions++ == 0) {
        exchange->first = exchange->last;
        exchange->end = exchange->first + exchange->plan->options->timeout * MILLISECOND;
    }
    if (ask_socket_send(exchange->plan->socket, request->octets, request->length, error) != 0)
        return -1;
    exchange->timeout = next_timeout(exchange);
    exchange->retransmit = exchange->plan->options->once
                               ? UINT64_MAX
                               : exchange->last + exchange->timeout * MILLISECOND;
    exchange->view->sent(exchange->plan, exchange->transmissions, exchange->last - exchange->first);
    return 0;
}

/* A flood must not fill a terminal, or memory. */
static bool may_tell(struct exchange *exchange)
{
    if (exchange->told < ASK_TOLD) {
        exchange->told++;
        return true;
    }
    exchange->out->untold++;
    return false;
}

static void take_answer(struct exchange *exchange, const uint8_t *octets, size_t length,
                        uint64_t time)
{
    struct ask_outcome *out = exchange->out;
    out->verdict = ask_judge(octets, length);
    out->result = out->verdict.success ? ASK_SUCCESS : ASK_FAILURE;
    out->answered = time;
    exchange->retransmit = UINT64_MAX;
    exchange->end = time + exchange->linger * MILLISECOND;
}

/* One datagram; false if there is none. */
static bool receive(struct exchange *exchange)
{
    const struct ask_plan *plan = exchange->plan;
    uint8_t octets[KEPT];
    struct ask_arrival arrival = {.octets = octets, .transmissions = exchange->transmissions};
    if (!ask_socket_receive(plan->socket, octets, sizeof octets, &arrival.datagram))
        return false;
    uint64_t time = now();
    arrival.round_trip = time - exchange->first;
    arrival.since_last = time - exchange->last;
    arrival.stranger = !ask_socket_from_server(plan->socket, &arrival.datagram);
    arrival.why_not = arrival.stranger ? "not from the server"
                                       : ask_mismatch(plan->request->octets, plan->request->length,
                                                      octets, arrival.datagram.length);
    bool another = exchange->out->result != ASK_SILENCE;
    if (!arrival.why_not && another)
        arrival.why_not = "a further answer";
    if (!arrival.why_not)
        take_answer(exchange, octets, arrival.datagram.length, time);
    if (!arrival.why_not || may_tell(exchange))
        exchange->view->arrival(plan, &arrival);
    return true;
}

static void take_trouble(struct exchange *exchange)
{
    struct ask_trouble trouble;
    if (ask_socket_trouble(exchange->plan->socket, &trouble) && may_tell(exchange))
        exchange->view->trouble(exchange->plan, &trouble);
}

/* Milliseconds until time, rounded up, for poll(). */
static int until(uint64_t time, uint64_t present)
{
    enum { LONGEST = 60000 };
    uint64_t left = time > present ? (time - present + MILLISECOND - 1) / MILLISECOND : 0;
    return left < LONGEST ? (int)left : LONGEST;
}

int ask_exchange(const struct ask_plan *plan, const struct ask_view *view, uint32_t linger,
                 struct ask_outcome *out, struct error *error)
{
    struct exchange exchange = {.plan = plan, .view = view, .linger = linger, .out = out};
    *out = (struct ask_outcome){.result = ASK_SILENCE};
    if (transmit(&exchange, error) != 0)
        return -1;
    for (uint64_t time = now(); time < exchange.end; time = now()) {
        if (time >= exchange.retransmit && transmit(&exchange, error) != 0)
            return -1;
        struct pollfd handle = {.fd = plan->socket->handle, .events = POLLIN};
        uint64_t wake = exchange.retransmit < exchange.end ? exchange.retransmit : exchange.end;
        if (poll(&handle, 1, until(wake, time)) <= 0)
            continue;
        if (handle.revents & POLLERR)
            take_trouble(&exchange);
        if (handle.revents & POLLIN)
            (void)receive(&exchange);
    }
    return 0;
}
