#include "node/common/route_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

int route_watch_open(struct error *error)
{
    const struct sockaddr_nl groups = {
        .nl_family = AF_NETLINK,
        .nl_groups =
            RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
    };
    int handle = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (handle < 0 || bind(handle, (const struct sockaddr *)&groups, sizeof groups) < 0) {
        error_set_errno(error, errno, "could not watch the routes");
        if (handle >= 0)
            close(handle);
        return -1;
    }
    return handle;
}

bool route_watch_read(int handle)
{
    char message[16384];
    bool changed = false;
    for (;;) {
        if (recv(handle, message, sizeof message, 0) >= 0 || errno == ENOBUFS)
            changed = true; /* ENOBUFS: so much changed that some of it was lost */
        else if (errno != EINTR)
            return changed;
    }
}
