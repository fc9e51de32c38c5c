/* Sockets belong to the namespace in which they were made, whoever uses them later: so this thread goes into
 * a node only to open one, and one loop waits for all of them. */
#include "cli/test_world.h"

#include "cli/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMAND_WITHIN = 10000 /* ms */, SLICE = 50 /* ms between looks at the programs' output */ };

/* --- places ----------------------------------------------------------------------------------- */

struct place {
    const char *node, *interface;
    size_t which; /* of the interface's addresses of a family */
};

/* Hosts that need not be told apart but by their addresses share a node: what a lab costs is its nodes. */
#define PLACES_OF_ALL                                                                              \
    [STAGE_HOST] = {"host", "eth0", 0}, [STAGE_HOST_SECOND] = {"host", "eth0", 1},                 \
    [STAGE_GATEWAY] = {"gateway", "eth0", 0}, [STAGE_OUTSIDE] = {"gateway", "eth1", 0},            \
    [STAGE_REMOTE] = {"remote", "eth0", 0}, [STAGE_REMOTE_SECOND] = {"remote", "eth0", 1},         \
    [STAGE_STRANGER] = {"remote", "eth0", 2}

static const struct place places_beside_gateway[STAGE_PLACES] = {
    PLACES_OF_ALL,
    [STAGE_OTHER] = {"other", "eth0", 0},
    [STAGE_ROUTER] = {"other", "eth0", 1},
};

static const struct place places_around_device[STAGE_PLACES] = {
    PLACES_OF_ALL,
    [STAGE_OTHER] = {"gateway", "eth0", 1},
    [STAGE_ROUTER] = {"gateway", "eth0", 2},
};

static const struct place *place_of(const struct test_world *world, enum stage_place place)
{
    const char *role = world->engine->scenario->programs[world->peer].role;
    bool is_device = strcmp(role, case_role_name(CASE_DEVICE)) == 0;
    return is_device ? &places_around_device[place] : &places_beside_gateway[place];
}

static bool find(void *context, enum stage_place place, bool ipv6, struct address *out)
{
    const struct test_world *world = context;
    const struct topology *topology = &world->engine->scenario->topology;
    size_t node = topology_find_node(topology, place_of(world, place)->node);
    if (node == (size_t)-1)
        return false;
    size_t link = topology_find_link(topology, node, place_of(world, place)->interface);
    if (link == (size_t)-1)
        return false;
    size_t seen = 0;
    for (size_t i = 0; i < topology->links[link].address_count; i++) {
        struct address address = address_from_ipv6(topology->links[link].addresses[i].octet);
        if (address_is_ipv4(&address) == ipv6 || seen++ != place_of(world, place)->which)
            continue;
        *out = address;
        return true;
    }
    return false;
}

/* --- sockets ---------------------------------------------------------------------------------- */

