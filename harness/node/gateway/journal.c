#include "node/gateway/journal.h"

#include "node/common/clock.h"
#include "node/gateway/journal_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH_SIZE = 1 << 18,    /* octets of one batch; more is written at once */
    LEAST_REWRITE = 1 << 20, /* smaller files are left to grow */
    REWRITE_FACTOR = 4,      /* times what the file stood for when it was written */
    CLOCK_SLACK = 2000       /* milliseconds that a wall clock may be set back by ntp */
};

struct journal {
    char path[256], beside[264];
    int file;
    const struct pcp_server_policy *policy;
    struct address known_external; /* as it was last; one that is lost may come back */
    enum journal_outcome state;
    size_t length, length_when_new;
    size_t batched;
    uint8_t batch[BATCH_SIZE];
};

/* --- clocks --------------------------------------------------------------------------------- */

static uint64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Instants of the server's clock, which may run faster, as wall clock, and back; "never" is the same
 * on both. */
static uint64_t to_wall(uint64_t instant, uint64_t now, uint64_t wall)
{
    if (instant == PCP_SERVER_NEVER || instant == 0)
        return instant;
    return instant > now ? wall + clock_real_wait(instant - now) : wall;
}

static uint64_t from_wall(uint64_t instant, uint64_t now, uint64_t wall)
{
    if (instant == PCP_SERVER_NEVER || instant == 0)
        return instant;
    if (instant <= wall) /* it passed while nothing ran: due at once */
        return now;
    return now + clock_scaled(instant - wall);
}

static void read_boot(char boot[RECORD_BOOT_LENGTH])
{
    memset(boot, '-', RECORD_BOOT_LENGTH);
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t length = read(file, boot, RECORD_BOOT_LENGTH);
    (void)length; /* a short one is as good: it only has to be the same until the next boot */
    close(file);
}

/* --- records -------------------------------------------------------------------------------- */

static size_t write_start(struct journal *journal, const struct pcp_server *server, uint64_t now)
{
    struct record record = {.type = RECORD_START, .wall = wall_clock()};
    if (!address_is_any(&journal->policy->external[0]))
        journal->known_external = journal->policy->external[0];
    record.start.external = journal->known_external;
    read_boot(record.start.boot);
    record.start.wall = record.wall;
    record.start.epoch = pcp_server_epoch(server, now);
    record.start.time_scale = clock_scale();
    return record_write(&record, journal->batch);
}

/* What the mapping has beside itself: nothing where it is gone. */
static void fill_belongings(const struct journal *journal, const struct pcp_server *server,
                            const struct pcp_server_change *change, struct record_change *record)
{
    record->filter_count = 0;
    record->description_length = 0;
    record->realm_length = 0;
    if (change->mapping.realm) {
        const struct pcp_server_realm *realm = &journal->policy->realms[change->mapping.realm - 1];
        record->realm_length = realm->length;
        memcpy(record->realm, realm->id, realm->length);
    }
    if (change->kind == PCP_SERVER_REMOVED)
        return;
    uint32_t cursor = change->mapping.filters;
    while (record->filter_count < RECORD_FILTERS &&
           pcp_server_filter_next(server, &cursor, &record->filters[record->filter_count]))
        record->filter_count++;
    const uint8_t *description =
        pcp_server_description(server, &change->mapping, &record->description_length);
    memcpy(record->description, description, record->description_length);
}

static size_t write_change(const struct journal *journal, uint8_t *octets,
                           const struct pcp_server *server, const struct pcp_server_change *change,
                           uint64_t now)
{
    static struct record record;
    uint64_t wall = wall_clock();
    record.type = RECORD_CHANGE;
    record.wall = wall;
    record.change.change = *change;
    record.change.change.mapping.deadline = to_wall(change->mapping.deadline, now, wall);
    record.change.change.rest_until = to_wall(change->rest_until, now, wall);
    fill_belongings(journal, server, change, &record.change);
    return record_write(&record, octets);
}

