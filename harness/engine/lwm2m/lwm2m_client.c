#include "engine/lwm2m/lwm2m_client.h"

#include "engine/lwm2m/lwm2m_client_private.h"
#include "engine/lwm2m/lwm2m_snapshot.h"

#include <string.h>

enum {
    SECOND = 1000,
    BOOTSTRAP_PAUSE = 10, /* s, doubled with each failure up to the longest */
    BOOTSTRAP_PAUSE_LONGEST = 3600,
    DOUBLINGS = 20, /* of a pause, at most */
    DISABLE_TIMEOUT = 86400,
    /* Defaults of Table 6.2.1.2-1 of 1.1, s. */
    RETRY_COUNT = 5,
    RETRY_TIMER = 60,
    SEQUENCE_DELAY = 86400,
    SEQUENCE_COUNT = 1
};

static void turn(struct lwm2m_client *client, enum lwm2m_client_state state)
{
    client->state = state;
    if (client->turned)
        client->turned(client->context, state);
}

static void pause_for(struct lwm2m_client *client, uint64_t now, uint64_t seconds, const char *why)
{
    client->why = why;
    client->due = now + seconds * SECOND;
    turn(client, LWM2M_PAUSING);
}

/* A number of the Server object that tells how patient to be; what is out of range counts as unsaid. */
static uint32_t server_number(const struct lwm2m_client *client, uint16_t resource,
                              uint32_t otherwise)
{
    const struct lwm2m_instance *server = lwm2m_account_server(client->model, &client->account);
    int64_t number = server ? lwm2m_model_integer(server, resource, otherwise) : otherwise;
    return number >= 1 && number <= UINT32_MAX ? (uint32_t)number : otherwise;
}

static uint64_t doubled(uint64_t seconds, unsigned int failures)
{
    unsigned int doublings = failures - 1;
    return seconds << (doublings < DOUBLINGS ? doublings : DOUBLINGS);
}

/* --- bootstrap ------------------------------------------------------------------------------- */

static bool has_account(const struct lwm2m_client *client, bool bootstrap)
{
    struct lwm2m_account account;
    return lwm2m_account_find(client->model, bootstrap, &account);
}

static void begin_registration(struct lwm2m_client *client)
{
    client->asked = LWM2M_ASKED_NOTHING;
    client->location[0] = 0;
    client->why = NULL;
    turn(client, LWM2M_REGISTERING);
}

static bool begin_bootstrap(struct lwm2m_client *client)
{
    client->wants_bootstrap = false;
    if (!lwm2m_account_find(client->model, true, &client->account))
        return false;
    if (client->snapshot)
        lwm2m_snapshot_take(client->model, client->snapshot);
    client->asked = LWM2M_ASKED_NOTHING;
    client->is_answered = false;
    client->location[0] = 0;
    client->why = NULL;
    turn(client, LWM2M_BOOTSTRAPPING);
    return true;
}

/* With the server's account, or with whom to get one from. */
static void begin(struct lwm2m_client *client)
{
    if (client->wants_bootstrap && begin_bootstrap(client))
        return;
    if (lwm2m_account_find(client->model, false, &client->account)) {
        begin_registration(client);
    } else if (!begin_bootstrap(client)) {
        client->why = "no account";
        turn(client, LWM2M_IDLE);
    }
}

static void undo_bootstrap(struct lwm2m_client *client)
{
    client->asked = LWM2M_ASKED_NOTHING;
    if (client->snapshot)
        lwm2m_snapshot_restore(client->model, client->snapshot);
}

static void fail_bootstrap(struct lwm2m_client *client, uint64_t now, const char *why)
{
    undo_bootstrap(client);
    if (client->bootstrap_failures < UINT8_MAX)
        client->bootstrap_failures++;
    uint64_t pause = doubled(BOOTSTRAP_PAUSE, client->bootstrap_failures);
    pause_for(client, now, pause < BOOTSTRAP_PAUSE_LONGEST ? pause : BOOTSTRAP_PAUSE_LONGEST, why);
}

enum lwm2m_code lwm2m_client_bootstrap_finish(struct lwm2m_client *client, uint64_t now)
{
    (void)now;
    if (client->state != LWM2M_BOOTSTRAPPING)
        return LWM2M_NOT_ALLOWED;
    struct lwm2m_account account;
    if (!lwm2m_account_find(client->model, false, &account))
        return LWM2M_NOT_ACCEPTABLE;
    client->account = account;
    client->bootstrap_failures = 0;
    client->failures = 0;
    client->sequences = 0;
    begin_registration(client);
    return LWM2M_CHANGED;
}

