/* Being registered: its beginning, its renewals, the backoff after failures, and its end. */
#include "engine/lwm2m/lwm2m_client_private.h"

#include <string.h>

enum {
    DISABLE_TIMEOUT = 86400,
    /* Defaults of Table 6.2.1.2-1 of 1.1, s. */
    RETRY_COUNT = 5,
    RETRY_TIMER = 60,
    SEQUENCE_DELAY = 86400,
    SEQUENCE_COUNT = 1
};

/* A number of the Server object that tells how patient to be; what is out of range counts as unsaid. */
static uint32_t server_number(const struct lwm2m_client *client, uint16_t resource,
                              uint32_t otherwise)
{
    const struct lwm2m_instance *server = lwm2m_account_server(client->model, &client->account);
    int64_t number = server ? lwm2m_model_integer(server, resource, otherwise) : otherwise;
    return number >= 1 && number <= UINT32_MAX ? (uint32_t)number : otherwise;
}

void lwm2m_client_begin_registration(struct lwm2m_client *client)
{
    client->asked = LWM2M_ASKED_NOTHING;
    client->location[0] = 0;
    client->why = NULL;
    lwm2m_client_turn(client, LWM2M_REGISTERING);
}

/* How long before the end of a lifetime, ms, it is renewed. */
static uint64_t margin(uint32_t lifetime)
{
    uint64_t half = (uint64_t)lifetime * LWM2M_SECOND / 2;
    return half < LWM2M_AWAKE ? half : LWM2M_AWAKE;
}

/* What the request that was out told, the server knows. Its lifetime began when that came, at the earliest as
 * it was sent. */
void lwm2m_client_settle(struct lwm2m_client *client)
{
    client->lifetime = client->told_lifetime;
    client->is_queueing = client->told_queueing;
    client->due =
        client->sent + (uint64_t)client->lifetime * LWM2M_SECOND - margin(client->lifetime);
    if (client->told_links)
        client->wants_links = false;
    client->why = NULL;
    lwm2m_client_turn(client, LWM2M_REGISTERED);
}

/* The backoff of 6.2.1.2 of 1.1, for 1.0, which says nothing of it, too: a sequence of attempts with doubled
 * pauses between; some sequences with a long pause between; then the bootstrap server is asked, if there is
 * one, and else it all begins again. */
void lwm2m_client_fail_registration(struct lwm2m_client *client, uint64_t now, const char *why)
{
    client->failures++;
    if (client->failures < server_number(client, LWM2M_SERVER_RETRY_COUNT, RETRY_COUNT) &&
        client->failures < UINT8_MAX) {
        uint32_t timer = server_number(client, LWM2M_SERVER_RETRY_TIMER, RETRY_TIMER);
        lwm2m_client_pause_for(client, now, lwm2m_client_doubled(timer, client->failures), why);
        return;
    }
    client->failures = 0;
    client->sequences++;
    if (client->sequences >= server_number(client, LWM2M_SERVER_SEQUENCE_COUNT, SEQUENCE_COUNT) ||
        client->sequences == UINT8_MAX) {
        const struct lwm2m_instance *server = lwm2m_account_server(client->model, &client->account);
        client->sequences = 0;
        client->wants_bootstrap =
            lwm2m_client_has_account(client, true) &&
            (!server || lwm2m_model_boolean(server, LWM2M_SERVER_BOOTSTRAP_ON_FAILURE, true));
    }
    uint32_t delay = server_number(client, LWM2M_SERVER_SEQUENCE_DELAY, SEQUENCE_DELAY);
    lwm2m_client_pause_for(client, now, client->wants_bootstrap ? 0 : delay, why);
}

/* Of visible characters: it stands in lines of logs, and becomes a path again. */
static bool is_usable(const char *location, size_t room)
{
    size_t length = strlen(location);
    for (size_t i = 0; i < length; i++)
        if (location[i] <= ' ' || location[i] > '~')
            return false;
    return length > 0 && length < room;
}

void lwm2m_client_registered(struct lwm2m_client *client, uint64_t now, uint8_t code,
                             const char *location)
{
    if (code != LWM2M_CREATED) {
        client->refusal = code;
        lwm2m_client_fail_registration(client, now, "refused");
    } else if (!is_usable(location, sizeof client->location)) {
        lwm2m_client_fail_registration(client, now, "registered without a usable location");
    } else {
        memcpy(client->location, location, strlen(location) + 1);
        client->failures = 0;
        client->sequences = 0;
        client->bootstrap_failures = 0;
        lwm2m_client_settle(client);
    }
}

/* Answered or not, the registration is over: the server's own clock ends it. */
void lwm2m_client_left(struct lwm2m_client *client, uint64_t now)
{
    client->asked = LWM2M_ASKED_NOTHING;
    client->location[0] = 0;
    if (client->is_leaving)
        lwm2m_client_turn(client, LWM2M_GONE);
    else
        lwm2m_client_pause_for(client, now,
                               server_number(client, LWM2M_SERVER_DISABLE_TIMEOUT, DISABLE_TIMEOUT),
                               "disabled by the server");
}