static int write_all(int file, const uint8_t *octets, size_t length)
{
    while (length) {
        ssize_t written = write(file, octets, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        octets += written;
        length -= (size_t)written;
    }
    return 0;
}

/* --- reading -------------------------------------------------------------------------------- */

struct player {
    struct pcp_server *server;
    const struct pcp_server_policy *policy;
    uint64_t now, wall;
    struct journal_findings *findings;
    bool started, closed, same_boot;
    uint64_t last_wall;
    struct record_start start; /* the last one */
    char boot[RECORD_BOOT_LENGTH];
};

static void play_record(struct player *player, struct record *record)
{
    player->closed = record->type == RECORD_CLOSE;
    if (record->wall > player->last_wall)
        player->last_wall = record->wall;
    if (record->type == RECORD_START) {
        player->started = true;
        player->start = record->start;
        player->same_boot = memcmp(record->start.boot, player->boot, RECORD_BOOT_LENGTH) == 0;
    }
    if (record->type != RECORD_CHANGE)
        return;
    struct pcp_server_change *change = &record->change.change;
    change->mapping.deadline = from_wall(change->mapping.deadline, player->now, player->wall);
    change->rest_until = from_wall(change->rest_until, player->now, player->wall);
    player->findings->changes++;
    const struct record_change *stored = &record->change;
    struct pcp_server_belongings belongings = {.filters = stored->filters,
                                               .filter_count = stored->filter_count,
                                               .description = stored->description,
                                               .description_length = stored->description_length};
    change->mapping.realm =
        pcp_server_realm_find(player->policy, stored->realm, stored->realm_length);
    bool unfit = stored->realm_length && !change->mapping.realm; /* its realm is no more */
    if (unfit || pcp_server_replay(player->server, change, &belongings, NULL))
        player->findings->unfit++;
}

static const char *distrust(const struct player *player, bool whole)
{
    if (!player->started)
        return "there is no state from before";
    if (!whole)
        return "the state file is damaged";
    if (player->findings->unfit)
        return "some mappings no longer fit";
    if (!player->same_boot && !player->closed)
        return "the machine went down before all was on disk";
    if (player->last_wall > player->wall + CLOCK_SLACK)
        return "the clock went back";
    if (player->start.time_scale != clock_scale())
        return "time ran at another pace";
    return NULL;
}

/* Plays the file's records and returns the octets that hold sound ones. */
static size_t play(int file, size_t length, struct player *player)
{
    static struct record record;
    size_t at = 0;
    if (length == 0)
        return 0;
    uint8_t *octets = mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, 0);
    if (octets == MAP_FAILED)
        return 0;
    for (size_t step; (step = record_read(octets + at, length - at, &record)) != 0; at += step)
        play_record(player, &record);
    munmap(octets, length);
    return at;
}

static void load(const struct journal *journal, struct pcp_server *server, uint64_t now,
                 struct journal_findings *findings)
{
    struct stat status;
    struct player player = {.server = server,
                            .policy = journal->policy,
                            .now = now,
                            .wall = wall_clock(),
                            .findings = findings};
    memset(findings, 0, sizeof *findings);
    read_boot(player.boot);
    size_t length = fstat(journal->file, &status) == 0 ? (size_t)status.st_size : 0;
    bool whole = play(journal->file, length, &player) == length;
    findings->because = distrust(&player, whole);
    findings->trusted = findings->because == NULL;
    if (findings->trusted) {
        uint64_t passed = player.wall > player.start.wall ? player.wall - player.start.wall : 0;
        findings->epoch = player.start.epoch + (uint32_t)(clock_scaled(passed) / 1000);
    }
}

/* --- the journal ---------------------------------------------------------------------------- */

bool journal_external(const char *path, struct address *external)
{
    uint8_t octets[RECORD_MAXIMUM];
    struct record record;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t length = read(file, octets, sizeof octets);
    close(file);
    if (length <= 0 || record_read(octets, (size_t)length, &record) == 0 ||
        record.type != RECORD_START || address_is_any(&record.start.external))
        return false;
    *external = record.start.external;
    return true;
}

struct journal *journal_open(const char *path, struct pcp_server *server,
                             const struct pcp_server_policy *policy, uint64_t now,
                             struct journal_findings *findings, struct error *error)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal || strlen(path) >= sizeof journal->path) {
        free(journal);
        error_set(error, "state file %s: no memory, or too long a name", path);
        return NULL;
    }
    snprintf(journal->path, sizeof journal->path, "%s", path);
    snprintf(journal->beside, sizeof journal->beside, "%s.new", path);
    journal->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    int problem = errno;
    if (journal->file < 0) {
        journal->file = open(path, O_RDONLY | O_CLOEXEC);
        journal->state = JOURNAL_LOST;
        errno = problem;
    }
    if (journal->file < 0) {
        error_set_errno(error, errno, "state file %s", path);
        free(journal);
        return NULL;
    }
    journal->policy = policy;
    journal->known_external = policy->external[0];
    load(journal, server, now, findings);
    if (findings->trusted)
        pcp_server_set_epoch(server, findings->epoch, now);
    else
        pcp_server_reset_epoch(server, now);
    if (journal_rewrite(journal, server, now, error) && journal->state != JOURNAL_LOST) {
        close(journal->file);
        free(journal);
        return NULL;
    }
    return journal;
}

