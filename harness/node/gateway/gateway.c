/* One thread, one loop: wait for datagrams, signals, a changed address or the engine's next instant;
 * work on a batch of requests; carry out all their changes in one transaction of the device and one
 * write to the state file; then answer. So a lone request is answered at once, and under load the
 * cost of transaction and write is shared by the batch.
 *
 * When the device refuses a batch, it is undone as a whole and each request is tried by itself: the
 * others do not suffer for one. When the device and the engine may have come apart (a removal that
 * failed), the device is built anew from the engine's state.
 */
#include "node/gateway/gateway.h"

#include "node/common/chance.h"
#include "node/common/clock.h"
#include "node/common/say.h"
#include "node/gateway/backend.h"
#include "node/gateway/defect.h"
#include "node/gateway/journal.h"
#include "node/gateway/leases.h"
#include "node/gateway/proxy.h"
#include "node/gateway/sockets.h"

#include <errno.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Static_assert((int)BACKEND_FORESEEN >= (int)SOCKETS_BATCH, "a batch is foreseen as a whole");

enum {
    BATCHES_A_TURN = 64,
    RELAYS_A_TURN = 64,           /* answers from upstream */
    EVENTS_A_TURN = 64,           /* so that a wave of expiry doesn't keep requests waiting */
    SET_ANSWERS = 2 * CONFIG_SET, /* a set, and what else it may overlap */
    RETRY_MILLISECONDS = 5000     /* real ones, between attempts to mend state file or device */
};

struct gateway {
    struct config *config;
    const struct backend_operations *operations;
    struct backend *backend;
    struct sockets *sockets;
    struct journal *journal; /* or NULL */
    void *memory;
    struct pcp_server *server;
    struct proxy *proxy;    /* or NULL: the server answers by itself */
    struct leases *leases;  /* or NULL */
    int signals, addresses; /* descriptors */
    uint64_t random;
    bool apart; /* the device may not hold what the engine does */
    bool moved; /* and its flows may go through an address that is no more: */
    struct address former;
    uint64_t mend_at; /* when to try again */
    struct pcp_server_flow_key keys[SOCKETS_BATCH];
    struct pcp_server_input inputs[SOCKETS_BATCH];
    struct pcp_server_answer answers[SOCKETS_BATCH];
    struct pcp_server_answer more[SET_ANSWERS]; /* of the one request for a set of ports in work */
    size_t more_count;
};

/* --- changes -------------------------------------------------------------------------------- */

static void queue_change(struct gateway *gateway, const struct pcp_server_change *change,
                         uint64_t now)
{
    if (change->kind == PCP_SERVER_UNCHANGED)
        return;
    const struct pcp_server_change *told = defect_change(gateway->config->defect, change);
    const struct pcp_server_change *kept = defect_record(gateway->config->defect, change);
    if (told)
        gateway->operations->queue(gateway->backend, gateway->server, told);
    if (gateway->journal && kept)
        journal_add(gateway->journal, gateway->server, kept, now);
}

/* Writes what is queued to the state file; false: nothing of it may be acknowledged. */
static bool store_changes(struct gateway *gateway)
{
    struct error error = {{0}};
    if (!gateway->journal)
        return true;
    enum journal_outcome outcome = journal_write(gateway->journal, &error);
    if (error.text[0])
        complain("%s; %s", error.text,
                 outcome == JOURNAL_EMPTIED ? "mappings go on, but would not survive a restart"
                                            : "no changes are taken until it can be written");
    return outcome != JOURNAL_LOST;
}

/* Device, then state file: 0 if both hold what is queued, else -1 and neither counts. */
static int carry_out(struct gateway *gateway, struct error *error)
{
    if (gateway->journal && journal_is_lost(gateway->journal)) { /* it was told when that began */
        gateway->operations->discard(gateway->backend);
        journal_discard(gateway->journal);
        return -1;
    }
    if (gateway->operations->commit(gateway->backend, error)) {
        if (gateway->journal)
            journal_discard(gateway->journal);
        return -1;
    }
    if (store_changes(gateway))
        return 0;
    gateway->apart = true; /* the device holds what will be undone */
    return -1;
}

/* --- what time brings ----------------------------------------------------------------------- */

/* The clock cuts off what of a millisecond has begun: a gap that counts from here is not too short. */
static uint64_t just_after(void)
{
    return clock_milliseconds() + 1;
}

