/* RFC 6887, section 14.2: Mapping Updates, which tell a client what has become of its mappings when the external
 * address is another. That none come at all is for gateway.14.a-new-address-is-told. */
#include "check/stage_raw.h"
#include "check/stage_recovery.h"

#include <math.h>
#include <string.h>

enum { COPIES = 3, EPOCH_SLACK = 10, TRIES = 3 };

static const double gaps[COPIES] = {0, 0.250, 0.500}; /* seconds, at least */
static const double tolerance = 0.010;                /* by which a gap may shrink on its way */

/* --- a client that is renumbered --------------------------------------------------------------- */

/* A MAP whose answers, and updates, come to a socket of its own. */
static struct wish wish_with_ears(struct stage *stage, enum stage_place from)
{
    struct wish wish = stage_map_wish(stage, from, 5000);
    wish.socket = stage_open(stage, from, 0);
    return wish;
}

static struct answer hear_update(struct stage *stage, const struct wish *wish)
{
    struct answer update = stage_hear(stage, &wish->socket, 1, wish->message.opcode);
    if (!stage->over && !update.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no Mapping Update came in 5 s");
    return update;
}

/* The first update of what was granted, for a new address that is told. */
static struct answer hear_renumbered(struct stage *stage, const struct wish *wish,
                                     struct address *now)
{
    struct address address = stage_renumber(stage, 0);
    if (now)
        *now = address;
    return hear_update(stage, wish);
}

/* --- what it says, and does -------------------------------------------------------------------- */

static void mappings_move_along(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address now;
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct answer update = hear_renumbered(stage, &wish, &now);
    const struct address *external = &update.pcp.data.map.external_address;
    stage_expect(stage, R6887_14_2_10,
                 update.pcp.result == PCP_SUCCESS && address_equal(external, &now),
                 "a mapping at the new external address", "%s, at %s",
                 stage_describe(stage, &update), address_format(external, text));
    stage_expect_mapped(stage, R6887_14_2_10, &update, inside);
}

/* What the host sends leaves from where the update says. */
static void peers_move_along(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address now;
    struct datagram arrival;
    int outside = stage_open(stage, STAGE_REMOTE, 0);
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, outside));
    struct wish wish = stage_peer_wish(stage, STAGE_HOST, 5000, &remote);
    wish.socket = stage_open(stage, STAGE_HOST, 0);
    stage_granted(stage, &wish);
    struct answer update = hear_renumbered(stage, &wish, &now);
    struct endpoint external = answer_external(&update);
    stage_expect(stage, R6887_14_2_10,
                 update.pcp.result == PCP_SUCCESS && address_equal(&external.address, &now),
                 "a PEER mapping at the new external address", "%s, at %s",
                 stage_describe(stage, &update), address_format(&external.address, text));
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_passes(stage, R6887_14_2_10, inside, &remote, outside, &arrival);
    stage_expect(stage, R6887_14_2_10,
                 address_equal(&arrival.from.address, &external.address) &&
                     arrival.from.port == external.port,
                 "outbound packets from the external endpoint that the update says",
                 "they come from %s port %u, and it says port %u",
                 address_format(&arrival.from.address, text), arrival.from.port, external.port);
}

static void an_update_looks_like_a_response(struct stage *stage)
{
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    struct answer granted = stage_granted(stage, &wish);
    struct answer update = hear_renumbered(stage, &wish, NULL);
    const struct datagram *one = &granted.datagram;
    const struct datagram *other = &update.datagram;
    stage_expect(stage, R6887_14_2_11,
                 update.fault == PCP_FAULT_NONE && other->length == one->length &&
                     update.pcp.result == PCP_SUCCESS,
                 "an update with all that the response had, SUCCESS too", "%zu octets for %zu: %s",
                 other->length, one->length, stage_describe(stage, &update));
    stage_expect(stage, R6887_14_2_11,
                 address_equal(&other->from.address, &one->from.address) &&
                     other->from.port == one->from.port,
                 "an update from where the response came from", "it comes from port %u",
                 other->from.port);
    const struct pcp_map *map = &update.pcp.data.map;
    const struct pcp_map *asked = &wish.message.data.map;
    stage_expect(stage, R6887_14_2_11,
                 memcmp(map->nonce, asked->nonce, sizeof map->nonce) == 0 &&
                     map->protocol == asked->protocol && map->internal_port == asked->internal_port,
                 "nonce, protocol and internal port of the mapping", "%s",
                 stage_describe(stage, &update));
    stage_expect_number(stage, R6887_14_2_11, "the lifetime in the update", update.pcp.lifetime, 1,
                        granted.pcp.lifetime);
}

