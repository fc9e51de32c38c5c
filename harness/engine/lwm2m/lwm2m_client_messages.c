/* The messages of a device: their paths, queries and payloads. */
#include "engine/lwm2m/lwm2m_client_private.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_LIFETIME = 86400 };

/* --- what the server has set ----------------------------------------------------------------- */

uint32_t lwm2m_client_lifetime(const struct lwm2m_client *client)
{
    const struct lwm2m_instance *server = lwm2m_account_server(client->model, &client->account);
    int64_t lifetime =
        server ? lwm2m_model_integer(server, LWM2M_SERVER_LIFETIME, DEFAULT_LIFETIME) : 0;
    return lifetime >= 1 && lifetime <= UINT32_MAX ? (uint32_t)lifetime : DEFAULT_LIFETIME;
}

/* In 1.0 the Binding tells queue mode; in 1.1 it names transports alone, and the device decides. */
bool lwm2m_client_queueing(const struct lwm2m_client *client)
{
    char binding[8] = "";
    const struct lwm2m_instance *server = lwm2m_account_server(client->model, &client->account);
    if (server && !client->is_1_1)
        lwm2m_model_text(server, LWM2M_SERVER_BINDING, binding, sizeof binding);
    return binding[0] ? strchr(binding, 'Q') != NULL : client->queue_mode;
}

/* --- queries --------------------------------------------------------------------------------- */

static void add_query(struct lwm2m_client *client, struct lwm2m_outgoing *out, const char *name,
                      const char *value)
{
    size_t count = 0;
    while (out->queries[count])
        count++;
    if (count == LWM2M_QUERIES)
        return;
    snprintf(client->texts[count], sizeof client->texts[count], "%s%s", name, value);
    out->queries[count] = client->texts[count];
}

static void add_number(struct lwm2m_client *client, struct lwm2m_outgoing *out, const char *name,
                       uint32_t number)
{
    char text[16];
    snprintf(text, sizeof text, "%lu", (unsigned long)number);
    add_query(client, out, name, text);
}

static void add_lifetime(struct lwm2m_client *client, struct lwm2m_outgoing *out)
{
    client->told_lifetime = lwm2m_client_lifetime(client);
    add_number(client, out, "lt=", client->told_lifetime);
}

/* Queue mode is a letter of the binding in 1.0 (5.3.1.1), and a query of its own in 1.1 (6.2.1). */
static void add_binding(struct lwm2m_client *client, struct lwm2m_outgoing *out)
{
    client->told_queueing = lwm2m_client_queueing(client);
    add_query(client, out, "b=", client->told_queueing && !client->is_1_1 ? "UQ" : "U");
    if (client->told_queueing && client->is_1_1)
        add_query(client, out, "Q", "");
}

static bool add_links(struct lwm2m_client *client, struct lwm2m_outgoing *out)
{
    int length = lwm2m_serve_links(client->model, client->is_1_1, (char *)client->payload,
                                   sizeof client->payload);
    if (length < 0)
        return false;
    client->told_links = true;
    out->content_format = LWM2M_FORMAT_LINK;
    out->payload = client->payload;
    out->length = (size_t)length;
    return true;
}

/* --- messages -------------------------------------------------------------------------------- */

static bool write_bootstrap(struct lwm2m_client *client, struct lwm2m_outgoing *out)
{
    add_query(client, out, "ep=", client->endpoint);
    if (client->is_1_1 && client->bootstrap_format)
        add_number(client, out, "pct=", client->bootstrap_format);
    return true;
}

static bool write_register(struct lwm2m_client *client, struct lwm2m_outgoing *out)
{
    add_query(client, out, "ep=", client->endpoint);
    add_lifetime(client, out);
    add_query(client, out, "lwm2m=", client->is_1_1 ? "1.1" : "1.0");
    add_binding(client, out);
    return add_links(client, out);
}

/* Bare, besides what is another than it was registered as (5.3.2). */
static bool write_update(struct lwm2m_client *client, struct lwm2m_outgoing *out)
{
    if (lwm2m_client_lifetime(client) != client->lifetime)
        add_lifetime(client, out);
    if (lwm2m_client_queueing(client) != client->is_queueing)
        add_binding(client, out);
    return !client->wants_links || add_links(client, out);
}

static bool write_send(struct lwm2m_client *client, struct lwm2m_outgoing *out)
{
    out->content_format = client->sends_format;
    out->payload = client->sends;
    out->length = client->sends_length;
    return true;
}

static bool write_bare(struct lwm2m_client *client, struct lwm2m_outgoing *out)
{
    (void)client;
    (void)out;
    return true;
}

bool lwm2m_client_write(struct lwm2m_client *client, enum lwm2m_asked asked,
                        struct lwm2m_outgoing *out)
{
    static const struct {
        const char *path; /* NULL: the location of the registration */
        enum lwm2m_method method;
        bool (*write)(struct lwm2m_client *, struct lwm2m_outgoing *);
    } messages[] = {
        [LWM2M_ASKED_NOTHING] = {"", LWM2M_GET, write_bare},
        [LWM2M_ASKED_BOOTSTRAP] = {"bs", LWM2M_POST, write_bootstrap},
        [LWM2M_ASKED_REGISTER] = {"rd", LWM2M_POST, write_register},
        [LWM2M_ASKED_UPDATE] = {NULL, LWM2M_POST, write_update},
        [LWM2M_ASKED_SEND] = {"dp", LWM2M_POST, write_send},
        [LWM2M_ASKED_DEREGISTER] = {NULL, LWM2M_DELETE, write_bare},
    };
    *out = (struct lwm2m_outgoing){.to = &client->account,
                                   .method = messages[asked].method,
                                   .content_format = LWM2M_FORMAT_NONE};
    const char *path = messages[asked].path ? messages[asked].path : client->location;
    snprintf(out->path, sizeof out->path, "%s", path);
    client->told_lifetime = client->lifetime;
    client->told_queueing = client->is_queueing;
    client->told_links = false;
    return messages[asked].write(client, out);
}
