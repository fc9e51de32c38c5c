#include "node/common/pcp_wish.h"

#include "node/common/mapping_words.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 64 /* more than the definition lets any text of this object have */ };

/* --- what may be written ---------------------------------------------------------------------- */

static bool is_address(const char *text)
{
    struct address address;
    return address_parse(text, &address);
}

static bool is_place(const char *text)
{
    struct place place;
    return place_parse(text, &place);
}

static bool is_filter(const char *text)
{
    struct pcp_filter filter;
    return mapping_read_filter(text, &filter);
}

static const struct {
    uint16_t resource;
    bool (*is_good)(const char *text); /* "" is, too: none */
} texts[] = {
    {PCP_CONTEXT_SUGGESTED_ADDRESS, is_address}, {PCP_CONTEXT_SERVER, is_place},
    {PCP_CONTEXT_THIRD_PARTY, is_address},       {PCP_CONTEXT_FILTERS, is_filter},
    {PCP_CONTEXT_REMOTE_ADDRESS, is_address},
};

enum lwm2m_code pcp_wish_check(void *context, const struct lwm2m_entry *entry)
{
    (void)context;
    if (entry->value.type != LWM2M_TYPE_STRING || entry->path.depth < 3)
        return LWM2M_CHANGED;
    char text[TEXT_SIZE];
    size_t length = entry->value.as.data.length;
    if (length >= sizeof text || (length && memchr(entry->value.as.data.octets, 0, length)))
        return LWM2M_BAD_REQUEST;
    memcpy(text, entry->value.as.data.octets, length);
    text[length] = '\0';
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].resource == entry->path.id[2])
            return length == 0 || texts[i].is_good(text) ? LWM2M_CHANGED : LWM2M_BAD_REQUEST;
    }
    return LWM2M_CHANGED;
}

/* --- what is written -------------------------------------------------------------------------- */

/* False where there is none. */
static bool read_address(const struct lwm2m_instance *instance, uint16_t resource,
                         struct address *address)
{
    char text[TEXT_SIZE];
    lwm2m_model_text(instance, resource, text, sizeof text);
    return text[0] && address_parse(text, address);
}

static int read_filters(const struct lwm2m_instance *instance, struct pcp_wish *wish,
                        struct error *error)
{
    for (uint16_t i = 0; i < instance->count; i++) {
        const struct lwm2m_cell *cell = &instance->cells[i];
        char text[TEXT_SIZE];
        if (cell->resource != PCP_CONTEXT_FILTERS || cell->value.type != LWM2M_TYPE_STRING ||
            cell->value.as.data.length == 0)
            continue;
        if (wish->filter_count == PCP_WISH_FILTERS)
            return error_set(error, "at most %d filters", PCP_WISH_FILTERS);
        snprintf(text, sizeof text, "%.*s", (int)cell->value.as.data.length,
                 (const char *)cell->value.as.data.octets);
        if (!mapping_read_filter(text, &wish->filters[wish->filter_count]))
            return error_set(error, "a filter is ADDRESS/LENGTH or with ,PORT, got '%s'", text);
        wish->filter_count++;
    }
    return 0;
}

/* What section 11.1, 12.1 and 13 of RFC 6887 exclude, so that no server need refuse it. */
static int check_whole(const struct pcp_wish *wish, bool has_remote, struct error *error)
{
    if (wish->opcode == PCP_PEER && (!has_remote || wish->remote_port == 0))
        return error_set(error, "PEER needs a remote address and port (12.1)");
    if (wish->opcode == PCP_PEER && wish->filter_count)
        return error_set(error, "PEER takes no filters (13.3)");
    if (wish->is_foreign && wish->internal_port == 0 && wish->protocol != PROTOCOL_ALL)
        return error_set(error, "another host's port must be told");
    if (wish->internal_port == 0 && !wish->is_foreign && wish->protocol != PROTOCOL_UDP)
        return error_set(error, "only the protocol UDP has the port of LwM2M");
    if (wish->internal_port && wish->protocol == PROTOCOL_ALL)
        return error_set(error, "all protocols have no port (11.1)");
    return 0;
}

int pcp_wish_read(const struct lwm2m_instance *instance, struct pcp_wish *wish, struct error *error)
{
    char server[TEXT_SIZE];
    *wish = (struct pcp_wish){
        .enabled = lwm2m_model_boolean(instance, PCP_CONTEXT_ENABLED, false),
        .opcode = (uint8_t)lwm2m_model_integer(instance, PCP_CONTEXT_OPCODE, PCP_MAP),
        .protocol = (uint8_t)lwm2m_model_integer(instance, PCP_CONTEXT_PROTOCOL, PROTOCOL_UDP),
        .internal_port = (uint16_t)lwm2m_model_integer(instance, PCP_CONTEXT_INTERNAL_PORT, 0),
        .lifetime =
            (uint32_t)lwm2m_model_integer(instance, PCP_CONTEXT_LIFETIME, PCP_WISH_LIFETIME),
        .suggested_port = (uint16_t)lwm2m_model_integer(instance, PCP_CONTEXT_SUGGESTED_PORT, 0),
        .remote_port = (uint16_t)lwm2m_model_integer(instance, PCP_CONTEXT_REMOTE_PORT, 0),
    };
    wish->is_foreign = read_address(instance, PCP_CONTEXT_THIRD_PARTY, &wish->host);
    wish->has_suggestion =
        read_address(instance, PCP_CONTEXT_SUGGESTED_ADDRESS, &wish->suggested_address);
    bool has_remote = read_address(instance, PCP_CONTEXT_REMOTE_ADDRESS, &wish->remote_address);
    lwm2m_model_text(instance, PCP_CONTEXT_SERVER, server, sizeof server);
    wish->has_server = server[0] && place_parse(server, &wish->server);
    if (read_filters(instance, wish, error) < 0)
        return -1;
    return check_whole(wish, has_remote, error);
}

void pcp_wish_fill(const struct pcp_wish *wish, uint16_t internal_port,
                   const struct address *source, struct pcp_mapping *mapping)
{
    const struct address *family = wish->opcode == PCP_PEER ? &wish->remote_address : source;
    mapping->opcode = wish->opcode;
    mapping->lifetime = wish->lifetime;
    mapping->third_party = wish->is_foreign;
    mapping->internal_address = wish->host;
    mapping->data.map.protocol = wish->protocol;
    /* Another host's port of 0 is that of all protocols (11.1). */
    mapping->data.map.internal_port =
        wish->internal_port || wish->is_foreign ? wish->internal_port : internal_port;
    mapping->data.map.external_port = wish->suggested_port;
    mapping->data.map.external_address = wish->has_suggestion      ? wish->suggested_address
                                         : address_is_ipv4(family) ? address_any_ipv4()
                                                                   : address_any_ipv6();
    mapping->data.remote_address = wish->remote_address;
    mapping->data.remote_port = wish->remote_port;
}
