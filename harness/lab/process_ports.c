#include "lab/process_ports.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_LISTEN = 10, STATE_ANY = -1 }; /* TCP_LISTEN of the kernel's tcp_states.h */

/* A thread's own view of its namespace, which need not be that of its process. */
static const struct {
    const char *paths[2];
    int state;
} tables[] = {
    [PORT_UDP_BOUND] = {{"/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"}, STATE_ANY},
    [PORT_TCP_LISTENING] = {{"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"},
                            STATE_LISTEN},
};

/* "   0: 0100007F:1633 00000000:0000 0A ...": slot, local and remote address:port, state; all in
 * hexadecimal. */
static bool line_has_port(const char *line, uint16_t port, int state)
{
    const char *slot_end = strchr(line, ':');
    const char *local = slot_end != NULL ? strchr(slot_end + 1, ':') : NULL;
    if (local == NULL)
        return false;
    char *end;
    if (strtoul(local + 1, &end, 16) != port)
        return false;
    const char *remote = strchr(end, ':');
    if (remote == NULL)
        return false;
    strtoul(remote + 1, &end, 16);
    return state == STATE_ANY || strtol(end, NULL, 16) == state;
}

int process_port_bound(const struct lab *lab, size_t node, enum port_kind kind, uint16_t port,
                       struct error *error)
{
    if (lab_enter(lab, node, error) != 0)
        return -1;
    int found = 0;
    for (size_t i = 0; i < 2 && found == 0; i++) {
        FILE *table = fopen(tables[kind].paths[i], "re");
        if (table == NULL) {
            if (errno == ENOENT) /* a kernel without IPv6 */
                continue;
            found = error_set_errno(error, errno, "cannot read %s", tables[kind].paths[i]);
            break;
        }
        char line[512];
        bool heading = true;
        while (found == 0 && fgets(line, sizeof line, table) != NULL) {
            found = !heading && line_has_port(line, port, tables[kind].state);
            heading = false;
        }
        fclose(table);
    }
    if (lab_leave(lab, error) != 0)
        return -1;
    return found;
}
