/* Defects in lifetimes, and in the rest of ports, RFC 6887 section 15. */
#include "node/gateway/defect.h"

#include "node/common/clock.h"
#include "node/gateway/config.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_LIFETIME = 4,
    OFFSET_NONCE = PCP_HEADER_LENGTH,
    BEHIND_MAP = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    ONE_DAY = 86400,
    ONE_YEAR = 365 * ONE_DAY,
    SECOND = 1000 /* milliseconds */
};

static bool is_map(const struct defect_exchange *exchange, struct pcp_message *request)
{
    return defect_read(exchange->came.octets, exchange->came.length, request) &&
           request->opcode == PCP_MAP;
}

/* --- bounds ------------------------------------------------------------------------------------ */

static void withhold_long_wishes(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_map(exchange, &request) && request.lifetime > ONE_DAY)
        exchange->input->length = 0;
}

static void refuse_as_malformed(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    if (exchange->input->length == 0 && exchange->came.length > 0)
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

static void fix_lifetimes(struct defect *defect, struct config *config)
{
    const struct pcp_server_policy usual = pcp_server_policy_default();
    (void)defect;
    config->policy.minimum_lifetime = usual.minimum_lifetime;
    config->policy.maximum_lifetime = usual.maximum_lifetime;
}

static void allow_a_second(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.minimum_lifetime = 1;
}

static void allow_a_year(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.maximum_lifetime = ONE_YEAR;
}

/* --- all of a lifetime ------------------------------------------------------------------------- */

static bool remove_soon(struct defect *defect, struct pcp_server_change *change)
{
    enum { SOON = 8 * SECOND };
    struct pcp_server_event event = {.kind = PCP_SERVER_EXPIRED, .change = *change};
    event.change.kind = PCP_SERVER_REMOVED;
    if (change->kind == PCP_SERVER_CREATED)
        defect_hold(defect, &event, SOON);
    return true;
}

/* Moves the deadlines of the mappings that a start has found in the state file. */
static void move_deadlines(struct defect *defect, int64_t milliseconds)
{
    struct pcp_server_change changes[DEFECT_NOTES];
    struct error ignored = {{0}};
    uint32_t cursor = 0;
    size_t count = 0;
    while (count < DEFECT_NOTES &&
           pcp_server_next(defect->server, &cursor, &changes[count].mapping))
        changes[count++].kind = PCP_SERVER_RENEWED;
    for (size_t i = 0; i < count; i++) {
        changes[i].mapping.deadline += (uint64_t)milliseconds;
        (void)pcp_server_replay(defect->server, &changes[i], NULL, &ignored);
    }
}

static void keep_for_longer(struct defect *defect)
{
    move_deadlines(defect, INT64_C(600000));
}

static void keep_for_less(struct defect *defect)
{
    move_deadlines(defect, -INT64_C(50000));
}

/* --- ports at rest ----------------------------------------------------------------------------- */

static void rest_never(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.rest = (struct pcp_server_times){0, 0, 0};
}

static void rest_alike(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.rest.tcp = config->policy.rest.udp;
}

/* number[0]: the mapping was deleted; from then on its client has another nonce. */
static void take_for_another(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (!note || !is_map(exchange, &request))
        return;
    if (request.lifetime == 0)
        note->number[0] = 1;
    else if (note->number[0])
        exchange->octets[OFFSET_NONCE] ^= 1;
}

static void give_the_nonce_back(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    (void)defect;
    if (exchange->came.length >= BEHIND_MAP && *length >= BEHIND_MAP)
        memcpy(octets + OFFSET_NONCE, exchange->came.octets + OFFSET_NONCE, PCP_NONCE_LENGTH);
}

/* --- leases ------------------------------------------------------------------------------------ */

static bool mind_no_leases(struct defect *defect, const struct address *address)
{
    (void)defect;
    (void)address;
    return false;
}

static bool forget_all(struct defect *defect, const struct address *address)
{
    struct pcp_server_mapping mapping;
    uint32_t cursor = 0;
    (void)address;
    while (pcp_server_next(defect->server, &cursor, &mapping))
        pcp_server_forget(defect->server, &mapping.internal, clock_milliseconds());
    return true;
}

/* --- traffic ----------------------------------------------------------------------------------- */

static bool see_no_traffic(struct defect *defect, const struct pcp_server_flow_key *key, bool found,
                           struct pcp_server_flow *flow)
{
    (void)defect;
    (void)key;
    (void)found;
    (void)flow;
    return false;
}

/* Says what traffic would have left of the mapping. */
static void say_the_idle_time(struct defect *defect, const struct defect_exchange *exchange,
                              uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)exchange;
    if (defect_read(octets, *length, &response) && response.opcode == PCP_MAP &&
        response.result == PCP_SUCCESS && response.lifetime < defect->config->policy.idle.udp)
        octets_put32(octets + OFFSET_LIFETIME, defect->config->policy.idle.udp);
}

const struct defect_hooks defects_15_lifetime[] = {
    {.name = "refuses-long-wishes", .request = withhold_long_wishes, .answer = refuse_as_malformed},
    {.name = "has-fixed-lifetimes", .configure = fix_lifetimes},
    {.name = "grants-a-second", .configure = allow_a_second},
    {.name = "grants-a-year", .configure = allow_a_year},
    {.name = "removes-quiet-mappings", .change = remove_soon},
    {.name = "lengthens-lifetimes-over-a-restart", .start = keep_for_longer},
    {.name = "shortens-lifetimes-over-a-restart", .start = keep_for_less},
    {.name = "minds-no-leases", .lease_ended = mind_no_leases},
    {.name = "forgets-all-with-one-lease", .lease_ended = forget_all},
    {.name = "reuses-ports-at-once", .configure = rest_never},
    {.name = "rests-tcp-ports-like-udp", .configure = rest_alike},
    {.name = "lets-no-client-reclaim", .request = take_for_another, .answer = give_the_nonce_back},
    {.name = "ends-what-has-traffic", .outbound = see_no_traffic},
    {.name = "ends-what-it-says-has-traffic",
     .outbound = see_no_traffic,
     .answer = say_the_idle_time},
    {.name = NULL},
};