static socklen_t to_socket_address(const struct endpoint *endpoint, unsigned scope,
                                   struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (address_is_ipv4(&endpoint->address)) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(endpoint->port);
        memcpy(&in->sin_addr, endpoint->address.octet + 12, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(endpoint->port);
    in6->sin6_scope_id = scope;
    memcpy(&in6->sin6_addr, endpoint->address.octet, 16);
    return sizeof *in6;
}

static struct endpoint from_socket_address(const struct sockaddr_storage *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memcpy(&in, address, sizeof in);
    memcpy(&in6, address, sizeof in6);
    if (address->ss_family == AF_INET)
        return (struct endpoint){address_from_ipv4((const uint8_t *)&in.sin_addr),
                                 ntohs(in.sin_port)};
    return (struct endpoint){address_from_ipv6(in6.sin6_addr.s6_addr), ntohs(in6.sin6_port)};
}

static bool enter(const struct test_world *world, enum stage_place place, struct error *error)
{
    size_t node =
        topology_find_node(&world->engine->scenario->topology, place_of(world, place)->node);
    if (node == (size_t)-1) {
        (void)error_set(error, "the topology has no node '%s'", place_of(world, place)->node);
        return false;
    }
    return lab_enter(world->engine->lab, node, error) == 0;
}

/* Back to where the lab was made: a lab that can't be left is of no more use. */
static void leave(const struct test_world *world)
{
    (void)lab_leave(world->engine->lab, &world->engine->record->problem);
}

static bool set(int handle, int level, int option)
{
    int one = 1;
    return setsockopt(handle, level, option, &one, sizeof one) == 0;
}

static bool join(int handle, bool ipv6, const char *interface)
{
    int index = (int)if_nametoindex(interface);
    if (ipv6) {
        struct ipv6_mreq group = {.ipv6mr_interface = (unsigned)index};
        return inet_pton(AF_INET6, "ff02::1", &group.ipv6mr_multiaddr) == 1 &&
               setsockopt(handle, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group) == 0;
    }
    struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(INADDR_ALLHOSTS_GROUP),
                             .imr_ifindex = index};
    return setsockopt(handle, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0;
}

/* What is sent to a group leaves by the interface of its place. */
static bool send_groups_by(int handle, bool ipv6, const char *interface)
{
    int index = (int)if_nametoindex(interface);
    struct ip_mreqn group = {.imr_ifindex = index};
    return ipv6 ? setsockopt(handle, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index) == 0
                : setsockopt(handle, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group) == 0;
}

/* Time stamps, destinations, hop limits and ICMP errors of what comes in. */
static bool tell_all(int handle, bool ipv6)
{
    if (!set(handle, SOL_SOCKET, SO_TIMESTAMPNS))
        return false;
    if (ipv6)
        return set(handle, IPPROTO_IPV6, IPV6_V6ONLY) &&
               set(handle, IPPROTO_IPV6, IPV6_RECVPKTINFO) &&
               set(handle, IPPROTO_IPV6, IPV6_RECVHOPLIMIT) &&
               set(handle, IPPROTO_IPV6, IPV6_RECVERR);
    return set(handle, IPPROTO_IP, IP_PKTINFO) && set(handle, IPPROTO_IP, IP_RECVTTL) &&
           set(handle, IPPROTO_IP, IP_RECVERR);
}

static int open_here(const struct test_world *world, enum socket_kind kind, enum stage_place place,
                     const struct endpoint *local, struct error *error)
{
    bool ipv6 = !address_is_ipv4(&local->address);
    bool stream = kind == SOCKET_TCP_LISTENER;
    struct sockaddr_storage address = {0};
    char text[ADDRESS_TEXT_SIZE];
    socklen_t length =
        to_socket_address(local, if_nametoindex(place_of(world, place)->interface), &address);
    int handle = socket(ipv6 ? AF_INET6 : AF_INET,
                        (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle >= 0 &&
        (stream || (tell_all(handle, ipv6) &&
                    send_groups_by(handle, ipv6, place_of(world, place)->interface))) &&
        /* Whichever of the two a peer shares a port by. */
        (kind == SOCKET_UDP || set(handle, SOL_SOCKET, SO_REUSEADDR)) &&
        (kind != SOCKET_UDP_MULTICAST || set(handle, SOL_SOCKET, SO_REUSEPORT)) &&
        bind(handle, (struct sockaddr *)&address, length) == 0 &&
        (kind != SOCKET_UDP_MULTICAST || join(handle, ipv6, place_of(world, place)->interface)) &&
        (!stream || listen(handle, SOMAXCONN) == 0))
        return handle;
    (void)error_set_errno(error, errno, "a socket of %s, %s port %u", place_of(world, place)->node,
                          address_format(&local->address, text), local->port);
    if (handle >= 0)
        (void)close(handle);
    return -1;
}

static int open_socket(void *context, enum socket_kind kind, enum stage_place place,
                       const struct endpoint *local, struct error *error)
{
    struct test_world *world = context;
    if (world->socket_count == WORLD_SOCKETS)
        return error_set(error, "a case may open %d sockets", WORLD_SOCKETS);
    if (!enter(world, place, error))
        return -1;
    int handle = open_here(world, kind, place, local, error);
    leave(world);
    if (handle < 0)
        return -1;
    world->sockets[world->socket_count] = (struct world_socket){
        .handle = handle, .kind = kind, .place = place, .ipv6 = !address_is_ipv4(&local->address)};
    return (int)world->socket_count++;
}

static void close_socket(void *context, int number)
{
    struct test_world *world = context;
    if (world->sockets[number].handle >= 0)
        (void)close(world->sockets[number].handle);
    world->sockets[number].handle = -1;
}

static uint16_t port_of(void *context, int number)
{
    const struct test_world *world = context;
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(world->sockets[number].handle, (struct sockaddr *)&address, &length) != 0)
        return 0;
    return from_socket_address(&address).port;
}

/* Whether a datagram can't go where it is to, since no network has such an address: as a peer may have claimed
 * one. Then it is lost, and who was to get it is asked. */
static bool leads_nowhere(int cause)
{
    return cause == ENETUNREACH || cause == EHOSTUNREACH || cause == EINVAL || cause == EACCES ||
           cause == EAFNOSUPPORT || cause == EADDRNOTAVAIL;
}

static bool send_datagram(void *context, int number, const struct endpoint *to,
                          const uint8_t *octets, size_t length, struct error *error)
{
    const struct test_world *world = context;
    const struct world_socket *socket = &world->sockets[number];
    struct sockaddr_storage address = {0};
    socklen_t size = to_socket_address(to, 0, &address);
    /* What is refused may tell of an earlier datagram, which stays to be received as an error: so twice. */
    for (int tries = 0; tries < 2; tries++)
        do
            if (sendto(socket->handle, octets, length, 0, (struct sockaddr *)&address, size) >= 0)
                return true;
        while (errno == EINTR);
    if (leads_nowhere(errno))
        return true;
    (void)error_set_errno(error, errno, "sending from %s", place_of(world, socket->place)->node);
    return false;
}

static bool send_packet(void *context, enum stage_place place, const uint8_t *octets, size_t length,
                        struct error *error)
{
    const struct test_world *world = context;
    bool ipv6 = length > 0 && octets[0] >> 4 == 6;
    struct endpoint to = {.port = 0};
    if (length < (ipv6 ? 40 : 20)) {
        (void)error_set(error, "a packet of %zu octets has no IP header", length);
        return false;
    }
    to.address = ipv6 ? address_from_ipv6(octets + 24) : address_from_ipv4(octets + 16);
    if (!enter(world, place, error))
        return false;
    struct sockaddr_storage address = {0};
    socklen_t size = to_socket_address(&to, 0, &address);
    int handle = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    bool sent = handle >= 0 && (!ipv6 || set(handle, IPPROTO_IPV6, IPV6_HDRINCL)) &&
                (sendto(handle, octets, length, 0, (struct sockaddr *)&address, size) >= 0 ||
                 leads_nowhere(errno));
    if (!sent)
        (void)error_set_errno(error, errno, "sending a packet from %s",
                              place_of(world, place)->node);
    if (handle >= 0)
        (void)close(handle);
    leave(world);
    return sent;
}

/* --- receiving -------------------------------------------------------------------------------- */

static int64_t now(void *context)
{
    (void)context;
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void read_error(const struct sock_extended_err *cause, struct datagram *out)
{
    if (cause->ee_origin != SO_EE_ORIGIN_ICMP && cause->ee_origin != SO_EE_ORIGIN_ICMP6)
        return;
    struct sockaddr_storage offender = {0};
    const struct sockaddr *from = SO_EE_OFFENDER(cause);
    memcpy(&offender, from,
           from->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    out->from = from_socket_address(&offender);
    out->icmp_type = cause->ee_type;
    out->icmp_code = cause->ee_code;
}

static void read_notes(struct msghdr *message, struct datagram *out)
{
    for (struct cmsghdr *note = CMSG_FIRSTHDR(message); note; note = CMSG_NXTHDR(message, note)) {
        const void *data = CMSG_DATA(note);
        if (note->cmsg_level == SOL_SOCKET && note->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, data, sizeof time);
            out->time = time.tv_sec * SECOND + time.tv_nsec;
        } else if (note->cmsg_level == IPPROTO_IP && note->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, data, sizeof info);
            out->to = address_from_ipv4((const uint8_t *)&info.ipi_addr);
        } else if (note->cmsg_level == IPPROTO_IPV6 && note->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, data, sizeof info);
            out->to = address_from_ipv6((const uint8_t *)&info.ipi6_addr);
        } else if ((note->cmsg_level == IPPROTO_IP && note->cmsg_type == IP_TTL) ||
                   (note->cmsg_level == IPPROTO_IPV6 && note->cmsg_type == IPV6_HOPLIMIT)) {
            int hops;
            memcpy(&hops, data, sizeof hops);
            out->hop_limit = (uint8_t)hops;
        } else if ((note->cmsg_level == IPPROTO_IP && note->cmsg_type == IP_RECVERR) ||
                   (note->cmsg_level == IPPROTO_IPV6 && note->cmsg_type == IPV6_RECVERR)) {
            read_error(data, out);
        }
    }
}

