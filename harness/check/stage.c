/* The stage: verdict, peer, time and sockets of a case.
 *
 * Every function returns at once when the case is over. That is what lets scripts go without error handling,
 * so nothing here may touch the world before it has looked at `over`.
 */
#include "check/stage_private.h"
#include "check/stage_proxy.h"

#include "wire/link.h"
#include "wire/packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const place_names[STAGE_PLACES] = {
    [STAGE_HOST] = "host",        [STAGE_HOST_SECOND] = "host's second address",
    [STAGE_OTHER] = "other",      [STAGE_GATEWAY] = "gateway",
    [STAGE_ROUTER] = "router",    [STAGE_OUTSIDE] = "gateway's outside",
    [STAGE_REMOTE] = "remote",    [STAGE_REMOTE_SECOND] = "remote's second address",
    [STAGE_STRANGER] = "stranger"};

void stage_play(struct stage *stage)
{
    stage->over = false;
    stage->verdict = VERDICT_PASS;
    stage->requirement = stage->test_case->requirements[0];
    stage->expected[0] = stage->actual[0] = '\0';
    stage->evidence_count = 0;
    stage->socket_count = 0;
    stage->kept_count = 0;
    stage->text_count = 0;
    stage->drawn = 0;
    stage->attend = NULL;
    stage->attending = false;
    if (stage->test_case->traits & CASE_ATTENDED)
        proxy_attend(stage);
    stage->test_case->run(stage);
    stage->over = true;
    while (stage->socket_count)
        stage->operations->close(stage->world, stage->sockets[--stage->socket_count].socket);
}

uint64_t stage_hash(const uint8_t *octets, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ octets[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void witness(struct stage *stage, int64_t time, const uint8_t *octets, size_t length)
{
    struct evidence *evidence = &stage->evidence[stage->evidence_count++ % STAGE_EVIDENCE];
    *evidence = (struct evidence){time, stage_hash(octets, length), length};
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 4, 0)))
decide(struct stage *stage, enum verdict verdict, const char *expected, const char *actual,
       va_list arguments)
{
    stage->over = true;
    stage->verdict = verdict;
    (void)snprintf(stage->expected, sizeof stage->expected, "%s", expected);
    (void)vsnprintf(stage->actual, sizeof stage->actual, actual, arguments);
}

bool stage_expect(struct stage *stage, enum requirement_id requirement, bool holds,
                  const char *expected, const char *actual, ...)
{
    static const enum verdict weights[] = {[FINDING_FAIL] = VERDICT_FAIL,
                                           [FINDING_WARN] = VERDICT_WARN,
                                           [FINDING_INFO] = VERDICT_INFO};
    if (stage->over)
        return false;
    if (!judges(stage->test_case->requirements, requirement)) {
        stage_end(stage, VERDICT_ERROR, "the case judges %s without naming it",
                  requirement_get(requirement)->id);
        return false;
    }
    if (holds)
        return true;
    va_list arguments;
    va_start(arguments, actual);
    decide(stage, weights[requirement_weight(requirement_get(requirement)->level)], expected,
           actual, arguments);
    va_end(arguments);
    stage->requirement = requirement;
    return false;
}

void stage_end(struct stage *stage, enum verdict verdict, const char *reason, ...)
{
    if (stage->over)
        return;
    va_list arguments;
    va_start(arguments, reason);
    decide(stage, verdict, "", reason, arguments);
    va_end(arguments);
}

/* --- the peer, the lab and time --------------------------------------------------------------- */

void stage_tell(struct stage *stage, const char *name, const char *value)
{
    if (!stage->over)
        stage->operations->tell(stage->world, name, value);
}

void stage_start(struct stage *stage)
{
    struct error error = {{0}};
    if (!stage->over && !stage->operations->start(stage->world, &error))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer does not start: %s", error.text);
}

void stage_stop(struct stage *stage, int signal_number)
{
    struct error error = {{0}};
    if (!stage->over && !stage->operations->stop(stage->world, signal_number, &error))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer does not end: %s", error.text);
}

void stage_restart(struct stage *stage)
{
    stage_stop(stage, 0);
    stage_start(stage);
}

void stage_signal(struct stage *stage, int signal_number)
{
    struct error error = {{0}};
    if (!stage->over && !stage->operations->signal(stage->world, signal_number, &error))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer takes no signal: %s", error.text);
}

void stage_dismiss(struct stage *stage)
{
    stage_signal(stage, 0);
}

static void __attribute__((format(printf, 5, 0)))
run_command(struct stage *stage, enum stage_place place, char *out, size_t size,
            const char *command, va_list arguments)
{
    char text[2000];
    struct error error = {{0}};
    if (stage->over)
        return;
    if (vsnprintf(text, sizeof text, command, arguments) >= (int)sizeof text)
        stage_end(stage, VERDICT_ERROR, "a command of more than %zu octets: %s", sizeof text, text);
    else if (!stage->operations->run(stage->world, place, text, out, size, &error))
        stage_end(stage, VERDICT_ERROR, "%s: %s", text, error.text);
}