static void an_update_goes_where_the_last_response_went(struct stage *stage)
{
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    stage_granted(stage, &wish);
    int first = wish.socket;
    wish.socket = stage_open(stage, STAGE_HOST, 0);
    stage_granted(stage, &wish);
    stage_renumber(stage, 0);
    int sockets[] = {first, wish.socket};
    struct answer update = stage_hear(stage, sockets, 2, PCP_MAP);
    if (!stage->over && !update.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no Mapping Update came in 5 s");
    stage_expect(stage, R6887_14_2_07, update.datagram.socket == wish.socket,
                 "an update to the port from which the mapping was renewed",
                 "it goes to the port from which the mapping was made");
}

static void third_party_is_repeated(struct stage *stage)
{
    struct pcp_option option;
    struct address host = stage_address(stage, STAGE_HOST);
    struct address named;
    struct wish wish = wish_with_ears(stage, STAGE_OTHER);
    wish_add_third_party(&wish, &host);
    stage_granted(stage, &wish);
    struct answer update = hear_renumbered(stage, &wish, NULL);
    bool found = answer_option(&update, PCP_THIRD_PARTY, &option) &&
                 pcp_option_third_party(&option, &named) == PCP_FAULT_NONE;
    stage_expect(stage, R6887_14_2_01, found && address_equal(&named, &host),
                 "an update with THIRD_PARTY, which names the host", "%s",
                 stage_describe(stage, &update));
}

/* What it insists on is the place that it was given by itself, so that any server can grant it. */
static void an_insistent_mapping_is_told_that_it_failed(struct stage *stage)
{
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    struct answer granted = stage_granted(stage, &wish);
    wish.message.data.map.external_address = answer_external(&granted).address;
    wish.message.data.map.external_port = answer_external(&granted).port;
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    stage_granted(stage, &wish);
    struct answer update = hear_renumbered(stage, &wish, NULL);
    stage_expect_result(stage, R6887_14_2_02, &update, PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void an_update_has_no_optional_options(struct stage *stage)
{
    static const uint8_t description[] = "a lamp";
    struct pcp_option option;
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    wish_add_option(&wish, PCP_DESCRIPTION, description, sizeof description - 1);
    wish_add_option(&wish, UNKNOWN_OPTIONAL, NULL, 0);
    stage_granted(stage, &wish);
    struct answer update = hear_renumbered(stage, &wish, NULL);
    for (unsigned code = PCP_OPTION_OPTIONAL_FLAG; code <= UINT8_MAX && !stage->over; code++)
        stage_expect(stage, R6887_14_2_03, !answer_option(&update, (uint8_t)code, &option),
                     "an update without options from 128 on", "it has option %u: %s", code,
                     stage_describe(stage, &update));
}

static void filters_move_along(struct stage *stage)
{
    struct pcp_option option;
    struct pcp_filter filter = {0};
    struct address remote = stage_address(stage, STAGE_REMOTE);
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    wish_add_filter(&wish, &remote, 128, 0);
    stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct answer update = hear_renumbered(stage, &wish, NULL);
    bool found = answer_option(&update, PCP_FILTER, &option) &&
                 pcp_option_filter(&option, &filter) == PCP_FAULT_NONE;
    stage_expect(stage, R6887_14_2_08, found && address_equal(&filter.remote_address, &remote),
                 "an update with the FILTER of the mapping", "%s", stage_describe(stage, &update));
    struct endpoint external = answer_external(&update);
    stage_expect_passes(stage, R6887_14_2_08, stage_open(stage, STAGE_REMOTE, 0), &external, inside,
                        NULL);
    stage_expect_blocked(stage, R6887_14_2_08, stage_open(stage, STAGE_STRANGER, 0), &external,
                         inside);
}

/* --- how often, and when ----------------------------------------------------------------------- */

static void updates_come_three_times(struct stage *stage)
{
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    stage_granted(stage, &wish);
    struct answer first = hear_renumbered(stage, &wish, NULL);
    struct answer last = first;
    unsigned copies = 0;
    while (last.came && copies <= COPIES) {
        double passed = stage_peer_seconds(stage, first.datagram.time, last.datagram.time);
        copies++;
        stage_expect_number(stage, R6887_14_2_04, "the epoch in a copy of the update",
                            last.pcp.epoch, first.pcp.epoch + passed - passed / 16 - EPOCH_SLACK,
                            first.pcp.epoch + passed + passed / 16 + EPOCH_SLACK);
        last = stage_hear_within(stage, &wish.socket, 1, PCP_MAP, 2 * SECOND);
    }
    stage_expect_number(stage, R6887_14_2_04, "the number of updates for a mapping", copies, COPIES,
                        COPIES);
}

static void updates_keep_their_distance(struct stage *stage)
{
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    stage_granted(stage, &wish);
    struct answer before = hear_renumbered(stage, &wish, NULL);
    for (int i = 1; i < COPIES; i++) {
        struct answer after = stage_hear_within(stage, &wish.socket, 1, PCP_MAP, 2 * SECOND);
        if (!after.came)
            return; /* that there are three is for another case */
        double gap = stage_peer_seconds(stage, before.datagram.time, after.datagram.time);
        stage_expect_number(stage, R6887_14_2_05,
                            i == 1 ? "the gap between the first updates, in seconds,"
                                   : "the gap between the second update and the third, in seconds,",
                            gap, gaps[i] - tolerance, INFINITY);
        before = after;
    }
}

/* Where the answer to the refresh came behind the third copy there was nothing left to cease: then again. */
static void updates_cease_with_a_refresh(struct stage *stage)
{
    struct wish wish = wish_with_ears(stage, STAGE_HOST);
    stage_granted(stage, &wish);
    for (unsigned i = 0; i < TRIES && !stage->over; i++) {
        stage_renumber(stage, i);
        struct answer update = hear_update(stage, &wish);
        wish.message.data.map.external_address = answer_external(&update).address;
        wish.message.data.map.external_port = answer_external(&update).port;
        struct wish refresh = wish;
        refresh.socket = -1; /* so that no copy is taken for its answer */
        struct answer refreshed = stage_granted(stage, &refresh);
        unsigned before = 1;
        struct answer more;
        while (
            (more = stage_hear_within(stage, &wish.socket, 1, PCP_MAP, 1500 * MILLISECOND)).came) {
            stage_expect(stage, R6887_14_2_06, more.datagram.time <= refreshed.datagram.time,
                         "no update once the client has refreshed the mapping",
                         "one came %.3f s after the answer to its refresh",
                         stage_peer_seconds(stage, refreshed.datagram.time, more.datagram.time));
            before++;
        }
        if (before < COPIES)
            return;
        stage_granted(stage, &wish); /* from the first port again */
    }
    stage_end(stage, VERDICT_INCONCLUSIVE, "each refresh was answered behind the third update");
}

static const struct test_case cases[] = {
    {.id = "gateway.14.2.mappings-move-to-a-new-address",
     .sentence = "Mappings move to the new external address, and work there, unasked.",
     .requirements = JUDGES(R6887_14_2_10),
     .run = mappings_move_along},
    {.id = "gateway.14.2.peers-move-to-a-new-address",
     .sentence = "Mappings of PEER move to the new external address too, unasked.",
     .requirements = JUDGES(R6887_14_2_10),
     .run = peers_move_along},
    {.id = "gateway.14.2.an-update-looks-like-a-response",
     .sentence = "A Mapping Update looks like the usual response.",
     .requirements = JUDGES(R6887_14_2_11),
     .run = an_update_looks_like_a_response},
    {.id = "gateway.14.2.an-update-goes-where-the-last-response-went",
     .sentence = "A Mapping Update goes to where the last response for the mapping went.",
     .requirements = JUDGES(R6887_14_2_07),
     .run = an_update_goes_where_the_last_response_went},
    {.id = "gateway.14.2.an-update-repeats-third-party",
     .sentence = "A Mapping Update repeats the THIRD_PARTY of its request.",
     .requirements = JUDGES(R6887_14_2_01),
     .run = third_party_is_repeated,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.14.2.an-insistent-mapping-is-told-that-it-failed",
     .sentence = "The update of a PREFER_FAILURE mapping says CANNOT_PROVIDE_EXTERNAL.",
     .requirements = JUDGES(R6887_14_2_02),
     .run = an_insistent_mapping_is_told_that_it_failed},
    {.id = "gateway.14.2.an-update-has-no-optional-options",
     .sentence = "A Mapping Update has no options of the optional range.",
     .requirements = JUDGES(R6887_14_2_03),
     .run = an_update_has_no_optional_options},
    {.id = "gateway.14.2.filters-move-to-a-new-address",
     .sentence = "The filters of a mapping move along, and stand in its Mapping Update.",
     .requirements = JUDGES(R6887_14_2_08),
     .run = filters_move_along},
    {.id = "gateway.14.2.updates-come-three-times",
     .sentence = "A Mapping Update is sent three times, each with the epoch of its moment.",
     .requirements = JUDGES(R6887_14_2_04),
     .run = updates_come_three_times,
     .traits = CASE_REAL_TIME,
     .seconds = 3},
    {.id = "gateway.14.2.updates-keep-their-distance",
     .sentence = "The first gap between updates is 250 ms or more, the second 500 ms.",
     .requirements = JUDGES(R6887_14_2_05),
     .run = updates_keep_their_distance,
     .traits = CASE_REAL_TIME,
     .seconds = 1},
    {.id = "gateway.14.2.updates-cease-with-a-refresh",
     .sentence = "Updates cease once the client has refreshed the mapping.",
     .requirements = JUDGES(R6887_14_2_06),
     .run = updates_cease_with_a_refresh,
     .traits = CASE_REAL_TIME,
     .seconds = 2},
};

static const struct defect defects[] = {
    {.name = "updates-name-another-port",
     .text = "says an external port in Mapping Updates that is not the mapping's",
     .requirements = JUDGES(R6887_14_2_10)},
    {.name = "updates-name-the-former-address",
     .text = "says the former external address in Mapping Updates",
     .requirements = JUDGES(R6887_14_2_10)},
    {.name = "updates-without-a-nonce",
     .text = "leaves the nonce of Mapping Updates zero",
     .requirements = JUDGES(R6887_14_2_11)},
    {.name = "updates-whoever-asked-first",
     .text = "sends Mapping Updates to the port from which the mapping was made",
     .requirements = JUDGES(R6887_14_2_07)},
    {.name = "updates-without-options",
     .text = "leaves out the options in Mapping Updates",
     .requirements = JUDGES(R6887_14_2_01, R6887_14_2_08)},
    {.name = "moves-insistent-mappings",
     .text = "forgets that a mapping was insisted on",
     .requirements = JUDGES(R6887_14_2_02)},
    {.name = "updates-with-a-description",
     .text = "has a DESCRIPTION in Mapping Updates",
     .requirements = JUDGES(R6887_14_2_03)},
    {.name = "updates-once",
     .text = "sends a Mapping Update but once",
     .requirements = JUDGES(R6887_14_2_04)},
    {.name = "updates-with-the-former-epoch",
     .text = "has the epoch before the reset in the second Mapping Update",
     .requirements = JUDGES(R6887_14_2_04)},
    {.name = "updates-in-a-hurry",
     .text = "sends its Mapping Updates 50 ms apart",
     .requirements = JUDGES(R6887_14_2_05)},
    {.name = "updates-who-knows",
     .text = "goes on with Mapping Updates when the client has refreshed",
     .requirements = JUDGES(R6887_14_2_06)},
};

CASE_FILE(gateway_14_2_update, CASE_GATEWAY, cases, defects);
