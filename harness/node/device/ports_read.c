/* The words in which mappings are asked for on the command line. */
#include "node/device/ports.h"

#include <stdio.h>
#include <string.h>

enum { ALL_PORTS = 0, FIELDS = 3 };

/* udp, tcp or sctp: those with ports. */
static bool read_transport(const char *text, uint8_t *protocol)
{
    static const uint8_t transports[] = {PROTOCOL_UDP, PROTOCOL_TCP, PROTOCOL_SCTP};
    for (size_t i = 0; i < sizeof transports; i++) {
        *protocol = transports[i];
        if (strcmp(text, mapping_protocol_name(*protocol)) == 0)
            return true;
    }
    return false;
}

/* Cuts text at its first separator; returns what stands behind it, or NULL. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);
    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

/* "11.0.0.2:5683", "[2001:db8::1]:5683" */
static bool read_remote(char *text, struct address *address, uint16_t *port)
{
    char *colon = strrchr(text, ':');
    unsigned long number;
    if (!colon || !mapping_read_number(colon + 1, 1, UINT16_MAX, &number))
        return false;
    *colon = '\0';
    *port = (uint16_t)number;
    size_t length = strlen(text);
    if (text[0] == '[' && length > 2 && text[length - 1] == ']') {
        text[length - 1] = '\0';
        text++;
    }
    return address_parse(text, address);
}

static bool read_map(char *text, struct port *port)
{
    char *host = cut(text, '@');
    port->is_foreign = host != NULL;
    if (host && !address_parse(host, &port->host))
        return false;
    char *rest = cut(text, ':');
    unsigned long number = ALL_PORTS;
    if (read_transport(text, &port->protocol)) {
        char *seconds = rest ? cut(rest, ':') : NULL;
        if (!rest ||
            (strcmp(rest, "all") != 0 && !mapping_read_number(rest, 1, UINT16_MAX, &number)))
            return false;
        port->number = (uint16_t)number;
        rest = seconds;
    } else if (strcmp(text, "all") != 0) {
        if (!mapping_read_number(text, 1, UINT8_MAX, &number))
            return false;
        port->protocol = (uint8_t)number;
    } else {
        port->protocol = PROTOCOL_ALL;
    }
    number = port->lifetime;
    bool good = !rest || mapping_read_number(rest, 1, UINT32_MAX, &number);
    port->lifetime = (uint32_t)number;
    return good;
}

static bool read_flow(char *text, struct port *port)
{
    char *local = cut(text, ':');
    char *remote = local ? cut(local, ':') : NULL;
    unsigned long number;
    port->is_flow = true;
    if (!remote || !read_transport(text, &port->protocol) ||
        !mapping_read_number(local, 1, UINT16_MAX, &number) ||
        !read_remote(remote, &port->remote, &port->remote_port))
        return false;
    port->number = (uint16_t)number;
    return true;
}

static bool is_same(const struct port *a, const struct port *b)
{
    return a->protocol == b->protocol && a->number == b->number && a->is_flow == b->is_flow &&
           (!a->is_flow ||
            (a->remote_port == b->remote_port && address_equal(&a->remote, &b->remote))) &&
           a->is_other_family == b->is_other_family && a->is_foreign == b->is_foreign &&
           (!a->is_foreign || address_equal(&a->host, &b->host));
}

static int add(struct ports *ports, const struct port *port, struct error *error)
{
    for (uint8_t i = 0; i < ports->count; i++) {
        if (is_same(&ports->ports[i], port)) {
            ports->ports[i].lifetime = port->lifetime;
            return 0;
        }
    }
    if (ports->count == PORTS_ROOM)
        return error_set(error, "--map, --peer: at most %d ports", PORTS_ROOM);
    ports->ports[ports->count++] = *port;
    return 0;
}

static int add_all(struct ports *ports, const struct setting_texts *texts, uint32_t lifetime,
                   bool (*read)(char *, struct port *), const char *expected, struct error *error)
{
    for (uint8_t i = 0; i < texts->count; i++) {
        char text[160];
        struct port port = {.lifetime = lifetime, .handle = -1};
        if (snprintf(text, sizeof text, "%s", texts->text[i]) >= (int)sizeof text ||
            !read(text, &port))
            return error_set(error, "%s, got '%s'", expected, texts->text[i]);
        if (add(ports, &port, error) < 0)
            return -1;
    }
    return 0;
}

static int add_filters(struct ports *ports, const struct setting_texts *texts, struct error *error)
{
    for (uint8_t i = 0; i < texts->count; i++) {
        if (ports->filter_count == PORTS_FILTERS)
            return error_set(error, "--filter: at most %d filters", PORTS_FILTERS);
        if (!mapping_read_filter(texts->text[i], &ports->filters[1 + ports->filter_count]))
            return error_set(error, "--filter: expected ADDRESS/LENGTH or with ,PORT, got '%s'",
                             texts->text[i]);
        ports->filter_count++;
    }
    bool is_ipv4 = address_is_ipv4(&ports->filters[1].remote_address);
    ports->filters[0].remote_address = is_ipv4 ? address_any_ipv4() : address_any_ipv6();
    return 0;
}

int ports_want_both_families(struct ports *ports, struct error *error)
{
    struct port port = ports->ports[0];
    port.is_other_family = true;
    return add(ports, &port, error);
}

int ports_use_peer(struct ports *ports, const struct address *remote, uint16_t remote_port,
                   struct error *error)
{
    if (ports->filter_count > 0)
        return error_set(error, "--by-peer: PEER takes no --filter");
    ports->ports[0].is_flow = true;
    ports->ports[0].remote = *remote;
    ports->ports[0].remote_port = remote_port;
    return 0;
}

int ports_learn_address(struct ports *ports, struct error *error)
{
    enum { DISCARD = 9, LIFETIME = 120 };
    const struct port port = {.protocol = PROTOCOL_UDP,
                              .number = DISCARD,
                              .lifetime = LIFETIME,
                              .handle = -1,
                              .is_left = true};
    return add(ports, &port, error);
}

int ports_read(struct ports *ports, uint16_t coap_port, uint32_t lifetime,
               const struct port_texts *texts, struct error *error)
{
    *ports = (struct ports){.count = 1};
    ports->ports[0] = (struct port){
        .protocol = PROTOCOL_UDP, .number = coap_port, .lifetime = lifetime, .handle = -1};
    if (add_all(
            ports, &texts->maps, lifetime, read_map,
            "--map: expected udp:PORT, tcp:PORT, sctp:PORT, all or a protocol's number, or with "
            ":LIFETIME or @ADDRESS behind",
            error) < 0 ||
        add_all(ports, &texts->flows, lifetime, read_flow,
                "--peer: expected udp:PORT:ADDRESS:PORT or tcp:...", error) < 0)
        return -1;
    return add_filters(ports, &texts->filters, error);
}
