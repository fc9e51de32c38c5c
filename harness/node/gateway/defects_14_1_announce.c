/* Defects in announcements, and in how ANNOUNCE is answered, RFC 6887 sections 14 and 14.1. */
#include "node/gateway/defect.h"

#include "node/common/clock.h"
#include "node/gateway/config.h"
#include "wire/octets.h"

#include <string.h>

enum { OFFSET_RESULT = 3, OFFSET_LIFETIME = 4, OFFSET_EPOCH = 8, COPIES = 10, LIFETIME = 120 };

static bool is_announcement(const struct pcp_server_event *event)
{
    return event->kind == PCP_SERVER_ANNOUNCE && !event->nat_pmp;
}

static bool is_announce(const uint8_t *octets, size_t length, struct pcp_message *message)
{
    return defect_read(octets, length, message) && message->opcode == PCP_ANNOUNCE;
}

enum group { ALL_HOSTS = 1, ALL_ROUTERS = 2 }; /* their addresses end so, in both families */

/* Sends an announcement out of one interface in each family, from an address that the kernel picks. */
static void announce_by(const char *interface, uint16_t from_port, enum group group,
                        const struct pcp_server_event *event)
{
    const uint8_t ipv4[4] = {224, 0, 0, (uint8_t)group};
    const uint8_t ipv6[16] = {0xff, 0x02, [15] = (uint8_t)group};
    const struct address groups[] = {address_from_ipv4(ipv4), address_from_ipv6(ipv6)};
    for (size_t i = 0; i < 2; i++)
        defect_send(interface, NULL, from_port, &groups[i], PCP_CLIENT_PORT, event->octets,
                    event->length);
}

static bool ignore_the_new_address(struct defect *defect, const struct address *external)
{
    (void)defect;
    (void)external;
    return false;
}

static void send_no_updates(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.mapping_updates = false;
}

static void say_the_uptime(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (octets[0] == PCP_VERSION && *length >= PCP_HEADER_LENGTH)
        octets_put32(octets + OFFSET_EPOCH, (uint32_t)(clock_milliseconds() / 1000));
}

/* number[0]: what the epoch has lost so far. */
static bool count_what_is_lost(struct defect *defect, const struct address *external)
{
    if (!address_is_any(external))
        defect->number[0] += pcp_server_epoch(defect->server, clock_milliseconds());
    return true;
}

static void add_what_was_lost(struct defect *defect, uint8_t *octets, size_t *length)
{
    if (octets[0] == PCP_VERSION && *length >= PCP_HEADER_LENGTH)
        octets_put32(octets + OFFSET_EPOCH,
                     octets_get32(octets + OFFSET_EPOCH) + (uint32_t)defect->number[0]);
}

static void refuse_options(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (is_announce(exchange->came.octets, exchange->came.length, &request) &&
        request.options_length)
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

static void refuse_lifetimes(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (is_announce(exchange->came.octets, exchange->came.length, &request) && request.lifetime)
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

static void give_a_lifetime(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_announce(octets, *length, &response) && response.result == PCP_SUCCESS)
        octets_put32(octets + OFFSET_LIFETIME, LIFETIME);
}

static void drop_announce(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_announce(exchange->came.octets, exchange->came.length, &request))
        exchange->input->length = 0;
}

static void believe_the_source(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_announce(exchange->came.octets, exchange->came.length, &request))
        memcpy(exchange->octets + 8, exchange->came.source.octet, sizeof(struct address));
}

static void forget_the_host(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (is_announce(exchange->came.octets, exchange->came.length, &request))
        pcp_server_forget(defect->server, &exchange->came.source, defect->now);
}

static void start_over(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (is_announce(exchange->came.octets, exchange->came.length, &request))
        pcp_server_reset_epoch(defect->server, defect->now);
}

static bool announce_nothing(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    return event->kind != PCP_SERVER_ANNOUNCE;
}

