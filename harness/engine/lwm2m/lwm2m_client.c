#include "engine/lwm2m/lwm2m_client_private.h"

enum { DOUBLINGS = 20 /* of a pause, at most */ };

/* --- states ---------------------------------------------------------------------------------- */

void lwm2m_client_turn(struct lwm2m_client *client, enum lwm2m_client_state state)
{
    client->state = state;
    if (client->turned)
        client->turned(client->context, state);
}

void lwm2m_client_pause_for(struct lwm2m_client *client, uint64_t now, uint64_t seconds,
                            const char *why)
{
    client->why = why;
    client->due = now + seconds * LWM2M_SECOND;
    lwm2m_client_turn(client, LWM2M_PAUSING);
}

uint64_t lwm2m_client_doubled(uint64_t seconds, unsigned int failures)
{
    unsigned int doublings = failures - 1;
    return seconds << (doublings < DOUBLINGS ? doublings : DOUBLINGS);
}

/* With the server's account, or with whom to get one from. */
static void begin(struct lwm2m_client *client)
{
    if (client->wants_bootstrap && lwm2m_client_begin_bootstrap(client))
        return;
    if (lwm2m_account_find(client->model, false, &client->account)) {
        lwm2m_client_begin_registration(client);
    } else if (!lwm2m_client_begin_bootstrap(client)) {
        client->why = "no account";
        lwm2m_client_turn(client, LWM2M_IDLE);
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
            lwm2m_client_pause_for(client, now, (uint64_t)hold_off, "held off");
            return;
        }
    }
    begin(client);
}

void lwm2m_client_start_later(struct lwm2m_client *client, uint64_t now, uint32_t seconds)
{
    client->awake_until = now + LWM2M_AWAKE;
    lwm2m_client_pause_for(client, now, seconds, NULL);
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
    lwm2m_client_begin_registration(client);
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
        client->wants_bootstrap = lwm2m_client_has_account(client, true);
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

void lwm2m_client_leave(struct lwm2m_client *client, uint64_t now)
{
    client->is_leaving = true;
    if (client->state == LWM2M_BOOTSTRAPPING)
        lwm2m_client_undo_bootstrap(client);
    if (client->state == LWM2M_REGISTERED) {
        client->asked = LWM2M_ASKED_NOTHING;
        lwm2m_client_turn(client, LWM2M_DEREGISTERING);
    } else if (client->state != LWM2M_DEREGISTERING && client->state != LWM2M_GONE) {
        lwm2m_client_left(client, now);
    }
}

/* --- queue mode ------------------------------------------------------------------------------ */

void lwm2m_client_heard(struct lwm2m_client *client, uint64_t now)
{
    client->awake_until = now + LWM2M_AWAKE;
}

bool lwm2m_client_is_awake(const struct lwm2m_client *client, uint64_t now)
{
    if (client->state == LWM2M_PAUSING && client->is_disabled)
        return false;
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
    if (client->wants_bootstrap && lwm2m_client_begin_bootstrap(client))
        return LWM2M_ASKED_BOOTSTRAP;
    if (client->wants_disable) {
        client->wants_disable = false;
        client->is_disabled = true;
        lwm2m_client_turn(client, LWM2M_DEREGISTERING);
        return LWM2M_ASKED_DEREGISTER;
    }
    if (client->is_1_1 && lwm2m_client_queueing(client) != client->is_queueing) {
        lwm2m_client_begin_registration(client); /* no update of 1.1 tells queue mode (6.2.2) */
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
        lwm2m_client_fail_bootstrap(client, now, "not finished in time");
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
        lwm2m_client_fail_registration(client, now, "the links of the objects are too long");
        return false;
    }
    client->asked = asked;
    client->sent = now;
    client->awake_until = now + LWM2M_AWAKE;
    return true;
}

/* What was asked is over. code is 0 if no answer came. */
static void conclude(struct lwm2m_client *client, uint64_t now, uint8_t code, const char *location)
{
    enum lwm2m_asked asked = client->asked;
    client->asked = LWM2M_ASKED_NOTHING;
    switch (asked) {
    case LWM2M_ASKED_BOOTSTRAP:
        if (code == LWM2M_CHANGED) {
            client->is_answered = true;
            client->due = now + client->bootstrap_timeout;
        } else {
            client->refusal = code;
            lwm2m_client_fail_bootstrap(client, now, code ? "refused" : "unanswered");
        }
        break;
    case LWM2M_ASKED_REGISTER:
        if (code)
            lwm2m_client_registered(client, now, code, location);
        else
            lwm2m_client_fail_registration(client, now, "unanswered");
        break;
    case LWM2M_ASKED_UPDATE:
        /* 4.04: the server has lost it. Whatever else isn't 2.04 leaves open what the server knows. */
        if (code == LWM2M_CHANGED)
            lwm2m_client_settle(client);
        else
            lwm2m_client_begin_registration(client);
        break;
    case LWM2M_ASKED_SEND:
        /* Does a server that doesn't take it still know us? An update finds out. */
        client->sends_length = 0;
        client->wants_update |= !code || code == LWM2M_NOT_FOUND || code == LWM2M_BAD_REQUEST;
        break;
    case LWM2M_ASKED_DEREGISTER:
        lwm2m_client_left(client, now);
        break;
    default:
        break;
    }
}

void lwm2m_client_answered(struct lwm2m_client *client, uint64_t now, uint8_t code,
                           const char *location)
{
    client->awake_until = now + LWM2M_AWAKE;
    conclude(client, now, code, location);
}

void lwm2m_client_failed(struct lwm2m_client *client, uint64_t now)
{
    conclude(client, now, 0, "");
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
