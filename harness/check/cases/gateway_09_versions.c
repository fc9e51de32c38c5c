/* RFC 6887, section 9: what a server says to versions that it lacks, NAT-PMP's among them (appendix A). */
#include "check/stage_raw.h"

#include "wire/natpmp.h"

enum { RESPONSE_BIT = 0x80 };

/* The version that UNSUPP_VERSION names; the one asked for itself where the server has it. */
static uint8_t version_for(struct stage *stage, uint8_t version)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct raw raw = stage_raw(&wish);
    raw.octets[OFFSET_VERSION] = version;
    struct answer answer = stage_ask_raw(stage, R6887_9_06, &raw);
    const struct datagram *came = &answer.datagram;
    bool unsupported = came->length >= 4 && came->octets[OFFSET_RESULT] == PCP_UNSUPP_VERSION;
    bool has = came->length >= PCP_HEADER_LENGTH && came->octets[OFFSET_VERSION] == version;
    stage_expect(stage, R6887_9_06, unsupported || has, "UNSUPP_VERSION", "to version %u: %s",
                 version, stage_describe(stage, &answer));
    stage_expect(stage, R6887_9_06, !(unsupported && came->octets[OFFSET_VERSION] == version),
                 "a version that the server has", "the %u that it was asked in: %s", version,
                 stage_describe(stage, &answer));
    return came->octets[OFFSET_VERSION];
}

/* Where version 0 is spoken as well, it is as near to 1 as 2 is. */
static void unsupported_versions_draw_the_nearest(struct stage *stage)
{
    static const uint8_t later[] = {3, 4, 100, 255};
    uint8_t highest = PCP_VERSION; /* of a server from later days */
    for (size_t i = 0; i < sizeof later && !stage->over; i++) {
        uint8_t version = version_for(stage, later[i]);
        if (version == later[i])
            highest = version;
        stage_expect(stage, R6887_9_06, version == highest, "the highest version there is",
                     "to version %u came %u, and not %u", later[i], version, highest);
    }
    uint8_t version = version_for(stage, 1);
    stage_expect(stage, R6887_9_06, version <= PCP_VERSION, "version 2 or 0, which are as near",
                 "to version 1 came %u", version);
}

static void nat_pmp_is_spoken_or_unsupported(struct stage *stage)
{
    struct raw raw = {.from = STAGE_HOST, .length = NATPMP_ADDRESS_REQUEST_LENGTH};
    struct answer answer = stage_ask_raw(stage, R6887_9_06, &raw);
    const struct datagram *came = &answer.datagram;
    bool spoken = came->length >= 4 && came->octets[OFFSET_VERSION] == NATPMP_VERSION &&
                  came->octets[OFFSET_OPCODE] == RESPONSE_BIT;
    bool unsupported = came->length >= 4 && came->octets[OFFSET_VERSION] == PCP_VERSION &&
                       came->octets[OFFSET_RESULT] == PCP_UNSUPP_VERSION;
    stage_expect(stage, R6887_9_06, spoken || unsupported,
                 "an answer of NAT-PMP, or UNSUPP_VERSION that names version 2", "%s",
                 stage_describe(stage, &answer));
}

static const struct test_case cases[] = {
    {.id = "gateway.9.unsupported-versions-draw-the-nearest",
     .sentence = "UNSUPP_VERSION names the version nearest to the request's that the server has.",
     .requirements = JUDGES(R6887_9_06),
     .run = unsupported_versions_draw_the_nearest},
    {.id = "gateway.9.nat-pmp-is-spoken-or-unsupported",
     .sentence = "A request of NAT-PMP is answered in NAT-PMP, or by UNSUPP_VERSION.",
     .requirements = JUDGES(R6887_9_06),
     .run = nat_pmp_is_spoken_or_unsupported},
};

static const struct defect defects[] = {
    {.name = "names-the-version-asked-for",
     .text = "has the version of the request in UNSUPP_VERSION",
     .requirements = JUDGES(R6887_9_06)},
    {.name = "takes-nat-pmp-for-pcp",
     .text = "answers what has version 0 as a broken request of PCP",
     .requirements = JUDGES(R6887_9_06)},
};

CASE_FILE(gateway_09_versions, CASE_GATEWAY, cases, defects);
