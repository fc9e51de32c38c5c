/* Defects in which version is spoken: RFC 6887 section 9. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "wire/natpmp.h"

enum { MILLISECONDS = 1000, DRAFT_VERSION = 1 };

static bool is_unsupported(const struct defect_datagram *datagram)
{
    const struct pcp_message *sent = &datagram->sent;
    return sent->response && sent->result == PCP_UNSUPP_VERSION;
}

static bool is_natpmp_alone(const struct defect_datagram *datagram)
{
    struct natpmp_message message;
    return datagram->length > 0 && datagram->octets[0] == NATPMP_VERSION &&
           natpmp_decode(datagram->octets, datagram->length, &message) == NATPMP_FAULT_NONE &&
           message.response && message.result == NATPMP_UNSUPPORTED_VERSION;
}

static void drop_unsupported(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_unsupported(datagram))
        datagram->length = 0;
}

/* number[0]: UNSUPP_VERSION has come; number[1]: ms that it lasts; number[2]: since when */
static void note_unsupported(struct defect *defect, struct defect_datagram *datagram)
{
    if (!is_unsupported(datagram) || defect->number[0])
        return;
    defect->number[0] = 1;
    defect->number[1] = (uint64_t)datagram->sent.lifetime * MILLISECONDS;
}

static void rest_whole(struct defect *defect, uint32_t now)
{
    if (!defect->number[0])
        return;
    if (defect->number[0]++ == 1)
        defect->number[2] = now;
    defect->endpoint->client.hold_all = (uint32_t)(defect->number[2] + defect->number[1]);
}

static void note_version(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_unsupported(datagram) && datagram->sent.version > PCP_VERSION)
        defect->number[0] = datagram->sent.version;
}

static void speak_version(struct defect *defect, struct defect_datagram *datagram)
{
    if (defect->number[0] && datagram->is_pcp)
        datagram->octets[0] = (uint8_t)defect->number[0];
}

static void note_natpmp(struct defect *defect, struct defect_datagram *datagram)
{
    if (!is_natpmp_alone(datagram))
        return;
    defect->number[0] = DRAFT_VERSION;
    datagram->length = 0;
}

static void drop_named_version(struct defect *defect, struct defect_datagram *datagram)
{
    if (defect->endpoint->client.version == NATPMP_VERSION && datagram->octets[0] == PCP_VERSION)
        datagram->length = 0;
}

const struct defect_hooks defects_09_versions[] = {
    {.name = "hears-no-unsupp-version", .answer = drop_unsupported},
    {.name = "rests-for-a-day-after-unsupp-version",
     .answer = note_unsupported,
     .turn = rest_whole},
    {.name = "speaks-any-version", .answer = note_version, .request = speak_version},
    {.name = "falls-back-to-version-1", .answer = note_natpmp, .request = speak_version},
    {.name = "stays-with-nat-pmp", .answer = drop_named_version},
    {.name = NULL},
};
