/* Being provisioned: asking a bootstrap server, taking what it writes, or going back to what was before. */
#include "engine/lwm2m/lwm2m_client_private.h"
#include "engine/lwm2m/lwm2m_snapshot.h"

enum {
    PAUSE = 10, /* s, doubled with each failure up to the longest */
    PAUSE_LONGEST = 3600
};

bool lwm2m_client_has_account(const struct lwm2m_client *client, bool bootstrap)
{
    struct lwm2m_account account;
    return lwm2m_account_find(client->model, bootstrap, &account);
}

bool lwm2m_client_begin_bootstrap(struct lwm2m_client *client)
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
    lwm2m_client_turn(client, LWM2M_BOOTSTRAPPING);
    return true;
}

void lwm2m_client_undo_bootstrap(struct lwm2m_client *client)
{
    client->asked = LWM2M_ASKED_NOTHING;
    if (client->snapshot)
        lwm2m_snapshot_restore(client->model, client->snapshot);
}

void lwm2m_client_fail_bootstrap(struct lwm2m_client *client, uint64_t now, const char *why)
{
    lwm2m_client_undo_bootstrap(client);
    if (client->bootstrap_failures < UINT8_MAX)
        client->bootstrap_failures++;
    uint64_t pause = lwm2m_client_doubled(PAUSE, client->bootstrap_failures);
    lwm2m_client_pause_for(client, now, pause < PAUSE_LONGEST ? pause : PAUSE_LONGEST, why);
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
    lwm2m_client_begin_registration(client);
    return LWM2M_CHANGED;
}

bool lwm2m_client_is_bootstrapping(const struct lwm2m_client *client)
{
    return client->state == LWM2M_BOOTSTRAPPING;
}