static void handle_event(struct gateway *gateway, const struct pcp_server_event *event,
                         uint64_t now)
{
    switch (event->kind) {
    case PCP_SERVER_EXPIRED:
        queue_change(gateway, &event->change, now);
        break;
    case PCP_SERVER_ANNOUNCE:
        sockets_announce(gateway->sockets, event->octets, event->length, event->nat_pmp);
        pcp_server_announced(gateway->server, just_after());
        break;
    case PCP_SERVER_UPDATE:
        sockets_send(gateway->sockets, event->path, &event->destination, event->destination_port,
                     event->octets, event->length);
        pcp_server_updated(gateway->server, just_after());
        break;
    }
}

/* Queues what is due. True if the device has something to do for it. */
static bool drain_events(struct gateway *gateway, uint64_t now)
{
    static struct pcp_server_event event;
    struct defect *defect = gateway->config->defect;
    bool expired = false;
    for (int i = 0; i < EVENTS_A_TURN; i++) {
        if (!defect_release(defect, now, &event)) {
            if (!pcp_server_advance(gateway->server, now, &event))
                break;
            if (!defect_event(defect, &event, now))
                continue;
        }
        handle_event(gateway, &event, now);
        expired = expired || event.kind == PCP_SERVER_EXPIRED;
    }
    proxy_advance(gateway->proxy, now);
    return expired;
}

/* --- requests ------------------------------------------------------------------------------- */

