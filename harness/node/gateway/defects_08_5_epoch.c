/* Defects in the Epoch Time, RFC 6887 section 8.5. */
#include "node/gateway/defect.h"

#include "node/common/clock.h"
#include "wire/octets.h"

#include <time.h>

enum { OFFSET_EPOCH = 8, JUMP = 1000, LAST_OCTET = 15 };

static bool has_epoch(const uint8_t *octets, size_t length)
{
    return length >= PCP_HEADER_LENGTH && octets[0] == PCP_VERSION;
}

static void set_epoch(uint8_t *octets, uint64_t epoch)
{
    octets_put32(octets + OFFSET_EPOCH, (uint32_t)epoch);
}

static void count_fast(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (has_epoch(octets, *length))
        set_epoch(octets, (uint64_t)octets_get32(octets + OFFSET_EPOCH) * 4 / 3);
}

static void take_the_uptime(struct defect *defect)
{
    uint64_t now = clock_milliseconds();
    pcp_server_set_epoch(defect->server, (uint32_t)(now / 1000), now);
}

static void start_anywhere(struct defect *defect)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint32_t anywhere = (uint32_t)now.tv_sec * 7919 + (uint32_t)now.tv_nsec;
    pcp_server_set_epoch(defect->server, anywhere % 10000000, clock_milliseconds());
}

static void note_the_start(struct defect *defect)
{
    defect->number[0] = clock_milliseconds();
}

static void count_from_the_start(struct defect *defect, uint8_t *octets, size_t *length)
{
    if (has_epoch(octets, *length) && defect->now > defect->number[0])
        set_epoch(octets, (defect->now - defect->number[0]) / 1000);
}

static void jump(struct defect *defect, const struct defect_exchange *exchange, uint8_t *octets,
                 size_t *length)
{
    enum { STEADY = 2, EACH = 3 };
    (void)exchange;
    if (has_epoch(octets, *length) && ++defect->number[0] > STEADY && defect->number[0] % EACH == 0)
        set_epoch(octets, octets_get32(octets + OFFSET_EPOCH) + JUMP);
}

static void mix_up(struct defect *defect, const struct defect_exchange *exchange, uint8_t *octets,
                   size_t *length)
{
    enum { STEADY = 2, EACH = 3 };
    if (!has_epoch(octets, *length))
        return;
    uint64_t client = exchange->came.source.octet[LAST_OCTET];
    if (++defect->number[0] > STEADY && defect->number[0] % EACH == 0)
        client++;
    set_epoch(octets, octets_get32(octets + OFFSET_EPOCH) + client * JUMP);
}

const struct defect_hooks defects_08_5_epoch[] = {
    {.name = "has-a-fast-epoch", .message = count_fast},
    {.name = "keeps-its-epoch-without-mappings", .start = take_the_uptime},
    {.name = "starts-its-epoch-anywhere", .start = start_anywhere},
    {.name = "keeps-its-epoch-when-renumbered",
     .start = note_the_start,
     .message = count_from_the_start},
    {.name = "lets-its-epoch-jump", .answer = jump},
    {.name = "mixes-epochs-up", .answer = mix_up},
    {.name = NULL},
};
