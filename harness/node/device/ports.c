#include "node/device/ports.h"

#include <errno.h>
#include <unistd.h>

/* Whether a program could take it from us, and none of the wishes before holds it already. */
static bool must_be_held(const struct ports *ports, uint8_t index)
{
    const struct port *port = &ports->ports[index];
    if (port->is_foreign || port->number == 0)
        return false;
    for (uint8_t i = 0; i < index; i++) {
        const struct port *before = &ports->ports[i];
        if (!before->is_foreign && before->protocol == port->protocol &&
            before->number == port->number)
            return false;
    }
    return true;
}

static int hold(struct port *port, const struct place *at, struct error *error)
{
    union socket_address address;
    int type = port->protocol == PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM;
    socklen_t length = place_to_socket(at, port->number, &address);
    port->handle = socket(place_family(at), type | SOCK_CLOEXEC, port->protocol);
    if (port->handle >= 0 && bind(port->handle, &address.any, length) == 0)
        return 0;
    /* Where the kernel has no SCTP, nobody can take such a port. */
    if (port->handle < 0 && errno == EPROTONOSUPPORT)
        return 0;
    char text[PLACE_TEXT_SIZE];
    return error_set_errno(error, errno, "could not take port %s:%s",
                           mapping_protocol_name(port->protocol),
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
        if (must_be_held(ports, i) && hold(&ports->ports[i], &at, error) < 0) {
            ports_release(ports);
            return -1;
        }
    }
    return 0;
}
