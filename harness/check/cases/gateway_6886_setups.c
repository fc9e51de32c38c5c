/* RFC 6886, sections 3.7, 3.8, 4.3.2 and 5: gateways that are set up in other ways. */
#include "check/stage_natpmp.h"
#include "check/stage_raw.h"
#include "check/stage_recovery.h"

#include <string.h>

enum { WAIT = 240, SLACK = 2 };

/* --- 3.7 --------------------------------------------------------------------------------------- */

/* A mapping that is gone and an epoch that goes on leave its client in the dark. */
static void mappings_may_outlive_a_restart(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000), address = natpmp_address_wish();
    request.lifetime = 36000;
    stage_pass(stage, WAIT * SECOND);
    struct natpmp_answer answer = stage_natpmp_granted(stage, STAGE_HOST, &request);
    struct endpoint external = stage_natpmp_external(stage, &answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int64_t begun = stage_now(stage);
    stage_restart(stage);
    struct natpmp_answer after = stage_natpmp_ask(stage, R6886_3_7_01, STAGE_HOST, &address);
    double passed = stage_peer_seconds(stage, begun, after.datagram.time);
    bool lost = stage_is_blocked(stage, stage_open(stage, STAGE_REMOTE, 0), &external, inside);
    stage_expect(stage, R6886_3_7_01, !lost || after.natpmp.epoch <= passed + SLACK,
                 "that mapping and epoch go on, or end both", "the mapping is gone, the epoch %u",
                 after.natpmp.epoch);
}

/* --- 3.8 and 5 --------------------------------------------------------------------------------- */

/* By NAT-PMP, that is; a server of PCP may say that it lacks the version. */
static void expect_no_part(struct stage *stage, enum requirement_id requirement, int socket)
{
    const struct natpmp_message requests[] = {natpmp_address_wish(), natpmp_map_wish(5000)};
    struct endpoint server = stage_server(stage, STAGE_HOST);
    struct wish fence = stage_announce_wish(stage, STAGE_HOST);
    for (size_t i = 0; i < sizeof requests / sizeof *requests && !stage->over; i++) {
        uint8_t octets[NATPMP_MAP_RESPONSE_LENGTH];
        struct datagram datagram;
        size_t length = natpmp_encode(&requests[i], octets, sizeof octets);
        int asking = stage_open(stage, STAGE_HOST, 0);
        for (int times = 0; times < 3; times++)
            stage_send(stage, asking, &server, octets, length);
        uint8_t announce[PCP_MAXIMUM_LENGTH];
        size_t announce_length = wish_encode(&fence, announce, sizeof announce);
        (void)stage_exchange(stage, STAGE_HOST, -1, announce, announce_length);
        while (stage_receive(stage, asking, 50 * MILLISECOND, &datagram))
            stage_expect(stage, requirement,
                         datagram.is_error || datagram.length == 0 ||
                             datagram.octets[0] != NATPMP_VERSION,
                         "no answer of NAT-PMP", "one of %zu octets", datagram.length);
        stage_close(stage, asking);
    }
    struct datagram announcement;
    while (stage_receive(stage, socket, 0, &announcement))
        stage_expect(stage, requirement,
                     announcement.length == 0 || announcement.octets[0] != NATPMP_VERSION,
                     "no announcement of NAT-PMP", "one came");
}

static int listen_and_start(struct stage *stage)
{
    int socket = stage_listen(stage, STAGE_HOST);
    stage_start(stage);
    return socket;
}

static void who_is_no_nat_takes_no_part(struct stage *stage)
{
    int socket = listen_and_start(stage);
    stage_pass(stage, 60 * SECOND); /* in which announcements would come */
    expect_no_part(stage, R6886_3_8_01, socket);
}

static void who_is_no_nat_says_so(struct stage *stage)
{
    enum { PORT_UNREACHABLE = 3, TRIES = 5 };
    struct natpmp_message address = natpmp_address_wish();
    struct endpoint server = stage_server(stage, STAGE_HOST);
    uint8_t octets[NATPMP_ADDRESS_REQUEST_LENGTH];
    struct datagram datagram = {0};
    size_t length = natpmp_encode(&address, octets, sizeof octets);
    int socket = stage_open(stage, STAGE_HOST, 0);
    bool told = false;
    for (int i = 0; i < TRIES && !told && !stage->over; i++) {
        stage_send(stage, socket, &server, octets, length);
        bool came = stage_receive(stage, socket, 500 * MILLISECOND, &datagram);
        bool refused = came && datagram.is_error && datagram.icmp_type == 3 &&
                       datagram.icmp_code == PORT_UNREACHABLE;
        bool unsupported = came && !datagram.is_error && datagram.length >= 4 &&
                           datagram.octets[OFFSET_VERSION] == PCP_VERSION &&
                           datagram.octets[OFFSET_RESULT] == PCP_UNSUPP_VERSION;
        told = refused || unsupported;
    }
    stage_expect(stage, R6886_3_8_02, told,
                 "ICMP port unreachable or, where PCP is served, UNSUPP_VERSION", "neither came");
}