/* One datagram or ICMP error, if there is one. */
static bool take(const struct test_world *world, int number, bool error, struct datagram *out)
{
    _Alignas(struct cmsghdr) char notes[512];
    struct sockaddr_storage from = {0};
    struct iovec room = {out->octets, sizeof out->octets};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = &room,
                             .msg_iovlen = 1,
                             .msg_control = notes,
                             .msg_controllen = sizeof notes};
    ssize_t length = recvmsg(world->sockets[number].handle, &message,
                             MSG_DONTWAIT | MSG_TRUNC | (error ? MSG_ERRQUEUE : 0));
    if (length < 0)
        return false;
    out->socket = number;
    out->time = now(NULL);
    out->from = from_socket_address(&from);
    out->is_error = error;
    out->icmp_type = out->icmp_code = out->hop_limit = 0;
    out->length = (size_t)length < sizeof out->octets ? (size_t)length : sizeof out->octets;
    read_notes(&message, out);
    return true;
}

static int receive(void *context, const int *numbers, size_t count, int64_t until,
                   struct datagram *out, struct error *error)
{
    struct test_world *world = context;
    struct pollfd handles[WORLD_SOCKETS];
    for (size_t i = 0; i < count; i++)
        handles[i] = (struct pollfd){.fd = world->sockets[numbers[i]].handle, .events = POLLIN};
    for (;;) {
        int64_t left = (until - now(NULL) + MILLISECOND - 1) / MILLISECOND;
        int ready = poll(handles, count, left <= 0 ? 0 : left < SLICE ? (int)left : SLICE);
        if (ready < 0 && errno != EINTR)
            return error_set_errno(error, errno, "waiting for datagrams");
        for (size_t i = 0; ready > 0 && i < count; i++)
            if ((handles[i].revents & POLLERR && take(world, numbers[i], true, out)) ||
                (handles[i].revents & POLLIN && take(world, numbers[i], false, out)))
                return 1;
        if (left <= 0)
            return 0;
        if (supervisor_pass(world->engine->supervisor, 0, error) != 0)
            return -1;
    }
}