bool lwm2m_client_is_bootstrapping(const struct lwm2m_client *client)
{
    return client->state == LWM2M_BOOTSTRAPPING;
}

/* --- registration ---------------------------------------------------------------------------- */

/* How long before the end of a lifetime, ms, it is renewed. */
static uint64_t margin(uint32_t lifetime)
{
    uint64_t half = (uint64_t)lifetime * SECOND / 2;
    return half < LWM2M_AWAKE ? half : LWM2M_AWAKE;
}

/* What the request that was out told, the server knows. Its lifetime began when that came, at the earliest as
 * it was sent. */
static void settle(struct lwm2m_client *client)
{
    client->lifetime = client->told_lifetime;
    client->is_queueing = client->told_queueing;
    client->due = client->sent + (uint64_t)client->lifetime * SECOND - margin(client->lifetime);
    if (client->told_links)
        client->wants_links = false;
    client->why = NULL;
    turn(client, LWM2M_REGISTERED);
}

/* The backoff of 6.2.1.2 of 1.1, for 1.0, which says nothing of it, too: a sequence of attempts with doubled
 * pauses between; some sequences with a long pause between; then the bootstrap server is asked, if there is
 * one, and else it all begins again. */
static void fail_registration(struct lwm2m_client *client, uint64_t now, const char *why)
{
    client->failures++;
    if (client->failures < server_number(client, LWM2M_SERVER_RETRY_COUNT, RETRY_COUNT) &&
        client->failures < UINT8_MAX) {
        uint32_t timer = server_number(client, LWM2M_SERVER_RETRY_TIMER, RETRY_TIMER);
        pause_for(client, now, doubled(timer, client->failures), why);
        return;
    }
    client->failures = 0;
    client->sequences++;
    if (client->sequences >= server_number(client, LWM2M_SERVER_SEQUENCE_COUNT, SEQUENCE_COUNT) ||
        client->sequences == UINT8_MAX) {
        const struct lwm2m_instance *server = lwm2m_account_server(client->model, &client->account);
        client->sequences = 0;
        client->wants_bootstrap =
            has_account(client, true) &&
            (!server || lwm2m_model_boolean(server, LWM2M_SERVER_BOOTSTRAP_ON_FAILURE, true));
    }
    uint32_t delay = server_number(client, LWM2M_SERVER_SEQUENCE_DELAY, SEQUENCE_DELAY);
    pause_for(client, now, client->wants_bootstrap ? 0 : delay, why);
}

static void registered(struct lwm2m_client *client, uint64_t now, uint8_t code,
                       const char *location)
{
    size_t length = strlen(location);
    if (code != LWM2M_CREATED) {
        client->refusal = code;
        fail_registration(client, now, "refused");
    } else if (length == 0 || length >= sizeof client->location) {
        fail_registration(client, now, "registered without a usable location");
    } else {
        memcpy(client->location, location, length + 1);
        client->failures = 0;
        client->sequences = 0;
        client->bootstrap_failures = 0;
        settle(client);
    }
}

/* --- leave-taking ---------------------------------------------------------------------------- */

/* Answered or not, the registration is over: the server's own clock ends it. */
static void left(struct lwm2m_client *client, uint64_t now)
{
    client->asked = LWM2M_ASKED_NOTHING;
    client->location[0] = 0;
    if (client->is_leaving)
        turn(client, LWM2M_GONE);
    else
        pause_for(client, now, server_number(client, LWM2M_SERVER_DISABLE_TIMEOUT, DISABLE_TIMEOUT),
                  "disabled by the server");
}

void lwm2m_client_leave(struct lwm2m_client *client, uint64_t now)
{
    client->is_leaving = true;
    if (client->state == LWM2M_BOOTSTRAPPING)
        undo_bootstrap(client);
    if (client->state == LWM2M_REGISTERED) {
        client->asked = LWM2M_ASKED_NOTHING;
        turn(client, LWM2M_DEREGISTERING);
    } else if (client->state != LWM2M_DEREGISTERING && client->state != LWM2M_GONE) {
        left(client, now);
    }
}

/* --- what is asked for from outside ---------------------------------------------------------- */

void lwm2m_client_start(struct lwm2m_client *client, uint64_t now)
{
    struct lwm2m_account account;
    client->awake_until = now + LWM2M_AWAKE;
    if (!lwm2m_account_find(client->model, false, &account) &&
        lwm2m_account_find(client->model, true, &account)) {
        const struct lwm2m_object *securities = lwm2m_model_object(client->model, 0);
        int64_t hold_off = lwm2m_model_integer(lwm2m_model_instance(securities, account.security),
                                               LWM2M_SECURITY_HOLD_OFF, 0);
        if (hold_off > 0 && hold_off <= UINT32_MAX) {
            pause_for(client, now, (uint64_t)hold_off, "held off");
            return;
        }
    }
    begin(client);
}

