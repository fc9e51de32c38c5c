/* RFC 6887, sections 16 and 17.2: mappings beside the implicit flows of the device, SCTP, and quotas. */
#include "check/stage_raw.h"

#include "wire/octets.h"

#include <string.h>

enum {
    TCP = 6,
    SCTP = 132,
    IPV4_HEADER = 20,
    TCP_HEADER = 20,
    SYN = 0x02,
    QUOTA = 4, /* of the variant with-quota-4 */
    CROWD = 3
};

/* --- beside implicit flows --------------------------------------------------------------------- */

/* Hosts that send from the very port that is the mapping's outside. Where the NAT tells flows apart by their remote
 * peers alone (EDM), a flow may have that port too, and what comes from its peer; nobody else's packets. */
static void flows_of_others_leave_the_mapping(struct stage *stage)
{
    static const enum stage_place crowd[CROWD] = {STAGE_OTHER, STAGE_HOST_SECOND, STAGE_ROUTER};
    char text[ADDRESS_TEXT_SIZE];
    struct address gateway = stage_address(stage, STAGE_GATEWAY);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 41000);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 41000);
    int outside = stage_open(stage, STAGE_REMOTE, 0);
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, outside));
    stage_run(stage, STAGE_ROUTER, "ip route replace default via %s",
              address_format(&gateway, text));
    for (int i = 0; i < CROWD && !stage->over; i++) {
        int other = stage_open(stage, crowd[i], answer_external(&granted).port);
        if (!stage_passes(stage, other, &remote, outside, NULL))
            stage_end(stage, VERDICT_INCONCLUSIVE, "what hosts send does not get out");
    }
    stage_expect_mapped(stage, R6887_16_1_01, &granted, inside);
}

static uint32_t add_words(uint32_t sum, const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += octets_get16(octets + i);
    return sum;
}

/* A SYN, of which the sender's kernel knows nothing: so it answers what comes back by an RST. */
static void send_syn(struct stage *stage, const struct endpoint *from, const struct endpoint *to)
{
    enum { OFFSET_CHECKSUM = IPV4_HEADER + 16, WINDOW = 4096 };
    uint8_t packet[IPV4_HEADER + TCP_HEADER] = {
        [0] = 0x45, [3] = sizeof packet, [8] = 64, [9] = TCP};
    memcpy(packet + 12, from->address.octet + 12, 4);
    memcpy(packet + 16, to->address.octet + 12, 4);
    uint8_t *tcp = packet + IPV4_HEADER;
    octets_put16(tcp, from->port);
    octets_put16(tcp + 2, to->port);
    octets_put32(tcp + 4, (uint32_t)stage_draw(stage));
    tcp[12] = (TCP_HEADER / 4) << 4;
    tcp[13] = SYN;
    octets_put16(tcp + 14, WINDOW);
    uint32_t sum = add_words(TCP + TCP_HEADER, packet + 12, sizeof packet - 12);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    octets_put16(packet + OFFSET_CHECKSUM, (uint16_t)~sum);
    stage_send_packet(stage, STAGE_HOST, packet, sizeof packet);
}

static int open_listener(struct stage *stage, enum stage_place place, uint16_t port)
{
    struct endpoint local = stage_endpoint(stage, place, port);
    return stage_open_kind(stage, SOCKET_TCP_LISTENER, place, &local);
}

static void outbound_flows_end_alone(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 40000);
    wish.message.data.map.protocol = TCP;
    struct answer granted = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&granted);
    struct endpoint host = stage_endpoint(stage, STAGE_HOST, 40000);
    struct endpoint open = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct endpoint closed = stage_endpoint(stage, STAGE_REMOTE, 7001);
    open_listener(stage, STAGE_REMOTE, 7000);
    send_syn(stage, &host, &open);   /* ended by the host's RST */
    send_syn(stage, &host, &closed); /* ended by the remote's */
    int inside = open_listener(stage, STAGE_HOST, 40000);
    for (int i = 0; i < 2; i++) {
        stage_expect(stage, R6887_16_2_01,
                     stage_connects(stage, STAGE_STRANGER, &external, inside, NULL),
                     "a connection comes in through the mapping after outbound ones have ended",
                     "none does, %.0f s after the grant of %u s",
                     stage_peer_seconds(stage, granted.datagram.time, stage_now(stage)),
                     granted.pcp.lifetime);
        stage_pass(stage, 200 * SECOND);
    }
}