static void nat_pmp_can_be_switched_off(struct stage *stage)
{
    int socket = listen_and_start(stage);
    stage_pass(stage, 60 * SECOND);
    expect_no_part(stage, R6886_5_01, socket);
}

/* --- 4.3.2 ------------------------------------------------------------------------------------- */

static void one_of_several_addresses_is_shown(struct stage *stage)
{
    static const enum stage_place clients[] = {STAGE_HOST, STAGE_OTHER};
    struct natpmp_message wish = natpmp_address_wish();
    stage_run(stage, STAGE_GATEWAY, "ip address add 11.0.0.4/24 dev eth1");
    struct natpmp_answer first = stage_natpmp_granted(stage, STAGE_HOST, &wish);
    struct address shown = address_from_ipv4(first.natpmp.external_address);
    for (uint16_t i = 0; i < 4 * sizeof clients / sizeof *clients && !stage->over; i++) {
        enum stage_place client = clients[i % 2];
        struct natpmp_answer again = stage_natpmp_ask(stage, R6886_4_3_2_01, client, &wish);
        stage_expect(stage, R6886_4_3_2_01,
                     memcmp(again.natpmp.external_address, first.natpmp.external_address, 4) == 0,
                     "the address that was told before", "%s, and before %s",
                     stage_natpmp_describe(stage, &again), stage_natpmp_describe(stage, &first));
        struct natpmp_message map = natpmp_map_wish((uint16_t)(5000 + i));
        struct natpmp_answer answer = stage_natpmp_granted(stage, client, &map);
        struct endpoint external = {shown, answer.natpmp.external_port};
        stage_expect_passes(stage, R6886_4_3_2_01, stage_open(stage, STAGE_REMOTE, 0), &external,
                            stage_open(stage, client, (uint16_t)(5000 + i)), NULL);
    }
}

static const struct test_case cases[] = {
    {.id = "gateway.6886.3.7.mappings-may-outlive-a-restart",
     .sentence = "The gateway may remember its mappings over a restart.",
     .requirements = JUDGES(R6886_3_7_01),
     .run = mappings_may_outlive_a_restart,
     .traits = CASE_NAT_PMP,
     .variant = "with-state",
     .seconds = WAIT},
    {.id = "gateway.6886.3.8.who-is-no-nat-takes-no-part",
     .sentence = "A device that is no NAT now neither answers NAT-PMP nor announces by it.",
     .requirements = JUDGES(R6886_3_8_01),
     .run = who_is_no_nat_takes_no_part,
     .traits = CASE_UNSTARTED,
     .variant = "without-nat",
     .seconds = 60},
    {.id = "gateway.6886.3.8.who-is-no-nat-says-so",
     .sentence = "A device that is no NAT now tells at once that it speaks no NAT-PMP.",
     .requirements = JUDGES(R6886_3_8_02),
     .run = who_is_no_nat_says_so,
     .variant = "without-nat"},
    {.id = "gateway.6886.4.3.2.one-of-several-addresses-is-shown",
     .sentence = "A gateway with several external addresses acts as if one were its only one.",
     .requirements = JUDGES(R6886_4_3_2_01),
     .run = one_of_several_addresses_is_shown,
     .traits = CASE_NAT_PMP | CASE_NEIGHBOURS,
     .variant = "with-address-pool"},
    {.id = "gateway.6886.5.nat-pmp-can-be-switched-off",
     .sentence = "An administrator can switch NAT-PMP off.",
     .requirements = JUDGES(R6886_5_01),
     .run = nat_pmp_can_be_switched_off,
     .traits = CASE_UNSTARTED,
     .variant = "without-nat-pmp",
     .seconds = 60},
};

static const struct defect defects[] = {
    {.name = "forgets-what-it-stored",
     .text = "keeps its epoch over a restart, and ends the mappings that it has kept",
     .requirements = JUDGES(R6886_3_7_01)},
    {.name = "speaks-nat-pmp-without-nat",
     .text = "answers NAT-PMP though it translates nothing",
     .requirements = JUDGES(R6886_3_8_01)},
    {.name = "is-silent-to-nat-pmp",
     .text = "is silent to version 0 where it doesn't speak that",
     .requirements = JUDGES(R6886_3_8_02)},
    {.name = "nat-pmp-shows-all-addresses",
     .text = "tells of another of its external addresses each time",
     .requirements = JUDGES(R6886_4_3_2_01)},
    {.name = "speaks-nat-pmp-anyhow",
     .text = "speaks NAT-PMP though it is switched off",
     .requirements = JUDGES(R6886_5_01)},
};

CASE_FILE(gateway_6886_setups, CASE_GATEWAY, cases, defects);