void lwm2m_client_update(struct lwm2m_client *client, bool instances_changed)
{
    client->wants_update = true;
    client->wants_links |= instances_changed;
}

void lwm2m_client_register_anew(struct lwm2m_client *client, uint64_t now)
{
    bool can = client->state == LWM2M_REGISTERED || client->state == LWM2M_REGISTERING ||
               (client->state == LWM2M_PAUSING && !client->is_disabled);
    (void)now;
    if (!can || !lwm2m_account_find(client->model, false, &client->account))
        return;
    client->failures = 0;
    begin_registration(client);
}

void lwm2m_client_bootstrap(struct lwm2m_client *client, uint64_t now)
{
    (void)now;
    if (client->state != LWM2M_BOOTSTRAPPING && client->state != LWM2M_DEREGISTERING &&
        client->state != LWM2M_GONE)
        begin_bootstrap(client);
}

enum lwm2m_code lwm2m_client_execute(void *context, struct lwm2m_instance *instance,
                                     uint16_t resource, const char *arguments, size_t length)
{
    struct lwm2m_client *client = context;
    (void)instance;
    (void)arguments;
    (void)length;
    switch (resource) {
    case LWM2M_SERVER_DISABLE:
        client->wants_disable = true;
        return LWM2M_CHANGED;
    case LWM2M_SERVER_UPDATE_TRIGGER:
        lwm2m_client_update(client, false);
        return LWM2M_CHANGED;
    case LWM2M_SERVER_BOOTSTRAP_TRIGGER:
        client->wants_bootstrap = has_account(client, true);
        return client->wants_bootstrap ? LWM2M_CHANGED : LWM2M_NOT_ALLOWED;
    default:
        return LWM2M_NOT_ALLOWED;
    }
}

bool lwm2m_client_send(struct lwm2m_client *client, const struct lwm2m_path *path)
{
    const struct lwm2m_instance *server = lwm2m_account_server(client->model, &client->account);
    if (!client->is_1_1 || client->sends_length ||
        (server && lwm2m_model_boolean(server, LWM2M_SERVER_MUTE_SEND, false)))
        return false;
    struct lwm2m_response response = {.payload = client->sends, .capacity = sizeof client->sends};
    if (lwm2m_serve_read(client->serve, path, LWM2M_FORMAT_SENML_CBOR, &response) != LWM2M_CONTENT)
        return false;
    client->sends_format = response.format;
    client->sends_length = response.length;
    return client->sends_length > 0;
}

/* --- queue mode ------------------------------------------------------------------------------ */

void lwm2m_client_heard(struct lwm2m_client *client, uint64_t now)
{
    client->awake_until = now + LWM2M_AWAKE;
}

bool lwm2m_client_is_awake(const struct lwm2m_client *client, uint64_t now)
{
    return !client->is_queueing || client->state != LWM2M_REGISTERED ||
           client->asked != LWM2M_ASKED_NOTHING || now < client->awake_until;
}

/* --- what to send, and its answers ----------------------------------------------------------- */

static bool update_is_due(const struct lwm2m_client *client, uint64_t now)
{
    return client->wants_update || client->wants_links || now >= client->due ||
           lwm2m_client_lifetime(client) != client->lifetime ||
           lwm2m_client_queueing(client) != client->is_queueing;
}

static enum lwm2m_asked next_of_registered(struct lwm2m_client *client, uint64_t now)
{
    if (client->wants_bootstrap && begin_bootstrap(client))
        return LWM2M_ASKED_BOOTSTRAP;
    if (client->wants_disable) {
        client->wants_disable = false;
        client->is_disabled = true;
        turn(client, LWM2M_DEREGISTERING);
        return LWM2M_ASKED_DEREGISTER;
    }
    if (client->is_1_1 && lwm2m_client_queueing(client) != client->is_queueing) {
        begin_registration(client); /* no update of 1.1 tells queue mode (6.2.2) */
        return LWM2M_ASKED_REGISTER;
    }
    if (update_is_due(client, now))
        return LWM2M_ASKED_UPDATE;
    return client->sends_length ? LWM2M_ASKED_SEND : LWM2M_ASKED_NOTHING;
}

