#include "node/common/coap_rehandshake.h"

#include "node/common/coap_port.h"
#include "wire/dtls.h"
#include "wire/octets.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum {
    HEAD_SIZE = DTLS_HEADER_LENGTH + 1, /* and the type of a handshake's message */
    CONTROL_SIZE = 128,
    PATIENCE = 5 /* s */
};

/* --- a ClientHello ---------------------------------------------------------------------------- */

struct hello {
    coap_address_t client;
    int interface;
};

static bool is_client_hello(const uint8_t *octets, size_t length)
{
    return length >= HEAD_SIZE && octets[0] == DTLS_HANDSHAKE && octets_get16(octets + 3) == 0 &&
           octets[DTLS_HEADER_LENGTH] == DTLS_CLIENT_HELLO;
}

static int interface_of(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            return (int)info.ipi6_ifindex;
        }
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            return info.ipi_ifindex;
        }
    }
    return 0;
}

/* Looks at the next datagram, which stays; true if it is a ClientHello. */
static bool peek(int handle, struct hello *out)
{
    uint8_t head[HEAD_SIZE];
    uint8_t control[CONTROL_SIZE] __attribute__((aligned(8)));
    struct iovec vector = {head, sizeof head};
    coap_address_init(&out->client);
    struct msghdr message = {.msg_name = &out->client.addr,
                             .msg_namelen = sizeof out->client.addr,
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t length = recvmsg(handle, &message, MSG_PEEK | MSG_DONTWAIT);
    if (length < 0 || !is_client_hello(head, (size_t)length))
        return false;
    out->client.size = message.msg_namelen;
    out->interface = interface_of(&message);
    return true;
}

/* --- is the old session alive? ---------------------------------------------------------------- */

static void on_answer(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    (void)session;
    struct rehandshake_probe *probe = context;
    if (answer->code || strcmp(answer->why, "reset") == 0)
        probe->question = 0; /* it is alive */
    else
        probe->since = 0; /* it is over */
}

static void end_probe(struct rehandshake_probe *probe)
{
    coap_session_release(probe->session);
    *probe = (struct rehandshake_probe){0};
}

/* Any answer will do. */
static void begin_probe(struct coap_rehandshake *rehandshake, coap_session_t *session)
{
    static const struct coap_question anything = {.method = COAP_REQUEST_CODE_GET,
                                                  .path = "",
                                                  .content_format = COAP_NO_FORMAT,
                                                  .accept = COAP_NO_FORMAT};
    struct rehandshake_probe *free_one = NULL;
    for (size_t i = 0; i < REHANDSHAKES; i++) {
        struct rehandshake_probe *probe = &rehandshake->probes[i];
        if (probe->session == session)
            return;
        if (!probe->session)
            free_one = probe;
    }
    struct coap_asker *asker = coap_get_app_data(rehandshake->context);
    if (!asker || !free_one)
        return;
    free_one->question = coap_asker_send(asker, session, &anything, on_answer, free_one, NULL);
    if (!free_one->question)
        return;
    free_one->session = coap_session_reference(session);
    coap_ticks(&free_one->since);
    rehandshake->active++;
}

static void end_session(coap_context_t *context, coap_session_t *session)
{
    coap_handle_event(context, COAP_EVENT_DTLS_CLOSED, session);
    coap_session_disconnected(session, COAP_NACK_TLS_FAILED);
}

/* Ends the sessions over which nothing came back. */
static void end_probes(struct coap_rehandshake *rehandshake)
{
    coap_tick_t now;
    coap_ticks(&now);
    for (size_t i = 0; i < REHANDSHAKES; i++) {
        struct rehandshake_probe *probe = &rehandshake->probes[i];
        if (!probe->session || now < probe->since + (coap_tick_t)PATIENCE * COAP_TICKS_PER_SECOND)
            continue;
        struct coap_asker *asker = coap_get_app_data(rehandshake->context);
        bool is_dead = probe->question != 0;
        if (is_dead && asker)
            coap_asker_forget(asker, probe->question);
        if (is_dead)
            end_session(rehandshake->context, probe->session);
        end_probe(probe);
        rehandshake->active--;
    }
    coap_io_prepare_epoll(rehandshake->context, now); /* they are freed */
}

/* --- the work --------------------------------------------------------------------------------- */

/* Returns true if the datagram was taken, so that another is the next. */
static bool take(struct coap_rehandshake *rehandshake, const struct hello *hello)
{
    coap_session_t *session =
        coap_session_get_by_peer(rehandshake->context, &hello->client, hello->interface);
    if (!session || coap_session_get_proto(session) != COAP_PROTO_DTLS ||
        coap_session_get_state(session) != COAP_SESSION_STATE_ESTABLISHED)
        return false;
    uint8_t octet;
    recv(rehandshake->handle, &octet, sizeof octet, MSG_DONTWAIT);
    begin_probe(rehandshake, session);
    return true;
}

void coap_rehandshake_work(struct coap_rehandshake *rehandshake)
{
    struct hello hello;
    if (rehandshake->active)
        end_probes(rehandshake);
    while (rehandshake->handle >= 0 && peek(rehandshake->handle, &hello) &&
           take(rehandshake, &hello))
        ;
}

void coap_rehandshake_open(struct coap_rehandshake *rehandshake, coap_context_t *context,
                           uint16_t port)
{
    struct place place;
    *rehandshake =
        (struct coap_rehandshake){.context = context, .handle = coap_port_handle(-1, port, &place)};
}