/* --- SCTP -------------------------------------------------------------------------------------- */

static void sctp_that_cannot_keep_its_port_is_told_so(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.data.map.protocol = SCTP;
    struct endpoint first = {{{0}}, 0};
    struct answer granted = stage_granted(stage, &wish);
    first = answer_external(&granted);
    struct wish other = stage_map_wish(stage, STAGE_OTHER, 5000);
    other.message.data.map.protocol = SCTP;
    struct answer answer = stage_ask(stage, &other);
    struct endpoint second = answer_external(&answer);
    if (!stage->over &&
        (first.port != 5000 || (answer.pcp.result == PCP_SUCCESS && second.port != 5000)))
        stage_end(stage, VERDICT_INCONCLUSIVE, "this NAT rewrites the ports of SCTP");
    bool elsewhere =
        answer.pcp.result == PCP_SUCCESS && !address_equal(&first.address, &second.address);
    stage_expect(stage, R6887_16_3_3_04,
                 elsewhere || answer.pcp.result == PCP_CANNOT_PROVIDE_EXTERNAL,
                 "CANNOT_PROVIDE_EXTERNAL to a second host with the same SCTP port", "%s",
                 stage_describe(stage, &answer));
}

/* --- quotas ------------------------------------------------------------------------------------ */

static void a_host_has_its_quota(struct stage *stage)
{
    for (unsigned i = 0; i < QUOTA; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        stage_granted(stage, &wish);
    }
    struct wish more = stage_map_wish(stage, STAGE_HOST, 5000 + QUOTA);
    struct answer answer = stage_ask_for(stage, R6887_17_2_01, &more);
    stage_expect(stage, R6887_17_2_01, answer.pcp.result != PCP_SUCCESS,
                 "no fifth mapping, where a host may have four", "%s",
                 stage_describe(stage, &answer));
    struct wish others = stage_map_wish(stage, STAGE_OTHER, 5000);
    answer = stage_ask_for(stage, R6887_17_2_01, &others);
    stage_expect_result(stage, R6887_17_2_01, &answer, PCP_SUCCESS);
}

static const struct test_case cases[] = {
    {.id = "gateway.16.1.flows-of-others-leave-the-mapping",
     .sentence = "Implicit flows of other hosts do not take what comes in for a mapping.",
     .requirements = JUDGES(R6887_16_1_01),
     .run = flows_of_others_leave_the_mapping,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.16.2.outbound-flows-end-alone",
     .sentence = "The end of an outbound flow leaves a MAP mapping on the same port alone.",
     .requirements = JUDGES(R6887_16_2_01),
     .run = outbound_flows_end_alone,
     .seconds = 400},
    {.id = "gateway.16.3.3.sctp-that-cannot-keep-its-port-is-told-so",
     .sentence = "An SCTP port that another host has draws CANNOT_PROVIDE_EXTERNAL.",
     .requirements = JUDGES(R6887_16_3_3_04),
     .run = sctp_that_cannot_keep_its_port_is_told_so,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-sctp"},
    {.id = "gateway.17.2.a-host-has-its-quota",
     .sentence = "Each host has a quota of mappings, which is its own.",
     .requirements = JUDGES(R6887_17_2_01),
     .run = a_host_has_its_quota,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-quota-4"},
};

static const struct defect defects[] = {
    {.name = "lets-flows-take-mapped-ports",
     .text = "sends what comes in at a port to whichever host sent from its number last",
     .requirements = JUDGES(R6887_16_1_01)},
    {.name = "ends-mappings-with-outbound-flows",
     .text = "lets no connection in at a port once an outbound one from it has ended",
     .requirements = JUDGES(R6887_16_2_01)},
    {.name = "calls-sctp-ports-lack-of-resources",
     .text = "says NO_RESOURCES where an SCTP port can't be kept",
     .requirements = JUDGES(R6887_16_3_3_04)},
    {.name = "limits-no-host",
     .text = "lets a host have as many mappings as there is room for",
     .requirements = JUDGES(R6887_17_2_01)},
    {.name = "has-one-quota-for-all",
     .text = "counts the mappings of all hosts against each",
     .requirements = JUDGES(R6887_17_2_01)},
};

CASE_FILE(gateway_16_devices, CASE_GATEWAY, cases, defects);