/* --- TCP -------------------------------------------------------------------------------------- */

static bool await(int handle, short events, int64_t until)
{
    struct pollfd poll_handle = {.fd = handle, .events = events};
    for (;;) {
        int64_t left = (until - now(NULL)) / MILLISECOND;
        int ready = poll(&poll_handle, 1, left > 0 ? (int)left : 0);
        if (ready != -1 || errno != EINTR)
            return ready == 1;
    }
}

/* Two handles, or false and none. */
static bool make_stream(const struct test_world *world, enum stage_place from,
                        const struct endpoint *to, int listener, int64_t until, int handles[2])
{
    struct error error = {0};
    struct endpoint local = {.port = 0};
    if (!find((void *)world, from, !address_is_ipv4(&to->address), &local.address) ||
        !enter(world, from, &error))
        return false;
    struct sockaddr_storage address = {0};
    socklen_t length = to_socket_address(&local, 0, &address);
    int handle = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool bound = handle >= 0 && bind(handle, (struct sockaddr *)&address, length) == 0;
    leave(world);
    length = to_socket_address(to, 0, &address);
    bool connected = bound && (connect(handle, (struct sockaddr *)&address, length) == 0 ||
                               (errno == EINPROGRESS && await(handle, POLLOUT, until)));
    int problem = 0;
    socklen_t size = sizeof problem;
    connected =
        connected && getsockopt(handle, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0;
    int end = -1;
    if (connected && await(world->sockets[listener].handle, POLLIN, until))
        end = accept4(world->sockets[listener].handle, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (handle >= 0 && end < 0)
        (void)close(handle);
    handles[0] = handle;
    handles[1] = end;
    return end >= 0;
}

static bool connect_to(void *context, enum stage_place from, const struct endpoint *to,
                       int listener, int64_t until, struct endpoint *accepted)
{
    int handles[2];
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (!make_stream(context, from, to, listener, until, handles))
        return false;
    if (accepted && getpeername(handles[1], (struct sockaddr *)&address, &length) == 0)
        *accepted = from_socket_address(&address);
    (void)close(handles[1]);
    (void)close(handles[0]);
    return true;
}

static bool hold(void *context, enum stage_place from, const struct endpoint *to, int listener,
                 int64_t until, int ends[2])
{
    struct test_world *world = context;
    int handles[2];
    if (world->socket_count + 2 > WORLD_SOCKETS ||
        !make_stream(world, from, to, listener, until, handles))
        return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = (int)world->socket_count++;
        world->sockets[ends[i]] =
            (struct world_socket){.handle = handles[i],
                                  .kind = SOCKET_TCP_LISTENER,
                                  .place = i ? world->sockets[listener].place : from,
                                  .ipv6 = !address_is_ipv4(&to->address)};
    }
    return true;
}

static bool is_reset(void *context, int number, int64_t until)
{
    const struct test_world *world = context;
    int handle = world->sockets[number].handle;
    char octet = 0;
    while (now(context) < until) {
        if (send(handle, &octet, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
            return errno == ECONNRESET || errno == EPIPE;
        if (await(handle, POLLIN, now(context) + SLICE * MILLISECOND) &&
            recv(handle, &octet, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET)
            return true;
        if (supervisor_pass(world->engine->supervisor, 0, NULL) != 0)
            return false;
    }
    return false;
}

/* --- the peer and the lab --------------------------------------------------------------------- */

/* The engine's scenario is the caller's own copy: facts are for this run alone. */
static struct scenario_program *program_of(const struct test_world *world)
{
    return &world->engine->scenario->programs[world->peer];
}

static void tell(void *context, const char *name, const char *value)
{
    struct facts *facts = &program_of(context)->facts;
    if (value)
        facts_set(facts, name, value);
    else
        facts_unset(facts, name);
}

static bool start(void *context, struct error *error)
{
    struct test_world *world = context;
    enum step_outcome outcome = engine_start(world->engine, world->peer, error);
    world->started = outcome == OUTCOME_DONE;
    world->unsupported = world->unsupported || outcome == OUTCOME_UNSUPPORTED;
    return world->started;
}

static bool stop(void *context, int signal_number, struct error *error)
{
    struct test_world *world = context;
    world->started = false;
    return engine_stop(world->engine, world->peer,
                       signal_number ? signal_number : program_of(world)->peer->restart_signal,
                       error) == OUTCOME_DONE;
}

static bool signal_peer(void *context, int signal_number, struct error *error)
{
    struct test_world *world = context;
    world->started = world->started && signal_number != 0;
    return process_signal(world->engine->processes[world->peer],
                          signal_number ? signal_number : program_of(world)->peer->restart_signal,
                          error) == 0;
}

static bool renumbered(void *context, struct error *error)
{
    int signal_number = program_of(context)->peer->renumber_signal;
    return signal_number == 0 || signal_peer(context, signal_number, error);
}

static bool running(void *context)
{
    const struct test_world *world = context;
    const struct process *process = world->engine->processes[world->peer];
    (void)supervisor_pass(world->engine->supervisor, 0, NULL);
    return process && !process_ended(process, NULL);
}

/* What a command printed, from its log: each line behind the time and the mark. */
static void read_log(const struct test_world *world, const char *name, char *out, size_t size)
{
    char *path = memory_print("%s/logs/%s.log", world->engine->folder, name);
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    size_t used = 0;
    out[0] = '\0';
    while (file && getline(&line, &room, file) > 0) {
        const char *mark = strchr(line, 'Z');
        if (!mark || mark[1] == '*' || strlen(mark) < 3)
            continue;
        int written = snprintf(out + used, size - used, "%s", mark + 3);
        used += written > 0 && (size_t)written < size - used ? (size_t)written : 0;
    }
    free(line);
    if (file)
        (void)fclose(file);
    free(path);
}

static bool run(void *context, enum stage_place place, const char *command, char *out, size_t size,
                struct error *error)
{
    struct test_world *world = context;
    const char *const words[] = {"sh", "-c", command, NULL};
    char name[40];
    int status = 0;
    size_t node =
        topology_find_node(&world->engine->scenario->topology, place_of(world, place)->node);
    (void)snprintf(name, sizeof name, "command-%zu", ++world->runs);
    if (node == (size_t)-1) {
        (void)error_set(error, "the topology has no node '%s'", place_of(world, place)->node);
        return false;
    }
    if (engine_command(world->engine, node, name, words, COMMAND_WITHIN, &status, error) !=
        OUTCOME_DONE)
        return false;
    if (out)
        read_log(world, name, out, size);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    (void)error_set(error, "'%s' in %s ended with status %d; see logs/%s.log", command,
                    place_of(world, place)->node, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                    name);
    return false;
}

const struct stage_operations test_world_operations = {
    .find = find,
    .open = open_socket,
    .close = close_socket,
    .port = port_of,
    .send = send_datagram,
    .send_packet = send_packet,
    .receive = receive,
    .connect = connect_to,
    .hold = hold,
    .is_reset = is_reset,
    .now = now,
    .tell = tell,
    .start = start,
    .stop = stop,
    .signal = signal_peer,
    .running = running,
    .renumbered = renumbered,
    .run = run,
};

void test_world_open(struct test_world *world, struct engine *engine, size_t peer)
{
    *world = (struct test_world){.engine = engine, .peer = peer};
}

void test_world_close(struct test_world *world)
{
    for (size_t i = 0; i < world->socket_count; i++)
        close_socket(world, (int)i);
    world->socket_count = 0;
}

bool test_world_peer_died(struct test_world *world, char *text, size_t size)
{
    const struct process *process = world->engine->processes[world->peer];
    int status = 0;
    if (!world->started || !process)
        return false;
    (void)supervisor_pass(world->engine->supervisor, 0, NULL);
    if (!process_ended(process, &status))
        return false;
    if (WIFEXITED(status))
        (void)snprintf(text, size, "it ended with status %d: %s", WEXITSTATUS(status),
                       process_last_line(process));
    else
        (void)snprintf(text, size, "it ended with signal %s: %s", sigabbrev_np(WTERMSIG(status)),
                       process_last_line(process));
    return true;
}
