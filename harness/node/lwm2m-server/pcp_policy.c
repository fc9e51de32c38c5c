#include "node/lwm2m-server/pcp_policy.h"

#include "node/common/say.h"
#include "node/lwm2m-server/contact.h"
#include "node/lwm2m-server/doubt.h"
#include "node/lwm2m-server/pcp_instance.h"

#include <string.h>

/* RFC 6887, and a device that does not know yet which version its server speaks. */
enum { PCP_VERSION = 2, PCP_VERSION_UNKNOWN = 0 };

/* --- steps ------------------------------------------------------------------------------------ */

/* What the server does of a device's PCP-context, to be done again where its format is refused. */
struct step {
    const char *name;
    void (*take)(struct contact *contact); /* NULL: it has none */
};

static const char *name_of(const struct contact *contact)
{
    return contact_registration(contact)->endpoint;
}

/* It ends here; the device's next registration begins anew. */
static void give_up(struct contact *contact, const struct step *step,
                    const struct coap_answer *answer)
{
    char code[8];
    bool is_lost = !answer->code && strcmp(answer->why, "session lost") == 0;
    if (!is_lost) /* else it registers anew */
        say("pcp %s not enabled: %s %s", name_of(contact), step->name,
            answer->code ? coap_support_code(answer->code, code) : answer->why);
    contact->pcp.is_on = false;
}

static bool is_good(struct contact *contact, const struct step *step,
                    const struct coap_answer *answer)
{
    if (!contact)
        return false;
    if (COAP_RESPONSE_CLASS(answer->code) == 2)
        return true;
    if (step->take && pcp_instance_speak_otherwise(contact, answer))
        step->take(contact);
    else
        give_up(contact, step, answer);
    return false;
}

/* --- the request, and a fresh port for it ------------------------------------------------------ */

static void on_executed(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    static const struct step step = {"request", NULL};
    is_good(contact, &step, answer);
}

static void execute(struct contact *contact)
{
    contact->pcp.is_heard_since = false;
    pcp_instance_request(contact, on_executed);
}

static void ask_for_fresh_port(struct contact *contact);

static void on_written_port(void *context, struct contact *contact,
                            const struct coap_answer *answer)
{
    (void)context;
    static const struct step step = {"internal port", ask_for_fresh_port};
    if (is_good(contact, &step, answer))
        execute(contact);
}

static void ask_for_fresh_port(struct contact *contact)
{
    static const struct pcp_setting port = {PCP_CONTEXT_INTERNAL_PORT,
                                            {.type = LWM2M_TYPE_INTEGER, .as.integer = 0}};
    contact->pcp.asked_fresh = true;
    contact->pcp.is_heard_since = false;
    pcp_instance_write(contact, &port, 1, on_written_port);
}

/* --- is it seen from its mapping? ------------------------------------------------------------- */

static void compare(struct contact *contact, bool is_certain)
{
    const struct lwm2m_registration *registration = contact_registration(contact);
    struct pcp_policy *pcp = &contact->pcp;
    char seen[PLACE_TEXT_SIZE];
    char mapped[PLACE_TEXT_SIZE];
    place_text(&registration->address, registration->port, seen);
    place_text(&pcp->address, pcp->port, mapped);
    bool is_same =
        address_equal(&registration->address, &pcp->address) && registration->port == pcp->port;
    if (is_same) {
        pcp->asked_fresh = false;
        doubt_end(contact);
        if (!pcp->is_seen)
            say("pcp %s seen from its mapping", registration->endpoint);
        pcp->is_seen = true;
        return;
    }
    pcp->is_seen = false;
    if (!pcp->is_heard_since)
        return; /* its update is on its way */
    if (!is_certain) {
        doubt_begin(contact);
    } else if (pcp->asked_fresh) {
        say("pcp %s not seen from its mapping", registration->endpoint);
    } else {
        say("pcp %s seen from %s instead of its mapping %s: asking for a fresh port",
            registration->endpoint, seen, mapped);
        ask_for_fresh_port(contact);
    }
}

static void read_external_place(struct contact *contact);

static void on_place(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    if (!contact)
        return;
    struct pcp_policy *pcp = &contact->pcp;
    struct pcp_policy before = *pcp;
    pcp->is_reading = false;
    if (pcp_instance_speak_otherwise(contact, answer)) {
        read_external_place(contact);
        return;
    }
    pcp->is_certain = false;
    if (COAP_RESPONSE_CLASS(answer->code) != 2 ||
        !pcp_instance_place(contact, answer, &pcp->address, &pcp->port))
        return; /* lost again meanwhile; its status will tell */
    pcp->has_place = true;
    if (!before.has_place || before.port != pcp->port ||
        !address_equal(&before.address, &pcp->address)) {
        char text[PLACE_TEXT_SIZE];
        say("pcp %s mapped at %s", name_of(contact), place_text(&pcp->address, pcp->port, text));
        pcp->is_seen = false;
    }
    compare(contact, before.is_certain);
}