void journal_add(struct journal *journal, const struct pcp_server *server,
                 const struct pcp_server_change *change, uint64_t now)
{
    if (change->kind == PCP_SERVER_UNCHANGED)
        return;
    if (BATCH_SIZE - journal->batched < RECORD_MAXIMUM)
        return; /* cannot be: a batch of requests is far smaller */
    journal->batched +=
        write_change(journal, journal->batch + journal->batched, server, change, now);
}

void journal_discard(struct journal *journal)
{
    journal->batched = 0;
}

enum journal_outcome journal_write(struct journal *journal, struct error *error)
{
    size_t length = journal->batched;
    journal->batched = 0;
    if (length == 0 || journal->state == JOURNAL_EMPTIED)
        return journal->state;
    if (journal->state == JOURNAL_WRITTEN) {
        if (write_all(journal->file, journal->batch, length) == 0) {
            journal->length += length;
            return JOURNAL_WRITTEN;
        }
        error_set_errno(error, errno, "state file %s", journal->path);
    }
    journal->state = ftruncate(journal->file, 0) == 0 ? JOURNAL_EMPTIED : JOURNAL_LOST;
    return journal->state;
}

bool journal_is_lost(const struct journal *journal)
{
    return journal->batched && journal->state == JOURNAL_LOST;
}

bool journal_is_due(const struct journal *journal)
{
    return journal->state != JOURNAL_WRITTEN ||
           (journal->length > LEAST_REWRITE &&
            journal->length > REWRITE_FACTOR * journal->length_when_new);
}

/* A mapping as the change that brought it. Static ones come from the configuration. */
static bool as_change(struct pcp_server_mapping *mapping, struct pcp_server_change *change)
{
    change->kind = PCP_SERVER_CREATED;
    change->rest_until = 0;
    change->mapping = *mapping;
    if (mapping->kind == PCP_SERVER_RESTING) {
        change->kind = PCP_SERVER_REMOVED;
        change->rest_until = mapping->deadline;
        change->mapping.kind = mapping->was_peer ? PCP_SERVER_PEER : PCP_SERVER_MAP;
    }
    return mapping->kind != PCP_SERVER_STATIC;
}

/* Writes all of server's state to a file, by way of the batch's memory. */
static int write_state(struct journal *journal, int file, const struct pcp_server *server,
                       uint64_t now, size_t *length)
{
    uint32_t cursor = 0;
    struct pcp_server_mapping mapping;
    struct pcp_server_change change;
    size_t used = write_start(journal, server, now);
    *length = 0;
    while (pcp_server_next(server, &cursor, &mapping)) {
        if (!as_change(&mapping, &change))
            continue;
        if (address_is_any(&change.mapping.external))
            change.mapping.external = journal->known_external;
        used += write_change(journal, journal->batch + used, server, &change, now);
        if (BATCH_SIZE - used >= RECORD_MAXIMUM)
            continue;
        if (write_all(file, journal->batch, used))
            return -1;
        *length += used;
        used = 0;
    }
    *length += used;
    return write_all(file, journal->batch, used);
}

int journal_rewrite(struct journal *journal, const struct pcp_server *server, uint64_t now,
                    struct error *error)
{
    int file = open(journal->beside, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        return error_set_errno(error, errno, "state file %s", journal->beside);
    size_t length;
    if (write_state(journal, file, server, now, &length) ||
        rename(journal->beside, journal->path)) {
        int failure = errno;
        close(file);
        unlink(journal->beside);
        return error_set_errno(error, failure, "state file %s", journal->beside);
    }
    close(journal->file);
    journal->file = file;
    journal->state = JOURNAL_WRITTEN;
    journal->length = length;
    journal->length_when_new = length;
    return 0;
}

void journal_close(struct journal *journal, const struct pcp_server *server, uint64_t now)
{
    if (!journal)
        return;
    if (journal_rewrite(journal, server, now, NULL) == 0) {
        uint8_t octets[RECORD_MAXIMUM];
        struct record record = {.type = RECORD_CLOSE, .wall = wall_clock()};
        /* On disk before the closing record is, which promises that it is. */
        if (fsync(journal->file) == 0 &&
            write_all(journal->file, octets, record_write(&record, octets)) == 0)
            fsync(journal->file);
    }
    close(journal->file);
    free(journal);
}
