/* Defects of a client of NAT-PMP: RFC 6886. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "node/common/clock.h"
#include "wire/natpmp.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OPCODE_AT = 1,
    RESERVED_AT = 2,
    RESULT_AT = 2,
    PORT_AT = 4,
    SUGGESTION_AT = 6,
    LIFETIME_AT = 8,
    MORE = 4,
    AN_HOUR = 3600,
    QUARTER = 250, /* ms */
    ATTEMPTS = 5,  /* counted no further */
    SOME_PORT = 40000
};

static bool is_natpmp(const struct defect_datagram *datagram)
{
    return datagram->length > 0 && datagram->octets[0] == NATPMP_VERSION;
}

static bool is_map_request(const struct defect_datagram *datagram)
{
    return is_natpmp(datagram) && datagram->length == NATPMP_MAP_REQUEST_LENGTH;
}

static bool is_renewal(const struct defect_datagram *datagram)
{
    return is_map_request(datagram) && octets_get32(datagram->octets + LIFETIME_AT) > 0 &&
           octets_get16(datagram->octets + SUGGESTION_AT) > 0;
}

static bool is_delete(const struct defect_datagram *datagram)
{
    return is_map_request(datagram) && octets_get32(datagram->octets + LIFETIME_AT) == 0;
}

static uint32_t clock_now(void)
{
    return (uint32_t)clock_milliseconds();
}

static void drop_natpmp(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_natpmp(datagram) && defect->endpoint->client.version == PCP_VERSION)
        datagram->length = 0;
}

/* octets: the last request of PCP */
static void write_pcp_as_0(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->is_pcp) {
        memcpy(defect->octets, datagram->octets, datagram->length);
        defect->length = datagram->length;
    } else if (defect->length) {
        memcpy(datagram->octets, defect->octets, defect->length);
        datagram->octets[0] = NATPMP_VERSION;
        datagram->length = defect->length;
    }
}

static void pad(struct defect *defect, struct defect_datagram *datagram)
{
    static const uint8_t zeros[MORE];
    (void)defect;
    if (is_natpmp(datagram))
        defect_append(datagram, zeros, sizeof zeros);
}

static void renew_nothing(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_renewal(datagram))
        datagram->length = 0;
}

static void speak_from_anywhere(struct defect *defect, struct defect_datagram *datagram)
{
    struct natpmp_message message;
    struct pcp_client *client = &defect->endpoint->client;
    (void)natpmp_decode(datagram->octets, datagram->length, &message);
    if (!is_natpmp(datagram) || client->version != PCP_VERSION ||
        message.result != NATPMP_UNSUPPORTED_VERSION)
        return;
    pcp_client_speak(client, NATPMP_VERSION, clock_now());
    datagram->length = 0;
}

static void ask_another(struct defect *defect, struct defect_datagram *datagram)
{
    const struct place router = defect->endpoint->peer;
    if (!is_natpmp(datagram))
        return;
    (void)address_parse("192.168.1.2", &defect->endpoint->peer.address);
    pcp_endpoint_send(defect->endpoint, datagram->octets, datagram->length);
    defect->endpoint->peer = router;
    datagram->length = 0;
}

static void ask_all(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_client *client = &defect->endpoint->client;
    if (!is_map_request(datagram) || is_delete(datagram))
        return;
    for (unsigned i = 0; i < client->mapping_count; i++) {
        uint8_t octets[NATPMP_MAP_REQUEST_LENGTH];
        const struct pcp_mapping *mapping = &client->mappings[i];
        bool tcp = mapping->data.map.protocol == 6;
        if (mapping->data.map.internal_port == octets_get16(datagram->octets + PORT_AT))
            continue;
        memcpy(octets, datagram->octets, sizeof octets);
        octets[OPCODE_AT] = tcp ? NATPMP_MAP_TCP : NATPMP_MAP_UDP;
        octets_put16(octets + PORT_AT, mapping->data.map.internal_port);
        pcp_endpoint_send(defect->endpoint, octets, sizeof octets);
    }
}