static uint64_t next_random(struct gateway *gateway)
{
    /* splitmix64: ports need not be guess-proof, but differ from run to run */
    uint64_t z = gateway->random += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void request(struct gateway *gateway, size_t which, uint64_t now)
{
    gateway->inputs[which].now = now;
    gateway->inputs[which].random = next_random(gateway);
    if (gateway->proxy)
        proxy_request(gateway->proxy, which, &gateway->inputs[which], &gateway->answers[which]);
    else
        pcp_server_request(gateway->server, &gateway->inputs[which], &gateway->answers[which]);
    queue_change(gateway, &gateway->answers[which].change, now);
    while (gateway->more_count < SET_ANSWERS &&
           pcp_server_extend(gateway->server, &gateway->inputs[which], &gateway->answers[which],
                             &gateway->more[gateway->more_count]))
        queue_change(gateway, &gateway->more[gateway->more_count++].change, now);
}

static void commit(struct gateway *gateway, size_t which)
{
    for (size_t i = 0; i < gateway->more_count; i++)
        pcp_server_commit(gateway->server, &gateway->more[i]);
    gateway->more_count = 0;
    pcp_server_commit(gateway->server, &gateway->answers[which]);
}

static void refuse(struct gateway *gateway, size_t which)
{
    while (gateway->more_count > 0)
        pcp_server_refuse(gateway->server, &gateway->inputs[which],
                          &gateway->more[--gateway->more_count]);
    if (gateway->proxy)
        proxy_refuse(gateway->proxy, which, &gateway->inputs[which], &gateway->answers[which]);
    else
        pcp_server_refuse(gateway->server, &gateway->inputs[which], &gateway->answers[which]);
}

/* Requests that failed together: undone, last change first, and each tried alone. */
static void retry_one_by_one(struct gateway *gateway, size_t from, size_t to, uint64_t now)
{
    for (size_t i = to; i > from; i--)
        refuse(gateway, i - 1);
    for (size_t i = from; i < to; i++) {
        struct error error = {{0}};
        request(gateway, i, now);
        if (carry_out(gateway, &error) == 0)
            commit(gateway, i);
        else
            refuse(gateway, i);
        if (error.text[0])
            complain("a request was refused: %s", error.text);
    }
}

/* Serves requests in one transaction, up to one that asks for a set of ports: that has an answer for each of
 * them. Returns where the next transaction begins. */
static size_t serve_some(struct gateway *gateway, size_t from, size_t count, uint64_t now)
{
    struct error error = {{0}};
    size_t to = from;
    while (to < count && gateway->more_count == 0)
        request(gateway, to++, now);
    if (carry_out(gateway, &error))
        retry_one_by_one(gateway, from, to, now);
    else
        for (size_t i = to; i > from; i--)
            commit(gateway, i - 1);
    return to;
}

/* What time brings has a transaction of its own: unlike requests it can't be undone, and an undone
 * request must not find its mapping gone. */
static void pass_time(struct gateway *gateway, uint64_t now)
{
    struct error error = {{0}};
    if (!drain_events(gateway, now))
        return;
    store_changes(
        gateway); /* a file that lacks them gives back what has expired, which does no harm */
    if (gateway->operations->commit(gateway->backend, &error) == 0)
        return;
    complain("mappings could not be ended: %s", error.text);
    gateway->apart = true;
    gateway->mend_at = 0;
}

/* Has the backend look up at once what the requests of a batch will ask for one by one. */
static void foresee(struct gateway *gateway, size_t count)
{
    size_t foreseen = 0;
    for (size_t i = 0; i < count; i++)
        if (pcp_server_foresee(gateway->server, &gateway->inputs[i], &gateway->keys[foreseen]))
            foreseen++;
    gateway->operations->foresee(gateway->backend, gateway->keys, foreseen);
}

static void flush(struct gateway *gateway)
{
    if (defect_flush(gateway->config->defect))
        gateway->operations->flush(gateway->backend);
}

static void serve_batch(struct gateway *gateway, size_t listener, size_t count, uint64_t now)
{
    defect_requests(gateway->config->defect, gateway->inputs, count, now);
    foresee(gateway, count);
    for (size_t served = 0; served < count;)
        served = serve_some(gateway, served, count, now);
    gateway->operations->foresee(gateway->backend, NULL, 0);
    pass_time(gateway, now);
    flush(gateway);
    if (gateway->proxy)
        proxy_forward(gateway->proxy, count);
    defect_answers(gateway->config->defect, gateway->answers, count);
    sockets_answer(gateway->sockets, listener, gateway->inputs, gateway->answers, count);
}

/* --- what comes from upstream --------------------------------------------------------------- */

/* Where upstream has lost its state our Epoch starts anew (RFC 7648 section 3): the file must know. */
static void store_epoch(struct gateway *gateway, uint32_t before, uint64_t now)
{
    struct error error = {{0}};
    if (gateway->journal && pcp_server_epoch(gateway->server, now) < before &&
        journal_rewrite(gateway->journal, gateway->server, now, &error))
        complain("%s", error.text);
}

static void serve_relay(struct gateway *gateway, struct pcp_proxy_relay *relay, uint64_t now)
{
    struct error error = {{0}};
    queue_change(gateway, &relay->answer.change, now);
    if (carry_out(gateway, &error) == 0)
        pcp_server_commit(gateway->server, &relay->answer);
    else
        proxy_refuse_relay(gateway->proxy, relay);
    if (error.text[0])
        complain("an answer from upstream was dropped: %s", error.text);
    flush(gateway);
    defect_message(gateway->config->defect, relay->answer.octets, &relay->answer.length);
    if (relay->answer.length)
        sockets_send(gateway->sockets, relay->path, &relay->destination, relay->destination_port,
                     relay->answer.octets, relay->answer.length);
}

static void serve_upstream(struct gateway *gateway, uint64_t now)
{
    static struct pcp_proxy_relay relay;
    uint32_t before = pcp_server_epoch(gateway->server, now);
    for (int i = 0; i < RELAYS_A_TURN && proxy_receive(gateway->proxy, now, &relay); i++)
        serve_relay(gateway, &relay, now);
    store_epoch(gateway, before, now);
}

/* --- mending -------------------------------------------------------------------------------- */

static void mend(struct gateway *gateway, uint64_t now)
{
    struct error error = {{0}};
    if (now < gateway->mend_at)
        return;
    bool due = gateway->journal && journal_is_due(gateway->journal);
    const struct address *former = gateway->moved ? &gateway->former : NULL;
    if (gateway->apart &&
        gateway->operations->rebuild(gateway->backend, gateway->server, former, &error))
        complain("%s", error.text);
    else
        gateway->apart = gateway->moved = false;
    if (due && journal_rewrite(gateway->journal, gateway->server, now, &error) == 0)
        due = false;
    gateway->mend_at = gateway->apart || due ? now + clock_scaled(RETRY_MILLISECONDS) : 0;
}

static bool needs_mending(const struct gateway *gateway)
{
    return gateway->apart || (gateway->journal && journal_is_due(gateway->journal));
}

/* --- the external address ------------------------------------------------------------------- */

static int watch_addresses(struct error *error)
{
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR};
    if (descriptor >= 0 && bind(descriptor, (struct sockaddr *)&groups, sizeof groups) == 0)
        return descriptor;
    error_set_errno(error, errno, "netlink socket for addresses");
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

/* Takes another external address. The device first, in mend(): the announcements and Mapping Updates
 * that now fall due claim that it holds the mappings there. */
static void move(struct gateway *gateway, const struct address *external, uint64_t now)
{
    struct config *config = gateway->config;
    struct error error = {{0}};
    char text[ADDRESS_TEXT_SIZE];
    if (!address_is_any(&config->external[0]))
        gateway->former = config->external[0];
    gateway->moved = !address_is_any(external) && !address_equal(external, &gateway->former);
    config->external[0] = *external;
    say("external address %s", address_format(external, text));
    pcp_server_renumber(gateway->server, 0, external, now);
    if (gateway->proxy)
        proxy_renumber(gateway->proxy, external);
    if (gateway->journal && journal_rewrite(gateway->journal, gateway->server, now, &error))
        complain("%s", error.text);
    gateway->apart = true;
    gateway->mend_at = 0;
    mend(gateway, now);
}

static void follow_address(struct gateway *gateway, uint64_t now)
{
    uint8_t ignored[8192];
    while (recv(gateway->addresses, ignored, sizeof ignored, 0) > 0)
        ;
    struct address found = sockets_interface_address(gateway->config->outside);
    if (gateway->config->external_auto && !address_equal(&found, &gateway->config->external[0]) &&
        defect_renumber(gateway->config->defect, &found))
        move(gateway, &found, now);
}

/* --- leases --------------------------------------------------------------------------------- */

static void forget_host(void *context, const struct address *address)
{
    const struct gateway *gateway = context;
    if (defect_lease_ended(gateway->config->defect, address))
        pcp_server_forget(gateway->server, address, clock_milliseconds());
}

/* --- beginning and end ---------------------------------------------------------------------- */

static int make_server(struct gateway *gateway, uint64_t now, struct error *error)
{
    struct config *config = gateway->config;
    uint64_t secret[3];
    if (chance_fill(secret, sizeof secret, error))
        return -1;
    gateway->random = secret[2];
    size_t size = pcp_server_size(&config->policy);
    gateway->memory = malloc(size);
    if (!gateway->memory)
        return error_set(error, "no memory for %u mappings", config->policy.mapping_capacity);
    struct pcp_server_device device = {.context = gateway->backend,
                                       .outbound = gateway->operations->outbound};
    defect_wrap_device(config->defect, &device);
    gateway->server =
        pcp_server_create(gateway->memory, size, &config->policy, &device, secret, now, error);
    if (!gateway->server)
        return -1;
    for (size_t i = 0; i < config->static_count; i++) {
        const struct config_static *entry = &config->statics[i];
        struct pcp_server_mapping mapping = {.protocol = entry->protocol,
                                             .internal = entry->internal,
                                             .internal_port = entry->internal_port,
                                             .external = config->external[0],
                                             .external_port = entry->external_port};
        if (!address_is_ipv4(&entry->internal))
            mapping.external = entry->internal;
        if (pcp_server_add_static(gateway->server, &mapping, error))
            return -1;
    }
    return 0;
}

static int load_state(struct gateway *gateway, uint64_t now, struct error *error)
{
    struct config *config = gateway->config;
    if (!config->state[0]) {
        pcp_server_reset_epoch(gateway->server, now);
        return 0;
    }
    struct journal_findings findings;
    gateway->journal =
        journal_open(config->state, gateway->server, &config->policy, now, &findings, error);
    if (!gateway->journal)
        return -1;
    if (error->text[0])
        complain("%s; no changes are taken until it can be written", error->text);
    error->text[0] = '\0';
    if (findings.trusted)
        say("state of %zu changes, epoch %u", findings.changes, findings.epoch);
    else
        say("epoch starts anew: %s", findings.because);
    return 0;
}

static int watch_signals(struct error *error)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    int descriptor = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    return descriptor < 0 ? error_set_errno(error, errno, "signals") : descriptor;
}