void stage_run(struct stage *stage, enum stage_place place, const char *command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    run_command(stage, place, NULL, 0, command, arguments);
    va_end(arguments);
}

void stage_run_for(struct stage *stage, enum stage_place place, char *out, size_t size,
                   const char *command, ...)
{
    va_list arguments;
    if (size)
        out[0] = '\0';
    va_start(arguments, command);
    run_command(stage, place, out, size, command, arguments);
    va_end(arguments);
}

int64_t stage_now(const struct stage *stage)
{
    return stage->operations->now(stage->world);
}

void stage_pass(struct stage *stage, int64_t of_the_peer)
{
    struct datagram none;
    int64_t ours = (int64_t)((double)of_the_peer / stage->scale);
    if (!stage->over)
        (void)stage_await(stage, NULL, 0, stage_now(stage) + ours, &none);
}

double stage_peer_seconds(const struct stage *stage, int64_t earlier, int64_t later)
{
    return (double)(later - earlier) / (double)SECOND * stage->scale;
}

/* SplitMix64: each number follows from seed and count alone. */
uint64_t stage_draw(struct stage *stage)
{
    uint64_t x = stage->seed + ++stage->drawn * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* --- sockets ---------------------------------------------------------------------------------- */

char *stage_text(struct stage *stage)
{
    return stage->texts[stage->text_count++ % STAGE_TEXTS];
}

const char *stage_endpoint_text(struct stage *stage, const struct endpoint *endpoint)
{
    char address[ADDRESS_TEXT_SIZE];
    char *text = stage_text(stage);
    bool ipv4 = address_is_ipv4(&endpoint->address);
    (void)snprintf(text, STAGE_TEXT_SIZE, ipv4 ? "%s:%u" : "[%s]:%u",
                   address_format(&endpoint->address, address), endpoint->port);
    return text;
}

static struct stage_socket *find_socket(struct stage *stage, int socket)
{
    for (size_t i = 0; i < stage->socket_count; i++)
        if (stage->sockets[i].socket == socket)
            return &stage->sockets[i];
    return NULL;
}

const char *stage_socket_text(struct stage *stage, int socket)
{
    const struct stage_socket *entry = find_socket(stage, socket);
    if (!entry)
        return "a socket that is closed";
    const char *local = stage_endpoint_text(stage, &entry->local);
    char *text = stage_text(stage);
    (void)snprintf(text, STAGE_TEXT_SIZE, "%s %.80s", place_names[entry->place], local);
    return text;
}

struct address stage_any(const struct stage *stage)
{
    return stage->ipv6 ? address_any_ipv6() : address_any_ipv4();
}

struct address stage_address(struct stage *stage, enum stage_place place)
{
    struct address address = stage_any(stage);
    if (!stage->over && !stage->operations->find(stage->world, place, stage->ipv6, &address))
        stage_end(stage, VERDICT_ERROR, "%s has no IPv%d address", place_names[place],
                  stage->ipv6 ? 6 : 4);
    return address;
}

struct endpoint stage_endpoint(struct stage *stage, enum stage_place place, uint16_t port)
{
    return (struct endpoint){stage_address(stage, place), port};
}

int stage_open(struct stage *stage, enum stage_place place, uint16_t port)
{
    struct endpoint local = stage_endpoint(stage, place, port);
    return stage_open_kind(stage, SOCKET_UDP, place, &local);
}

int stage_open_kind(struct stage *stage, enum socket_kind kind, enum stage_place place,
                    const struct endpoint *local)
{
    struct error error = {{0}};
    if (stage->over)
        return -1;
    if (stage->socket_count == STAGE_SOCKETS) {
        stage_end(stage, VERDICT_ERROR, "more than %d sockets", STAGE_SOCKETS);
        return -1;
    }
    int socket = stage->operations->open(stage->world, kind, place, local, &error);
    if (socket < 0) {
        stage_end(stage, VERDICT_ERROR, "a socket at %s: %s", place_names[place], error.text);
        return -1;
    }
    struct stage_socket *entry = &stage->sockets[stage->socket_count++];
    *entry = (struct stage_socket){socket, place, *local};
    if (!entry->local.port)
        entry->local.port = stage->operations->port(stage->world, socket);
    return socket;
}

static void forget_kept(struct stage *stage, size_t index)
{
    stage->kept_count--;
    memmove(&stage->kept[index], &stage->kept[index + 1],
            (stage->kept_count - index) * sizeof *stage->kept);
}

bool stage_could_open(struct stage *stage, enum socket_kind kind, enum stage_place place,
                      uint16_t port)
{
    struct error error = {{0}};
    struct endpoint local = stage_endpoint(stage, place, port);
    int socket =
        stage->over ? -1 : stage->operations->open(stage->world, kind, place, &local, &error);
    if (socket >= 0)
        stage->operations->close(stage->world, socket);
    return socket >= 0;
}

void stage_close(struct stage *stage, int socket)
{
    struct stage_socket *entry = find_socket(stage, socket);
    if (stage->over || !entry) /* stage_play() closes what a case leaves open */
        return;
    stage->operations->close(stage->world, socket);
    *entry = stage->sockets[--stage->socket_count];
    for (size_t i = stage->kept_count; i-- > 0;)
        if (stage->kept[i].socket == socket)
            forget_kept(stage, i);
}

uint16_t stage_port(struct stage *stage, int socket)
{
    const struct stage_socket *entry = find_socket(stage, socket);
    return entry ? entry->local.port : 0;
}

void stage_send(struct stage *stage, int socket, const struct endpoint *to, const uint8_t *octets,
                size_t length)
{
    struct error error = {{0}};
    if (stage->over)
        return;
    int64_t time = stage_now(stage);
    if (!stage->operations->send(stage->world, socket, to, octets, length, &error))
        stage_end(stage, VERDICT_ERROR, "sending from %s to %s: %s",
                  stage_socket_text(stage, socket), stage_endpoint_text(stage, to), error.text);
    else
        witness(stage, time, octets, length);
}

void stage_send_packet(struct stage *stage, enum stage_place place, const uint8_t *octets,
                       size_t length)
{
    struct error error = {{0}};
    struct packet packet;
    if (stage->over)
        return;
    int64_t time = stage_now(stage);
    if (!stage->operations->send_packet(stage->world, place, octets, length, &error)) {
        stage_end(stage, VERDICT_ERROR, "sending a packet at %s: %s", place_names[place],
                  error.text);
        return;
    }
    if (packet_parse(LINK_RAW, octets, length, &packet) == PACKET_WHOLE && packet.payload)
        witness(stage, time, packet.payload, packet.payload_length);
}

/* As the operation, while what comes at the attended socket is dealt with. */
static int receive_attending(struct stage *stage, const int *sockets, size_t count, int64_t until,
                             struct datagram *out, struct error *error)
{
    int all[STAGE_SOCKETS + 1];
    if (count)
        memcpy(all, sockets, count * sizeof *all);
    all[count] = stage->attended;
    for (;;) {
        int came = stage->operations->receive(stage->world, all, count + 1, until, out, error);
        if (came <= 0 || out->socket != stage->attended)
            return came;
        if (!out->is_error)
            witness(stage, out->time, out->octets, out->length);
        stage->attending = true;
        stage->attend(stage, out);
        stage->attending = false;
        if (stage->over)
            return 0;
    }
}

bool stage_await(struct stage *stage, const int *sockets, size_t count, int64_t until,
                 struct datagram *out)
{
    struct error error = {{0}};
    if (!stage->over && stage->deadline && stage_now(stage) > stage->deadline)
        stage_end(stage, VERDICT_INCONCLUSIVE,
                  "what came from the peer kept the case going for too long");
    if (stage->over)
        return false;
    int came = stage->attend && !stage->attending
                   ? receive_attending(stage, sockets, count, until, out, &error)
                   : stage->operations->receive(stage->world, sockets, count, until, out, &error);
    if (came < 0)
        stage_end(stage, VERDICT_ERROR, "receiving: %s", error.text);
    if (came <= 0)
        return false;
    if (!out->is_error)
        witness(stage, out->time, out->octets, out->length);
    return true;
}

void stage_keep(struct stage *stage, const struct datagram *datagram)
{
    if (stage_is_probe(datagram))
        return;
    if (stage->kept_count == STAGE_KEPT)
        forget_kept(stage, 0);
    stage->kept[stage->kept_count++] = *datagram;
}

static bool take_kept(struct stage *stage, const int *sockets, size_t count, struct datagram *out)
{
    for (size_t i = 0; i < stage->kept_count; i++)
        for (size_t j = 0; j < count; j++)
            if (stage->kept[i].socket == sockets[j]) {
                *out = stage->kept[i];
                forget_kept(stage, i);
                return true;
            }
    return false;
}

bool stage_receive_any(struct stage *stage, const int *sockets, size_t count, int64_t patience,
                       struct datagram *out)
{
    *out = (struct datagram){0};
    if (stage->over)
        return false;
    if (take_kept(stage, sockets, count, out))
        return true;
    int64_t until = stage_now(stage) + patience;
    while (stage_await(stage, sockets, count, until, out))
        if (!stage_is_probe(out))
            return true;
    return false;
}

bool stage_receive(struct stage *stage, int socket, int64_t patience, struct datagram *out)
{
    return stage_receive_any(stage, &socket, 1, patience, out);
}
