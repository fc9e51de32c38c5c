#include "node/lwm2m-bootstrap/gift.h"

#include <string.h>

enum {
    SECURITY_MODE_PSK = 0, /* section E.1 of 1.0 */
    SECURITY_MODE_NONE = 3,
    PROTOCOL_UDP = 17,
    OPCODE_MAP = 1,
    RESOURCES = 8
};

/* The resources of an instance, being put together in the order of their ids. */
struct instance {
    struct lwm2m_path path;
    size_t count;
    struct lwm2m_entry entries[RESOURCES];
};

static struct lwm2m_value *add(struct instance *instance, uint16_t resource, enum lwm2m_type type)
{
    struct lwm2m_entry *entry = &instance->entries[instance->count++];
    entry->path = lwm2m_path_child(&instance->path, resource);
    entry->value.type = type;
    return &entry->value;
}

static void add_integer(struct instance *instance, uint16_t resource, int64_t integer)
{
    add(instance, resource, LWM2M_TYPE_INTEGER)->as.integer = integer;
}

static void add_boolean(struct instance *instance, uint16_t resource, bool boolean)
{
    add(instance, resource, LWM2M_TYPE_BOOLEAN)->as.boolean = boolean;
}

static void add_octets(struct instance *instance, uint16_t resource, enum lwm2m_type type,
                       const void *octets, size_t length)
{
    struct lwm2m_value *value = add(instance, resource, type);
    value->as.data.octets = octets;
    value->as.data.length = length;
}

static void put_security(const struct gift *gift, struct instance *out)
{
    bool is_secure = strncmp(gift->server_uri, "coaps:", 6) == 0;
    size_t identity = is_secure ? strlen(gift->identity) : 0;
    add_octets(out, 0, LWM2M_TYPE_STRING, gift->server_uri, strlen(gift->server_uri));
    add_boolean(out, 1, false); /* no bootstrap server */
    add_integer(out, 2, is_secure ? SECURITY_MODE_PSK : SECURITY_MODE_NONE);
    add_octets(out, 3, LWM2M_TYPE_OPAQUE, identity ? gift->identity : "", identity);
    add_octets(out, 4, LWM2M_TYPE_OPAQUE, "", 0); /* no server's public key */
    add_octets(out, 5, LWM2M_TYPE_OPAQUE, gift->key, is_secure ? gift->key_length : 0);
    add_integer(out, 10, GIFT_SHORT_SERVER_ID);
}

static void put_server(const struct gift *gift, struct instance *out)
{
    add_integer(out, 0, GIFT_SHORT_SERVER_ID);
    add_integer(out, 1, gift->lifetime);
    add_boolean(out, 6, true); /* notifications are kept while it is offline */
    add_octets(out, 7, LWM2M_TYPE_STRING, gift->binding, strlen(gift->binding));
}

/* Nothing is asked for until the management server enables it. */
static void put_pcp_context(const struct gift *gift, struct instance *out)
{
    add_integer(out, PCP_CONTEXT_LIFETIME, gift->mapping_lifetime);
    add_boolean(out, PCP_CONTEXT_ENABLED, false);
    add_integer(out, PCP_CONTEXT_INTERNAL_PORT, 0); /* that of LwM2M */
    add_integer(out, PCP_CONTEXT_PROTOCOL, PROTOCOL_UDP);
    add_integer(out, PCP_CONTEXT_OPCODE, OPCODE_MAP);
}

int gift_write(const struct gift *gift, size_t index, uint16_t security, bool with_pcp,
               uint32_t format, struct lwm2m_path *path, uint8_t payload[GIFT_PAYLOAD_SIZE],
               struct error *error)
{
    struct instance instance = {.path = {.depth = 2}};
    if (index >= 2 + (with_pcp ? gift->pcp_instances : 0))
        return 0;
    if (index == 0) {
        instance.path.id[1] = security;
        put_security(gift, &instance);
    } else if (index == 1) {
        instance.path.id[0] = 1;
        put_server(gift, &instance);
    } else {
        instance.path.id[0] = LWM2M_OBJECT_PCP_CONTEXT;
        instance.path.id[1] = (uint16_t)(index - 2);
        put_pcp_context(gift, &instance);
    }
    *path = instance.path;
    return lwm2m_content_write(format, path, instance.entries, instance.count, payload,
                               GIFT_PAYLOAD_SIZE, error);
}
