#include "node/common/coap_port.h"

#include <errno.h>
#include <linux/filter.h>
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

int coap_port_choose(const struct place *local, uint16_t *port, struct error *error)
{
    union socket_address address;
    socklen_t length = place_to_socket(local, 0, &address);
    int handle = socket(place_family(local), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int status = handle < 0 || bind(handle, &address.any, length) < 0 ||
                         getsockname(handle, &address.any, &length) < 0
                     ? -1
                     : 0;
    int problem = errno;
    struct place place;
    if (status == 0)
        place_from_socket(&address, &place, port);
    if (handle >= 0)
        close(handle);
    return status < 0 ? error_set_errno(error, problem, "there is no free UDP port") : 0;
}

int coap_port_handle(int after, uint16_t port, struct place *place)
{
    enum { HANDLES_LOOKED_AT = 256 };
    for (int handle = after + 1; handle < HANDLES_LOOKED_AT; handle++) {
        union socket_address address = {0};
        socklen_t length = sizeof address;
        uint16_t bound;
        if (getsockname(handle, &address.any, &length) < 0 ||
            (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6))
            continue;
        place_from_socket(&address, place, &bound);
        if (bound == port)
            return handle;
    }
    return -1;
}

static void for_each_handle(const struct place *local, uint16_t port, void (*act)(int handle))
{
    struct place place;
    int handle = -1;
    while ((handle = coap_port_handle(handle, port, &place)) >= 0) {
        if (address_equal(&place.address, &local->address))
            act(handle);
    }
}

/* The kernel asks both sockets that would share. */
static void stop_sharing(int handle)
{
    const int no = 0;
    setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &no, sizeof no);
}

static void share(int handle)
{
    const int yes = 1;
    setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

static void ignore_other_versions(int handle)
{
    enum { UDP_HEADER = 8, VERSION_BITS = 0xc0, VERSION_1 = 0x40 };
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, UDP_HEADER),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, VERSION_BITS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VERSION_1, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog filter = {.len = sizeof code / sizeof code[0], .filter = code};
    setsockopt(handle, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

static void discard(int handle)
{
    uint8_t octet;
    while (recv(handle, &octet, 1, MSG_DONTWAIT) >= 0 || errno == EINTR || errno == ECONNREFUSED)
        ;
}

void coap_port_stop_sharing(const struct place *local, uint16_t port)
{
    for_each_handle(local, port, stop_sharing);
}

void coap_port_share(const struct place *local, uint16_t port)
{
    for_each_handle(local, port, share);
}

void coap_port_ignore_other_versions(const struct place *local, uint16_t port)
{
    for_each_handle(local, port, ignore_other_versions);
}

void coap_port_discard(const struct place *local, uint16_t port)
{
    for_each_handle(local, port, discard);
}
