#include "node/lwm2m-server/pcp_policy.h"

#include "node/common/say.h"
#include "node/lwm2m-server/contact.h"
#include "node/lwm2m-server/doubt.h"

#include <string.h>

/* RFC 6887, and a device that does not know yet which version its server speaks. */
enum { PCP_VERSION = 2, PCP_VERSION_UNKNOWN = 0 };

/* --- what is asked ---------------------------------------------------------------------------- */

static struct lwm2m_path context_path(const struct contact *contact)
{
    return (struct lwm2m_path){
        .depth = 2, .id = {LWM2M_OBJECT_PCP_CONTEXT, contact_registration(contact)->pcp_instance}};
}

static struct lwm2m_path resource_path(const struct contact *contact, uint16_t resource)
{
    struct lwm2m_path path = context_path(contact);
    return lwm2m_path_child(&path, resource);
}

static const char *name_of(const struct contact *contact)
{
    return contact_registration(contact)->endpoint;
}

/* It ends here; the device's next registration begins anew. */
static void give_up(struct contact *contact, const char *step, const struct coap_answer *answer)
{
    char code[8];
    bool is_lost = !answer->code && strcmp(answer->why, "session lost") == 0;
    if (!is_lost) /* else it registers anew */
        say("pcp %s not enabled: %s %s", name_of(contact), step,
            answer->code ? coap_support_code(answer->code, code) : answer->why);
    contact->pcp.is_on = false;
}

static bool is_good(struct contact *contact, const char *step, const struct coap_answer *answer)
{
    if (!contact)
        return false;
    bool good = COAP_RESPONSE_CLASS(answer->code) == 2;
    if (!good)
        give_up(contact, step, answer);
    return good;
}

static void ask(struct contact *contact, const struct lwm2m_path *path,
                struct coap_question question, contact_asked *asked)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    struct error error = {0};
    question.path = lwm2m_path_text(path, text);
    if (contact_ask(contact, &question, asked, NULL, &error) < 0) {
        complain("pcp %s: %s", name_of(contact), error.text);
        contact->pcp.is_on = false;
    }
}

static void ask_to_read(struct contact *contact, const struct lwm2m_path *path,
                        enum coap_observing observing, contact_asked *asked)
{
    const struct coap_question question = {.method = COAP_REQUEST_CODE_GET,
                                           .content_format = COAP_NO_FORMAT,
                                           .accept = LWM2M_FORMAT_TLV,
                                           .observing = observing};
    ask(contact, path, question, asked);
}

/* A partial write of integers and a boolean into the instance. */
static void ask_to_write(struct contact *contact, const struct lwm2m_entry *entries, size_t count,
                         contact_asked *asked)
{
    uint8_t payload[64];
    struct error error = {0};
    struct lwm2m_path path = context_path(contact);
    int length = lwm2m_content_write(LWM2M_FORMAT_TLV, &path, entries, count, payload,
                                     sizeof payload, &error);
    if (length < 0) {
        complain("%s", error.text);
        return;
    }
    const struct coap_question question = {.method = COAP_REQUEST_CODE_POST,
                                           .content_format = LWM2M_FORMAT_TLV,
                                           .accept = COAP_NO_FORMAT,
                                           .payload = payload,
                                           .length = (size_t)length};
    ask(contact, &path, question, asked);
}

static void ask_to_execute(struct contact *contact, contact_asked *asked)
{
    struct lwm2m_path path = resource_path(contact, PCP_CONTEXT_REQUEST);
    const struct coap_question question = {.method = COAP_REQUEST_CODE_POST,
                                           .content_format = COAP_NO_FORMAT,
                                           .accept = COAP_NO_FORMAT};
    ask(contact, &path, question, asked);
}

/* --- what is answered ------------------------------------------------------------------------- */

static const struct lwm2m_value *find_value(const struct lwm2m_content *content, uint16_t resource)
{
    for (size_t i = 0; i < content->count; i++) {
        const struct lwm2m_entry *entry = &content->entries[i];
        if (entry->path.depth == 3 && entry->path.id[2] == resource)
            return &entry->value;
    }
    return NULL;
}

static bool read_content(const struct contact *contact, const struct lwm2m_path *path,
                         const struct coap_answer *answer)
{
    return lwm2m_content_read(answer->content_format, path, answer->payload, answer->length,
                              &lwm2m_typing_of_registry, &contact->manager->content,
                              NULL) == LWM2M_CHANGED;
}

