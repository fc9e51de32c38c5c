#include "node/lwm2m-server/pcp_instance.h"

#include "node/common/say.h"

#include <string.h>

static struct lwm2m_path instance_path(const struct contact *contact)
{
    return (struct lwm2m_path){
        .depth = 2, .id = {LWM2M_OBJECT_PCP_CONTEXT, contact_registration(contact)->pcp_instance}};
}

static struct lwm2m_path resource_path(const struct contact *contact, uint16_t resource)
{
    struct lwm2m_path path = instance_path(contact);
    return lwm2m_path_child(&path, resource);
}

/* --- what is asked ---------------------------------------------------------------------------- */

static void ask(struct contact *contact, const struct lwm2m_path *path,
                struct coap_question question, contact_asked *asked)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    struct error error = {0};
    question.path = lwm2m_path_text(path, text);
    if (contact_ask(contact, &question, asked, NULL, &error) < 0) {
        complain("pcp %s: %s", contact_registration(contact)->endpoint, error.text);
        contact->pcp.is_on = false;
    }
}

static void ask_to_read(struct contact *contact, const struct lwm2m_path *path,
                        enum coap_observing observing, contact_asked *asked)
{
    const struct coap_question question = {.method = COAP_REQUEST_CODE_GET,
                                           .content_format = COAP_NO_FORMAT,
                                           .accept = contact->pcp.format,
                                           .observing = observing};
    ask(contact, path, question, asked);
}

void pcp_instance_read(struct contact *contact, contact_asked *asked)
{
    struct lwm2m_path path = instance_path(contact);
    ask_to_read(contact, &path, COAP_OBSERVING_NOT, asked);
}

void pcp_instance_read_one(struct contact *contact, uint16_t resource,
                           enum coap_observing observing, contact_asked *asked)
{
    struct lwm2m_path path = resource_path(contact, resource);
    ask_to_read(contact, &path, observing, asked);
}

void pcp_instance_write(struct contact *contact, const struct pcp_setting *settings, size_t count,
                        contact_asked *asked)
{
    uint8_t payload[128];
    struct error error = {0};
    struct lwm2m_path path = instance_path(contact);
    struct lwm2m_entry *entries = contact->manager->content.entries;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct lwm2m_entry){.path = lwm2m_path_child(&path, settings[i].resource),
                                          .value = settings[i].value};
    int length = lwm2m_content_write(contact->pcp.format, &path, entries, count, payload,
                                     sizeof payload, &error);
    if (length < 0) {
        complain("%s", error.text);
        return;
    }
    const struct coap_question question = {.method = COAP_REQUEST_CODE_POST,
                                           .content_format = contact->pcp.format,
                                           .accept = COAP_NO_FORMAT,
                                           .payload = payload,
                                           .length = (size_t)length};
    ask(contact, &path, question, asked);
}

void pcp_instance_request(struct contact *contact, contact_asked *asked)
{
    struct lwm2m_path path = resource_path(contact, PCP_CONTEXT_REQUEST);
    const struct coap_question question = {.method = COAP_REQUEST_CODE_POST,
                                           .content_format = COAP_NO_FORMAT,
                                           .accept = COAP_NO_FORMAT};
    ask(contact, &path, question, asked);
}

/* --- in which format -------------------------------------------------------------------------- */

bool pcp_instance_speak_otherwise(struct contact *contact, const struct coap_answer *answer)
{
    struct pcp_policy *pcp = &contact->pcp;
    if (answer->code != LWM2M_NOT_ACCEPTABLE && answer->code != LWM2M_UNSUPPORTED)
        return false;
    uint32_t refused = pcp->format;
    for (unsigned i = 0; i < LWM2M_MANAGEMENT_FORMATS; i++)
        if (lwm2m_management_formats[i] == refused)
            pcp->refused |= (uint8_t)(1U << i);
    for (unsigned i = 0; i < LWM2M_MANAGEMENT_FORMATS && pcp->format == refused; i++)
        if (!(pcp->refused & 1U << i))
            pcp->format = lwm2m_management_formats[i];
    return pcp->format != refused;
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

bool pcp_instance_integer(const struct contact *contact, uint16_t resource,
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

bool pcp_instance_place(const struct contact *contact, const struct coap_answer *answer,
                        struct address *address, uint16_t *port)
{
    struct lwm2m_path path = instance_path(contact);
    if (!read_content(contact, &path, answer))
        return false;
    const struct lwm2m_content *content = &contact->manager->content;
    const struct lwm2m_value *outside = find_value(content, PCP_CONTEXT_EXTERNAL_ADDRESS);
    const struct lwm2m_value *number = find_value(content, PCP_CONTEXT_EXTERNAL_PORT);
    char text[ADDRESS_TEXT_SIZE];
    if (!outside || !number || outside->as.data.length >= sizeof text || number->as.integer <= 0 ||
        number->as.integer > UINT16_MAX)
        return false;
    memcpy(text, outside->as.data.octets, outside->as.data.length);
    text[outside->as.data.length] = '\0';
    if (!address_parse(text, address))
        return false;
    *port = (uint16_t)number->as.integer;
    return true;
}