static void ask_for_udp_alone(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_map_request(datagram) && datagram->octets[OPCODE_AT] == NATPMP_MAP_TCP)
        datagram->length = 0;
}

static void repeat_soon(struct defect *defect, struct defect_datagram *datagram)
{
    struct pcp_client *client = &defect->endpoint->client;
    if (!is_natpmp(datagram))
        return;
    client->natpmp.due = clock_now() + QUARTER;
    if (client->natpmp.asking)
        client->natpmp.asking->due = clock_now() + QUARTER;
}

static void count_no_further(struct defect *defect, uint32_t now)
{
    struct pcp_client *client = &defect->endpoint->client;
    (void)now;
    if (client->natpmp.sends > ATTEMPTS)
        client->natpmp.sends = ATTEMPTS;
}

static bool leave_at_once(struct defect *defect)
{
    (void)defect;
    return false;
}

static void delete_all(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_delete(datagram))
        octets_put16(datagram->octets + PORT_AT, 0);
}

static void suggest_in_delete(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_delete(datagram))
        octets_put16(datagram->octets + SUGGESTION_AT, SOME_PORT);
}

static void believe_failure(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_natpmp(datagram) && datagram->length == NATPMP_ADDRESS_RESPONSE_LENGTH)
        octets_put16(datagram->octets + RESULT_AT, NATPMP_SUCCESS);
}

static void set_reserved(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_map_request(datagram))
        octets_put16(datagram->octets + RESERVED_AT, 1);
}

static void ask_for_an_hour(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_map_request(datagram) && !is_delete(datagram))
        octets_put32(datagram->octets + LIFETIME_AT, AN_HOUR);
}

static void suggest_nothing(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_renewal(datagram))
        octets_put16(datagram->octets + SUGGESTION_AT, 0);
}

static void take_unknown_result(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_natpmp(datagram) && datagram->length == NATPMP_MAP_RESPONSE_LENGTH &&
        octets_get16(datagram->octets + RESULT_AT) > NATPMP_UNSUPPORTED_OPCODE)
        octets_put16(datagram->octets + RESULT_AT, NATPMP_SUCCESS);
}

const struct defect_hooks defects_6886_client[] = {
    {.name = "hears-no-nat-pmp-in-pcp", .answer = drop_natpmp},
    {.name = "asks-pcp-in-version-0", .request = write_pcp_as_0},
    {.name = "pads-its-nat-pmp-requests", .request = pad},
    {.name = "renews-nothing-by-nat-pmp", .request = renew_nothing},
    {.name = "speaks-nat-pmp-from-anywhere", .answer = speak_from_anywhere},
    {.name = "asks-another-router-by-nat-pmp",
     .request = ask_another,
     .tap = {.hears_anyone = true}},
    {.name = "asks-by-nat-pmp-all-at-once", .request = ask_all},
    {.name = "asks-by-nat-pmp-for-one-port", .request = ask_for_udp_alone},
    {.name = "repeats-nat-pmp-every-250-ms", .request = repeat_soon},
    {.name = "asks-by-nat-pmp-for-ever", .turn = count_no_further},
    {.name = "leaves-without-a-word", .leave = leave_at_once},
    {.name = "deletes-all-by-nat-pmp", .request = delete_all},
    {.name = "suggests-a-port-in-nat-pmp-deletes", .request = suggest_in_delete},
    {.name = "believes-addresses-of-failures", .answer = believe_failure},
    {.name = "sets-reserved-bits-of-nat-pmp", .request = set_reserved},
    {.name = "asks-by-nat-pmp-for-an-hour", .request = ask_for_an_hour},
    {.name = "suggests-nothing-in-nat-pmp-renewals", .request = suggest_nothing},
    {.name = "takes-unknown-nat-pmp-results", .answer = take_unknown_result},
    {.name = NULL},
};