static bool announce_outside_too(struct defect *defect, struct pcp_server_event *event)
{
    if (is_announcement(event))
        announce_by(defect->config->outside, PCP_SERVER_PORT, ALL_HOSTS, event);
    return true;
}

static bool announce_over_ipv4(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    event->nat_pmp = event->nat_pmp || event->kind == PCP_SERVER_ANNOUNCE;
    return true;
}

static bool announce_to_routers(struct defect *defect, struct pcp_server_event *event)
{
    if (!is_announcement(event))
        return true;
    announce_by(defect->config->inside[0], PCP_SERVER_PORT, ALL_ROUTERS, event);
    return false;
}

static bool announce_from_another_port(struct defect *defect, struct pcp_server_event *event)
{
    if (!is_announcement(event))
        return true;
    announce_by(defect->config->inside[0], 0, ALL_HOSTS, event);
    return false;
}

/* To ff02::1 the kernel itself picks the link-local address. */
static bool announce_from_link_local(struct defect *defect, struct pcp_server_event *event)
{
    if (!is_announcement(event))
        return true;
    announce_by(defect->config->inside[0], PCP_SERVER_PORT, ALL_HOSTS, event);
    return false;
}

static bool announce_an_error(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    if (is_announcement(event))
        event->octets[OFFSET_RESULT] = PCP_NO_RESOURCES;
    return true;
}

static bool announce_in_a_hurry(struct defect *defect, struct pcp_server_event *event)
{
    if (is_announcement(event))
        defect_hold(defect, event, 100);
    return true;
}

static bool announce_without_end(struct defect *defect, struct pcp_server_event *event)
{
    enum { MORE = 4, GAP = 20000 };
    if (is_announcement(event) && ++defect->number[0] % COPIES == 0)
        for (uint64_t i = 1; i <= MORE; i++)
            defect_hold(defect, event, i * GAP);
    return true;
}

/* number[0]: the epoch of the first copy, and one. */
static bool freeze_the_epoch(struct defect *defect, struct pcp_server_event *event)
{
    if (!is_announcement(event))
        return true;
    if (defect->number[0] == 0)
        defect->number[0] = octets_get32(event->octets + OFFSET_EPOCH) + UINT64_C(1);
    octets_put32(event->octets + OFFSET_EPOCH, (uint32_t)(defect->number[0] - 1));
    return true;
}

const struct defect_hooks defects_14_1_announce[] = {
    {.name = "tells-of-no-new-address", .renumber = ignore_the_new_address},
    {.name = "sends-no-mapping-updates", .configure = send_no_updates},
    {.name = "counts-the-epoch-from-boot", .message = say_the_uptime},
    {.name = "keeps-its-epoch-on-a-new-address",
     .renumber = count_what_is_lost,
     .message = add_what_was_lost},
    {.name = "chokes-on-options-in-announce", .answer = refuse_options},
    {.name = "minds-the-lifetime-of-announce", .answer = refuse_lifetimes},
    {.name = "announces-with-a-lifetime", .message = give_a_lifetime},
    {.name = "answers-no-announce", .request = drop_announce},
    {.name = "answers-anyones-announce", .request = believe_the_source},
    {.name = "ends-mappings-on-announce", .request = forget_the_host},
    {.name = "starts-its-epoch-over-on-announce", .request = start_over},
    {.name = "announces-nothing", .event = announce_nothing},
    {.name = "announces-outside-too", .event = announce_outside_too},
    {.name = "announces-over-ipv4-alone", .event = announce_over_ipv4},
    {.name = "announces-to-all-routers", .event = announce_to_routers},
    {.name = "announces-from-a-port-of-its-own", .event = announce_from_another_port},
    {.name = "announces-from-link-local", .event = announce_from_link_local},
    {.name = "announces-with-an-error", .event = announce_an_error},
    {.name = "announces-in-a-hurry", .event = announce_in_a_hurry},
    {.name = "announces-without-end", .event = announce_without_end},
    {.name = "announces-with-a-frozen-epoch", .event = freeze_the_epoch},
    {.name = NULL},
};
