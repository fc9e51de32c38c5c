#include "check/finding.h"

#include "check/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TALLY_LIMIT = 4096 };

/* One requirement and one peer. */
struct tally {
    struct tally_key {
        uint8_t peer[16];
        uint32_t requirement;
        uint32_t level;
    } key;
    uint64_t count;
    uint64_t last_frame;
};

struct findings {
    struct finding *list;
    size_t count;
    size_t capacity;
    struct table *tallies;
    /* By requirement and level: peers with a tally of their own, and what came from all others. */
    struct others {
        uint32_t peers;
        uint64_t count;
        uint64_t last_frame;
    } others[REQUIREMENT_COUNT][FINDING_INFO + 1];
    bool incomplete;
};

struct findings *findings_create(void)
{
    struct findings *findings = calloc(1, sizeof *findings);
    if (!findings)
        return NULL;
    struct table_shape shape = {.key_size = sizeof(struct tally_key),
                                .entry_size = sizeof(struct tally),
                                .limit = TALLY_LIMIT};
    findings->tallies = table_create(&shape);
    if (findings->tallies)
        return findings;
    free(findings);
    return NULL;
}

void findings_destroy(struct findings *findings)
{
    if (!findings)
        return;
    table_destroy(findings->tallies);
    free(findings->list);
    free(findings);
}

static struct finding *append(struct findings *findings)
{
    if (findings->count == findings->capacity) {
        size_t capacity = findings->capacity ? findings->capacity * 2 : 64;
        struct finding *list = realloc(findings->list, capacity * sizeof *list);
        if (!list) {
            findings->incomplete = true;
            return NULL;
        }
        findings->list = list;
        findings->capacity = capacity;
    }
    return &findings->list[findings->count++];
}

/* The peer's own tally; NULL once enough peers have one, the fault then counts among the others'. */
static struct tally *find_tally(struct findings *findings, enum requirement_id requirement,
                                enum finding_level level, const struct address *peer)
{
    struct others *others = &findings->others[requirement][level];
    struct tally_key key = {.requirement = requirement, .level = level};
    memcpy(key.peer, peer->octet, sizeof key.peer);
    struct tally *tally = table_find(findings->tallies, &key);
    if (tally || others->peers >= PEERS_A_FAULT || table_count(findings->tallies) == TALLY_LIMIT)
        return tally;
    bool made = false;
    tally = table_get(findings->tallies, &key, &made);
    if (tally)
        others->peers++;
    return tally;
}

int findings_add(struct findings *findings, enum requirement_id requirement,
                 enum finding_level level, uint64_t frame, const struct address *peer,
                 const char *format, va_list arguments)
{
    struct tally *tally = find_tally(findings, requirement, level, peer);
    if (!tally) {
        findings->others[requirement][level].count++;
        findings->others[requirement][level].last_frame = frame;
        return 0;
    }
    tally->count++;
    tally->last_frame = frame;
    if (tally->count > FINDINGS_A_PEER)
        return 0;
    struct finding *finding = append(findings);
    if (!finding)
        return -1;
    *finding = (struct finding){.requirement = requirement, .level = level, .frame = frame};
    (void)vsnprintf(finding->text, sizeof finding->text, format, arguments);
    return 0;
}

static int by_frame(const void *a, const void *b)
{
    const struct finding *left = a;
    const struct finding *right = b;
    if (left->frame != right->frame)
        return left->frame < right->frame ? -1 : 1;
    return (left->requirement > right->requirement) - (left->requirement < right->requirement);
}

void findings_finish(struct findings *findings)
{
    char address[ADDRESS_TEXT_SIZE];
    size_t cursor = 0;
    const struct tally *tally;
    while ((tally = table_next(findings->tallies, &cursor))) {
        if (tally->count <= FINDINGS_A_PEER)
            continue;
        struct finding *finding = append(findings);
        if (!finding)
            return;
        *finding = (struct finding){.requirement = tally->key.requirement,
                                    .level = tally->key.level,
                                    .frame = tally->last_frame};
        struct address peer;
        memcpy(peer.octet, tally->key.peer, sizeof peer.octet);
        (void)snprintf(finding->text, sizeof finding->text,
                       "and %" PRIu64 " more of the same by %s, the last of them here",
                       tally->count - FINDINGS_A_PEER, address_format(&peer, address));
    }
    for (size_t id = 0; id < REQUIREMENT_COUNT; id++) {
        for (enum finding_level level = FINDING_FAIL; level <= FINDING_INFO; level++) {
            const struct others *others = &findings->others[id][level];
            struct finding *finding = others->count > 0 ? append(findings) : NULL;
            if (!finding)
                continue;
            *finding = (struct finding){.requirement = (enum requirement_id)id,
                                        .level = level,
                                        .frame = others->last_frame};
            (void)snprintf(finding->text, sizeof finding->text,
                           "and %" PRIu64 " more of the same by other peers, the last of them here",
                           others->count);
        }
    }
    if (findings->count > 0)
        qsort(findings->list, findings->count, sizeof *findings->list, by_frame);
}

const struct finding *findings_list(const struct findings *findings, size_t *count)
{
    *count = findings->count;
    return findings->list;
}

bool findings_incomplete(const struct findings *findings)
{
    return findings->incomplete;
}