static void read_external_place(struct contact *contact)
{
    if (contact->pcp.is_reading)
        return;
    contact->pcp.is_reading = true;
    pcp_instance_read(contact, on_place);
}

/* --- step by step ----------------------------------------------------------------------------- */

static void read_version(struct contact *contact);

static void on_version(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    static const struct step step = {"version", read_version};
    if (!is_good(contact, &step, answer))
        return;
    int64_t version = -1;
    if (pcp_instance_integer(contact, PCP_CONTEXT_VERSION, answer, &version) &&
        (version == PCP_VERSION || version == PCP_VERSION_UNKNOWN)) {
        execute(contact);
        return;
    }
    say("pcp %s not enabled: version %d", name_of(contact), (int)version);
    contact->pcp.is_on = false;
}

static void read_version(struct contact *contact)
{
    pcp_instance_read_one(contact, PCP_CONTEXT_VERSION, COAP_OBSERVING_NOT, on_version);
}

static void enable(struct contact *contact);

static void on_written(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    static const struct step step = {"write", enable};
    if (is_good(contact, &step, answer))
        read_version(contact);
}

static void enable(struct contact *contact)
{
    const struct pcp_setting settings[] = {
        {PCP_CONTEXT_LIFETIME,
         {.type = LWM2M_TYPE_INTEGER, .as.integer = contact->manager->mapping_lifetime}},
        {PCP_CONTEXT_ENABLED, {.type = LWM2M_TYPE_BOOLEAN, .as.boolean = true}},
    };
    contact->pcp.is_enabled = true;
    pcp_instance_write(contact, settings, sizeof settings / sizeof settings[0], on_written);
}

static void observe_status(struct contact *contact);

static void on_status(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    static const struct step step = {"status", observe_status};
    if (!is_good(contact, &step, answer))
        return;
    int64_t status = -1;
    if (!pcp_instance_integer(contact, PCP_CONTEXT_STATUS, answer, &status)) {
        say("pcp %s status not understood", name_of(contact));
        return;
    }
    say("pcp %s status %d", name_of(contact), (int)status);
    contact->pcp.is_mapped = status == PCP_STATUS_MAPPED;
    if (contact->pcp.is_mapped) {
        if (!answer->is_notification)
            contact->pcp.is_heard_since = true;
        read_external_place(contact);
    } else if (!answer->is_notification && !contact->pcp.is_enabled) {
        enable(contact);
    }
}

static void observe_status(struct contact *contact)
{
    pcp_instance_read_one(contact, PCP_CONTEXT_STATUS, COAP_OBSERVING_BEGIN, on_status);
}

static bool is_wanted(const struct contact *contact)
{
    const struct lwm2m_registration *registration = contact_registration(contact);
    bool is_needed = strcmp(registration->binding, "U") == 0 && !registration->queue_mode;
    return registration->has_pcp && (contact->manager->pcp == PCP_ALWAYS ||
                                     (contact->manager->pcp == PCP_WHEN_NEEDED && is_needed));
}

void pcp_policy_registered(struct contact *contact, const struct pcp_policy *before)
{
    if (!is_wanted(contact))
        return;
    contact->pcp = (struct pcp_policy){.is_on = true,
                                       .asked_fresh = before && before->asked_fresh,
                                       .format = contact_registration(contact)->format};
    say("pcp %s enabling", name_of(contact));
    observe_status(contact);
}

void pcp_policy_updated(struct contact *contact)
{
    struct pcp_policy *pcp = &contact->pcp;
    if (!pcp->is_on) {
        pcp_policy_registered(contact, pcp); /* the object, or the binding, may be new */
        return;
    }
    pcp->is_heard_since = true;
    const struct lwm2m_registration *registration = contact_registration(contact);
    bool is_known = pcp->has_place && pcp->port == registration->port &&
                    address_equal(&pcp->address, &registration->address);
    if (pcp->is_mapped && is_known)
        compare(contact, false);
    else if (pcp->is_mapped)
        read_external_place(contact); /* it may have been renumbered */
}

uint64_t pcp_policy_look_again(struct manager *manager)
{
    struct contact *contact;
    while ((contact = doubt_take(manager))) {
        if (!contact->pcp.is_on || !contact->pcp.is_mapped)
            continue;
        contact->pcp.is_certain = true;
        read_external_place(contact);
    }
    return doubt_wait(manager);
}