static enum lwm2m_asked next_of(struct lwm2m_client *client, uint64_t now)
{
    if (client->state == LWM2M_PAUSING && now >= client->due) {
        client->is_disabled = false;
        begin(client);
    }
    if (client->state == LWM2M_BOOTSTRAPPING && client->is_answered && now >= client->due)
        fail_bootstrap(client, now, "not finished in time");
    if (client->asked != LWM2M_ASKED_NOTHING)
        return LWM2M_ASKED_NOTHING;
    switch (client->state) {
    case LWM2M_BOOTSTRAPPING:
        return client->is_answered ? LWM2M_ASKED_NOTHING : LWM2M_ASKED_BOOTSTRAP;
    case LWM2M_REGISTERING:
        return LWM2M_ASKED_REGISTER;
    case LWM2M_REGISTERED:
        return next_of_registered(client, now);
    case LWM2M_DEREGISTERING:
        return LWM2M_ASKED_DEREGISTER;
    default:
        return LWM2M_ASKED_NOTHING;
    }
}

bool lwm2m_client_next(struct lwm2m_client *client, uint64_t now, struct lwm2m_outgoing *out)
{
    enum lwm2m_asked asked = next_of(client, now);
    if (asked == LWM2M_ASKED_NOTHING)
        return false;
    if (asked == LWM2M_ASKED_REGISTER || asked == LWM2M_ASKED_UPDATE)
        client->wants_update = false; /* what is asked for from here on needs another one */
    if (!lwm2m_client_write(client, asked, out)) {
        fail_registration(client, now, "the links of the objects are too long");
        return false;
    }
    client->asked = asked;
    client->sent = now;
    client->awake_until = now + LWM2M_AWAKE;
    return true;
}

void lwm2m_client_answered(struct lwm2m_client *client, uint64_t now, uint8_t code,
                           const char *location)
{
    enum lwm2m_asked asked = client->asked;
    client->asked = LWM2M_ASKED_NOTHING;
    client->awake_until = now + LWM2M_AWAKE;
    switch (asked) {
    case LWM2M_ASKED_BOOTSTRAP:
        if (code == LWM2M_CHANGED) {
            client->is_answered = true;
            client->due = now + client->bootstrap_timeout;
        } else {
            client->refusal = code;
            fail_bootstrap(client, now, "refused");
        }
        break;
    case LWM2M_ASKED_REGISTER:
        registered(client, now, code, location);
        break;
    case LWM2M_ASKED_UPDATE:
        /* 4.04: the server has lost it. Whatever else isn't 2.04 leaves open what the server knows. */
        if (code == LWM2M_CHANGED)
            settle(client);
        else
            begin_registration(client);
        break;
    case LWM2M_ASKED_SEND:
        /* Does a server that doesn't take it still know us? An update finds out. */
        client->sends_length = 0;
        client->wants_update |= code == LWM2M_NOT_FOUND || code == LWM2M_BAD_REQUEST;
        break;
    case LWM2M_ASKED_DEREGISTER:
        left(client, now);
        break;
    default:
        break;
    }
}

void lwm2m_client_failed(struct lwm2m_client *client, uint64_t now)
{
    enum lwm2m_asked asked = client->asked;
    client->asked = LWM2M_ASKED_NOTHING;
    switch (asked) {
    case LWM2M_ASKED_BOOTSTRAP:
        fail_bootstrap(client, now, "unanswered");
        break;
    case LWM2M_ASKED_REGISTER:
        fail_registration(client, now, "unanswered");
        break;
    case LWM2M_ASKED_UPDATE:
        begin_registration(client);
        break;
    case LWM2M_ASKED_SEND:
        client->sends_length = 0;
        client->wants_update = true;
        break;
    case LWM2M_ASKED_DEREGISTER:
        left(client, now);
        break;
    default:
        break;
    }
}

uint64_t lwm2m_client_wait(const struct lwm2m_client *client, uint64_t now)
{
    bool has_due = client->state == LWM2M_PAUSING || client->state == LWM2M_REGISTERED ||
                   client->state == LWM2M_BOOTSTRAPPING;
    if (client->asked != LWM2M_ASKED_NOTHING || client->state == LWM2M_IDLE ||
        client->state == LWM2M_GONE)
        return UINT64_MAX;
    if (client->state == LWM2M_REGISTERED && (client->wants_bootstrap || client->wants_disable ||
                                              client->sends_length || update_is_due(client, now)))
        return 0;
    if (!has_due || (client->state == LWM2M_BOOTSTRAPPING && !client->is_answered))
        return 0;
    return client->due > now ? client->due - now : 0;
}