static bool read_integer(const struct contact *contact, uint16_t resource,
                         const struct coap_answer *answer, int64_t *out)
{
    struct lwm2m_path path = resource_path(contact, resource);
    const struct lwm2m_value *value = read_content(contact, &path, answer)
                                          ? find_value(&contact->manager->content, resource)
                                          : NULL;
    if (value)
        *out = value->as.integer;
    return value != NULL;
}

static bool read_place(struct contact *contact, const struct coap_answer *answer)
{
    struct lwm2m_path path = context_path(contact);
    if (!read_content(contact, &path, answer))
        return false;
    const struct lwm2m_value *address =
        find_value(&contact->manager->content, PCP_CONTEXT_EXTERNAL_ADDRESS);
    const struct lwm2m_value *port =
        find_value(&contact->manager->content, PCP_CONTEXT_EXTERNAL_PORT);
    char text[ADDRESS_TEXT_SIZE];
    if (!address || !port || address->as.data.length >= sizeof text || port->as.integer <= 0 ||
        port->as.integer > UINT16_MAX)
        return false;
    memcpy(text, address->as.data.octets, address->as.data.length);
    text[address->as.data.length] = '\0';
    contact->pcp.port = (uint16_t)port->as.integer;
    return address_parse(text, &contact->pcp.address);
}

/* --- is it seen from its mapping? ------------------------------------------------------------- */

static void on_written_port(void *context, struct contact *contact,
                            const struct coap_answer *answer);

static void ask_for_fresh_port(struct contact *contact)
{
    contact->pcp.asked_fresh = true;
    contact->pcp.is_heard_since = false;
    const struct lwm2m_entry entry = {.path = resource_path(contact, PCP_CONTEXT_INTERNAL_PORT),
                                      .value = {.type = LWM2M_TYPE_INTEGER, .as.integer = 0}};
    ask_to_write(contact, &entry, 1, on_written_port);
}

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

static void on_place(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    if (!contact)
        return;
    struct pcp_policy *pcp = &contact->pcp;
    struct pcp_policy before = *pcp;
    pcp->is_reading = false;
    pcp->is_certain = false;
    if (COAP_RESPONSE_CLASS(answer->code) != 2 || !read_place(contact, answer))
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
    struct lwm2m_path path = context_path(contact);
    ask_to_read(contact, &path, COAP_OBSERVING_NOT, on_place);
}

/* --- step by step ----------------------------------------------------------------------------- */

static void on_executed(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    is_good(contact, "request", answer);
}

static void execute(struct contact *contact)
{
    contact->pcp.is_heard_since = false;
    ask_to_execute(contact, on_executed);
}

static void on_written_port(void *context, struct contact *contact,
                            const struct coap_answer *answer)
{
    (void)context;
    if (is_good(contact, "internal port", answer))
        execute(contact);
}

static void on_version(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    if (!is_good(contact, "version", answer))
        return;
    int64_t version = -1;
    if (read_integer(contact, PCP_CONTEXT_VERSION, answer, &version) &&
        (version == PCP_VERSION || version == PCP_VERSION_UNKNOWN)) {
        execute(contact);
        return;
    }
    say("pcp %s not enabled: version %d", name_of(contact), (int)version);
    contact->pcp.is_on = false;
}

static void on_written(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    if (!is_good(contact, "write", answer))
        return;
    struct lwm2m_path path = resource_path(contact, PCP_CONTEXT_VERSION);
    ask_to_read(contact, &path, COAP_OBSERVING_NOT, on_version);
}

static void enable(struct contact *contact)
{
    const struct lwm2m_entry entries[] = {
        {.path = resource_path(contact, PCP_CONTEXT_LIFETIME),
         .value = {.type = LWM2M_TYPE_INTEGER, .as.integer = contact->manager->mapping_lifetime}},
        {.path = resource_path(contact, PCP_CONTEXT_ENABLED),
         .value = {.type = LWM2M_TYPE_BOOLEAN, .as.boolean = true}},
    };
    contact->pcp.is_enabled = true;
    ask_to_write(contact, entries, sizeof entries / sizeof entries[0], on_written);
}

static void on_status(void *context, struct contact *contact, const struct coap_answer *answer)
{
    (void)context;
    if (!is_good(contact, "status", answer))
        return;
    int64_t status = -1;
    if (!read_integer(contact, PCP_CONTEXT_STATUS, answer, &status)) {
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
    contact->pcp = (struct pcp_policy){.is_on = true, .asked_fresh = before && before->asked_fresh};
    say("pcp %s enabling", name_of(contact));
    struct lwm2m_path path = resource_path(contact, PCP_CONTEXT_STATUS);
    ask_to_read(contact, &path, COAP_OBSERVING_BEGIN, on_status);
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
