#include "node/device/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *ports_protocol_name(uint8_t protocol)
{
    return protocol == PROTOCOL_TCP ? "tcp" : "udp";
}

/* A number from 1 to maximum, up to end or a colon. Moves *at behind it. */
static bool take_number(const char **at, unsigned long maximum, unsigned long *number)
{
    char *end;
    errno = 0;
    *number = **at >= '0' && **at <= '9' ? strtoul(*at, &end, 10) : 0;
    if (*number == 0 || errno || *number > maximum || (*end && *end != ':'))
        return false;
    *at = end;
    return true;
}

static bool parse(const char *text, uint32_t lifetime, struct port *port)
{
    unsigned long number;
    unsigned long seconds = lifetime;
    if (strncmp(text, "udp:", 4) != 0 && strncmp(text, "tcp:", 4) != 0)
        return false;
    const char *at = text + 4;
    if (!take_number(&at, UINT16_MAX, &number))
        return false;
    if (*at == ':') {
        at++;
        if (!take_number(&at, UINT32_MAX, &seconds))
            return false;
    }
    *port = (struct port){.protocol = text[0] == 't' ? PROTOCOL_TCP : PROTOCOL_UDP,
                          .number = (uint16_t)number,
                          .lifetime = (uint32_t)seconds,
                          .handle = -1};
    return *at == '\0';
}

static int add(struct ports *ports, const struct port *port, struct error *error)
{
    for (uint8_t i = 0; i < ports->count; i++) {
        struct port *known = &ports->ports[i];
        if (known->protocol == port->protocol && known->number == port->number) {
            known->lifetime = port->lifetime;
            return 0;
        }
    }
    if (ports->count == PORTS_ROOM)
        return error_set(error, "--map: at most %d ports", PORTS_ROOM);
    ports->ports[ports->count++] = *port;
    return 0;
}

int ports_read(struct ports *ports, uint16_t coap_port, uint32_t lifetime,
               const struct setting_texts *texts, struct error *error)
{
    *ports = (struct ports){.count = 1};
    ports->ports[0] = (struct port){
        .protocol = PROTOCOL_UDP, .number = coap_port, .lifetime = lifetime, .handle = -1};
    for (uint8_t i = 0; i < texts->count; i++) {
        struct port port;
        if (!parse(texts->text[i], lifetime, &port))
            return error_set(error,
                             "--map: expected udp:PORT or tcp:PORT, or with :LIFETIME behind, "
                             "got '%s'",
                             texts->text[i]);
        if (add(ports, &port, error) < 0)
            return -1;
    }
    return 0;
}

static int hold(struct port *port, const struct place *at, struct error *error)
{
    union socket_address address;
    int type = port->protocol == PROTOCOL_TCP ? SOCK_STREAM : SOCK_DGRAM;
    socklen_t length = place_to_socket(at, port->number, &address);
    port->handle = socket(place_family(at), type | SOCK_CLOEXEC, 0);
    if (port->handle >= 0 && bind(port->handle, &address.any, length) == 0)
        return 0;
    char text[PLACE_TEXT_SIZE];
    return error_set_errno(error, errno, "could not take port %s:%s",
                           ports_protocol_name(port->protocol),
                           place_text(&at->address, port->number, text));
}

void ports_release(struct ports *ports)
{
    for (uint8_t i = 1; i < ports->count; i++) {
        if (ports->ports[i].handle >= 0)
            close(ports->ports[i].handle);
        ports->ports[i].handle = -1;
    }
}

int ports_hold(struct ports *ports, const struct address *source, struct error *error)
{
    const struct place at = {.address = *source};
    ports_release(ports);
    for (uint8_t i = 1; i < ports->count; i++) {
        if (hold(&ports->ports[i], &at, error) < 0) {
            ports_release(ports);
            return -1;
        }
    }
    return 0;
}
