/* Defects in NAT-PMP's announcements, RFC 6886 section 3.2.1. */
#include "node/gateway/defect.h"

#include "wire/natpmp.h"
#include "wire/octets.h"

enum { OFFSET_EPOCH = 4, OFFSET_ADDRESS = 8, FEW = 3, LATE = 2000, KNOWN = 1 };

static bool is_natpmp(const struct pcp_server_event *event)
{
    return event->kind == PCP_SERVER_ANNOUNCE && event->nat_pmp;
}

static bool announce_none(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    return !is_natpmp(event);
}

static bool announce_few(struct defect *defect, struct pcp_server_event *event)
{
    return !is_natpmp(event) || ++defect->number[0] <= FEW;
}

static bool announce_late(struct defect *defect, struct pcp_server_event *event)
{
    if (!is_natpmp(event) || ++defect->number[0] != 2)
        return true;
    defect_hold(defect, event, LATE);
    return false;
}

static bool leave_the_address_out(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    if (is_natpmp(event))
        event->length = NATPMP_UNSUPPORTED_VERSION_LENGTH;
    return true;
}

/* What stands at an offset in the first of them stands in all. */
static void repeat(struct defect *defect, struct pcp_server_event *event, size_t offset)
{
    if (!is_natpmp(event))
        return;
    if (!defect->number[KNOWN])
        defect->number[KNOWN] = UINT64_C(1) << 32 | octets_get32(event->octets + offset);
    octets_put32(event->octets + offset, (uint32_t)defect->number[KNOWN]);
}

static bool repeat_the_epoch(struct defect *defect, struct pcp_server_event *event)
{
    repeat(defect, event, OFFSET_EPOCH);
    return true;
}

static bool repeat_the_address(struct defect *defect, struct pcp_server_event *event)
{
    repeat(defect, event, OFFSET_ADDRESS);
    return true;
}

const struct defect_hooks defects_6886_announcements[] = {
    {.name = "announces-no-nat-pmp", .event = announce_none},
    {.name = "nat-pmp-announces-its-first-address", .event = repeat_the_address},
    {.name = "nat-pmp-announces-no-address", .event = leave_the_address_out},
    {.name = "nat-pmp-announces-thrice", .event = announce_few},
    {.name = "nat-pmp-announces-late", .event = announce_late},
    {.name = "nat-pmp-announces-its-first-epoch", .event = repeat_the_epoch},
    {.name = NULL},
};