static int begin(struct gateway *gateway, struct error *error)
{
    struct config *config = gateway->config;
    uint64_t now = clock_milliseconds();
    gateway->signals = watch_signals(error);
    if (gateway->signals < 0)
        return -1;
    gateway->addresses = watch_addresses(error);
    if (gateway->addresses < 0)
        return -1;
    if (config_is_proxy(config) && proxy_find_servers(config, error))
        return -1;
    struct address present = config->external[0];
    if (config->external_auto) {
        present = sockets_interface_address(config->outside);
        if (!config->state[0] || !journal_external(config->state, &config->external[0]))
            config->external[0] = present;
    }
    gateway->operations = backend_find(config->backend);
    gateway->backend = gateway->operations->open(config, error);
    if (!gateway->backend || make_server(gateway, now, error) || load_state(gateway, now, error))
        return -1;
    gateway->sockets = sockets_open(config, error);
    if (!gateway->sockets)
        return -1;
    if (config_is_proxy(config) && !(gateway->proxy = proxy_open(config, gateway->server, error)))
        return -1;
    if (gateway->operations->rebuild(gateway->backend, gateway->server, NULL, error))
        return -1;
    if (config->leases[0] && !(gateway->leases = leases_open(config->leases, error)))
        return -1;
    defect_start(config->defect, gateway->server, gateway->sockets);
    if (!address_equal(&present, &config->external[0]))
        move(gateway, &present, now);
    return 0;
}

