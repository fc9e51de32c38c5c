#include "node/common/coap_port.h"

#include <errno.h>
#include <unistd.h>

int coap_port_claim(const struct place *local, uint16_t port, struct error *error)
{
    union socket_address address;
    socklen_t length = place_to_socket(local, port, &address);
    int handle = socket(place_family(local), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int status = handle < 0 ? -1 : bind(handle, &address.any, length);
    int problem = errno;
    if (handle >= 0)
        close(handle);
    char text[PLACE_TEXT_SIZE];
    if (status < 0)
        return error_set_errno(error, problem, "could not take UDP port %s",
                               place_text(&local->address, port, text));
    return 0;
}

/* libcoap keeps its handles to itself; they are those that are bound to the port. The kernel asks both sockets
 * that would share. */
static void set_sharing(const struct place *local, uint16_t port, int shared)
{
    enum { HANDLES_LOOKED_AT = 64 };
    for (int handle = 0; handle < HANDLES_LOOKED_AT; handle++) {
        union socket_address address = {0};
        socklen_t length = sizeof address;
        struct place place;
        uint16_t bound;
        if (getsockname(handle, &address.any, &length) < 0 ||
            (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6))
            continue;
        place_from_socket(&address, &place, &bound);
        if (bound == port && address_equal(&place.address, &local->address))
            setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &shared, sizeof shared);
    }
}

void coap_port_stop_sharing(const struct place *local, uint16_t port)
{
    set_sharing(local, port, 0);
}

void coap_port_share(const struct place *local, uint16_t port)
{
    set_sharing(local, port, 1);
}
