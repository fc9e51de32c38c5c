#include "node/lwm2m-server/tell.h"

#include "base/error.h"
#include "node/common/say.h"
#include "node/lwm2m-server/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TOLD = 0, REFUSED = 1, NOT_TOLD = 2 };

static int reach(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path)
        return error_set(error, "expected --control PATH, where the server has its socket");
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path)
        return error_set(error, "%s: too long for a socket's path", path);
    memcpy(address.sun_path, path, length);
    int handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle < 0 || connect(handle, (struct sockaddr *)&address, sizeof address) < 0) {
        error_set_errno(error, errno, "no server listens at %s", path);
        if (handle >= 0)
            close(handle);
        return -1;
    }
    return handle;
}

/* Prints the lines up to the one with the status. */
static int print_answer(FILE *server)
{
    static char line[32768];
    const size_t prefix = sizeof CONTROL_STATUS - 1;
    while (fgets(line, sizeof line, server)) {
        if (strncmp(line, CONTROL_STATUS, prefix) != 0) {
            fputs(line, stdout);
            continue;
        }
        fputs(line + prefix, stdout);
        return line[prefix] == '2' && line[prefix + 1] == '.' ? TOLD : REFUSED;
    }
    complain("the server went without an answer");
    return NOT_TOLD;
}

int tell(const char *path, const char *command, const char *format)
{
    struct error error = {0};
    int handle = reach(path, &error);
    FILE *server = handle < 0 ? NULL : fdopen(handle, "r");
    if (!server) {
        complain("%s", error.text);
        return NOT_TOLD;
    }
    if (format)
        dprintf(handle, "format %s ", format);
    dprintf(handle, "%s\n", command);
    int status = print_answer(server);
    fclose(server);
    return status;
}