static void end(struct gateway *gateway)
{
    if (gateway->journal)
        journal_close(gateway->journal, gateway->server, clock_milliseconds());
    sockets_close(gateway->sockets);
    proxy_close(gateway->proxy);
    leases_close(gateway->leases);
    if (gateway->backend)
        gateway->operations->close(gateway->backend);
    if (gateway->addresses >= 0)
        close(gateway->addresses);
    if (gateway->signals >= 0)
        close(gateway->signals);
    free(gateway->memory);
}

/* --- the loop ------------------------------------------------------------------------------- */

static uint64_t next_time(const struct gateway *gateway)
{
    uint64_t next = pcp_server_next_time(gateway->server);
    uint64_t held = defect_due(gateway->config->defect);
    uint64_t asked = proxy_next_time(gateway->proxy);
    uint64_t leases = leases_due(gateway->leases);
    next = held < next ? held : next;
    next = leases < next ? leases : next;
    return asked < next ? asked : next;
}

/* Milliseconds that poll() may wait. */
static int patience(const struct gateway *gateway, uint64_t now)
{
    uint64_t next = next_time(gateway);
    if (needs_mending(gateway) && gateway->mend_at < next)
        next = gateway->mend_at;
    if (next <= now)
        return 0;
    uint64_t wait = clock_real_wait(next - now);
    return wait < INT_MAX ? (int)wait : INT_MAX;
}

static uint64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Serves a listener for as long as it has something, but so many batches at most that the rest of the
 * world isn't forgotten. It looks for more for a moment after each: to go to sleep and wake up takes
 * longer than an answer, and a client that was just answered often asks again. */
static void serve_listener(struct gateway *gateway, size_t which)
{
    uint64_t end = 0;
    for (int batches = 0; batches < BATCHES_A_TURN;) {
        size_t count = sockets_receive(gateway->sockets, which, gateway->inputs);
        if (count) {
            serve_batch(gateway, which, count, clock_milliseconds());
            end = gateway->config->alert ? microseconds() + gateway->config->alert : 0;
            batches++;
        } else if (end == 0 || microseconds() >= end) {
            return;
        }
    }
}

static void serve(struct gateway *gateway)
{
    struct pollfd descriptors[SOCKETS_MAXIMUM + 3 + PROXY_DESCRIPTORS];
    size_t listeners = sockets_count(gateway->sockets);
    struct pollfd *signals = &descriptors[listeners];
    struct pollfd *addresses = &descriptors[listeners + 1];
    struct pollfd *leases = &descriptors[listeners + 2];
    struct pollfd *upstream = &descriptors[listeners + 3];
    sockets_poll(gateway->sockets, descriptors);
    *signals = (struct pollfd){.fd = gateway->signals, .events = POLLIN};
    *addresses = (struct pollfd){.fd = gateway->addresses, .events = POLLIN};
    *leases = (struct pollfd){.fd = leases_descriptor(gateway->leases), .events = POLLIN};
    for (size_t i = 0; i < PROXY_DESCRIPTORS; i++)
        upstream[i] = (struct pollfd){.fd = proxy_descriptor(gateway->proxy, i), .events = POLLIN};
    while (!(signals->revents & POLLIN)) {
        poll(descriptors, listeners + 3 + PROXY_DESCRIPTORS,
             patience(gateway, clock_milliseconds()));
        if (addresses->revents & POLLIN)
            follow_address(gateway, clock_milliseconds());
        if (leases->revents & POLLIN)
            leases_changed(gateway->leases, clock_milliseconds());
        for (size_t i = 0; i < listeners; i++)
            if (descriptors[i].revents)
                serve_listener(gateway, i);
        if (upstream[0].revents || upstream[1].revents)
            serve_upstream(gateway, clock_milliseconds());
        uint64_t now = clock_milliseconds();
        if (leases_due(gateway->leases) <= now)
            leases_compare(gateway->leases, forget_host, gateway);
        if (next_time(gateway) <= now)
            serve_batch(gateway, 0, 0, now); /* nothing but what time brings */
        if (needs_mending(gateway))
            mend(gateway, now);
    }
}

int gateway_run(struct config *config, struct error *error)
{
    static struct gateway gateway;
    memset(&gateway, 0, sizeof gateway);
    gateway.config = config;
    gateway.signals = -1;
    gateway.addresses = -1;
    int result = begin(&gateway, error);
    if (result == 0) {
        say("ready");
        serve(&gateway);
    }
    end(&gateway);
    return result;
}
