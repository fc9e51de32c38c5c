/* Capture files from strangers: every call makes headway or says what it lacks, nothing is read out of
 * bounds, and a window that grows octet by octet shows the same packets as the whole file at once. */
#include "wire/capfile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum { INTERFACES = 16 };

struct outcome {
    enum capfile_status status;
    uint64_t packets;
    uint64_t digest; /* of all packets */
    uint64_t offset;
};

static void digest(struct outcome *outcome, const struct capfile_packet *packet)
{
    uint64_t sum = packet->interface + (uint64_t)packet->time + packet->original;
    for (size_t i = 0; i < packet->captured; i++)
        sum = sum * 31 + packet->octets[i];
    outcome->digest = outcome->digest * 31 + sum;
    outcome->packets++;
}

/* Shows at most `step` more octets than the reader was last content with. */
static struct outcome read_all(const uint8_t *octets, size_t length, size_t step)
{
    struct capfile_reader reader;
    struct capfile_interface interfaces[INTERFACES];
    struct outcome outcome = {.status = CAPFILE_SKIPPED};
    capfile_reader_init(&reader, interfaces, INTERFACES);
    size_t offset = 0;
    size_t shown = 0;
    for (;;) {
        /* A copy of exactly the window: what lies behind it may not be read. */
        uint8_t *window = malloc(shown ? shown : 1);
        if (!window)
            abort();
        memcpy(window, octets + offset, shown);
        size_t used;
        struct capfile_packet packet;
        outcome.status = capfile_read(&reader, window, shown, &used, &packet);
        if (used > shown)
            abort();
        if (outcome.status == CAPFILE_PACKET)
            digest(&outcome, &packet);
        free(window);
        offset += used;
        shown -= used;
        bool content = outcome.status == CAPFILE_PACKET || outcome.status == CAPFILE_SKIPPED;
        if (content ? used == 0 : used != 0)
            abort();
        if (outcome.status == CAPFILE_BAD)
            break;
        if (content)
            continue;
        if (offset + shown == length)
            break;
        size_t left = length - offset - shown;
        shown += left < step ? left : step;
    }
    if (reader.offset != offset || memchr(reader.problem, 0, sizeof reader.problem) == NULL)
        abort();
    outcome.offset = offset;
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct outcome whole = read_all(octets, length, length);
    struct outcome stepwise = read_all(octets, length, 1 + length / 16);
    if (whole.status != stepwise.status || whole.packets != stepwise.packets ||
        whole.digest != stepwise.digest || whole.offset != stepwise.offset)
        abort();
    return 0;
}
