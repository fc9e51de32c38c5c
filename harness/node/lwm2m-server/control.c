#include "node/lwm2m-server/control.h"

#include "node/common/clock.h"
#include "node/lwm2m-server/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Whom a reply is for: the client may have gone when it comes. */
struct addressee {
    struct control *control;
    uint32_t index;
    uint32_t generation;
};

/* --- clients ---------------------------------------------------------------------------------- */

static void drop(struct control_client *client)
{
    if (client->handle >= 0)
        close(client->handle);
    client->handle = -1;
    client->generation++;
    client->is_busy = false;
    client->length = 0;
}

/* One who doesn't read until the socket is full is dropped. */
static void send_line(struct control_client *client, const char *prefix, const char *text)
{
    struct iovec parts[] = {
        {(void *)prefix, strlen(prefix)}, {(void *)text, strlen(text)}, {(void *)"\n", 1}};
    size_t all = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    if (client->handle >= 0 &&
        sendmsg(client->handle, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)all)
        drop(client);
}

/* --- commands --------------------------------------------------------------------------------- */

static struct control_client *client_of(const struct addressee *addressee)
{
    struct control_client *client = &addressee->control->clients[addressee->index];
    return client->generation == addressee->generation ? client : NULL;
}

static void on_line(void *context, const char *text)
{
    struct control_client *client = client_of(context);
    if (client)
        send_line(client, "", text);
}

static void run_lines(struct control *control, struct control_client *client);

static void on_done(void *context, const char *status)
{
    struct addressee *addressee = context;
    struct control_client *client = client_of(addressee);
    if (client) {
        send_line(client, CONTROL_STATUS, status);
        client->is_busy = false;
        if (!client->is_running)
            run_lines(addressee->control, client);
    }
    free(addressee);
}

static void run_one(struct control *control, struct control_client *client, const char *line)
{
    struct addressee *addressee = malloc(sizeof *addressee);
    if (!addressee) {
        drop(client);
        return;
    }
    *addressee =
        (struct addressee){control, (uint32_t)(client - control->clients), client->generation};
    const struct command_reply reply = {on_line, on_done, addressee};
    client->is_busy = true;
    command_run(control->manager, line, &reply);
}

/* As many whole lines as have come; one after the other, each when the one before is done. */
static void run_lines(struct control *control, struct control_client *client)
{
    char *end;
    client->is_running = true; /* not from within, as answers may come at once */
    while (client->handle >= 0 && !client->is_busy &&
           (end = memchr(client->line, '\n', client->length))) {
        char line[COMMAND_LINE_SIZE];
        size_t length = (size_t)(end - client->line);
        memcpy(line, client->line, length);
        line[length] = '\0';
        client->length -= length + 1;
        memmove(client->line, end + 1, client->length);
        run_one(control, client, line);
    }
    client->is_running = false;
}

static void read_lines(struct control *control, struct control_client *client)
{
    size_t room = sizeof client->line - client->length;
    ssize_t count =
        room ? recv(client->handle, client->line + client->length, room, MSG_DONTWAIT) : 0;
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) { /* it went, or its line has no end */
        drop(client);
        return;
    }
    client->length += (size_t)count;
    client->heard = clock_milliseconds();
    run_lines(control, client);
}

/* A free place, else that of the client which has asked for nothing longest. NULL: all wait for answers. */
static struct control_client *make_place(struct control *control)
{
    struct control_client *idle = NULL;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct control_client *client = &control->clients[i];
        if (client->handle < 0)
            return client;
        if (!client->is_busy && (!idle || client->heard < idle->heard))
            idle = client;
    }
    if (idle)
        drop(idle);
    return idle;
}

static void take_client(struct control *control)
{
    int handle = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct control_client *client = handle < 0 ? NULL : make_place(control);
    struct epoll_event event = {.events = EPOLLIN};
    if (client)
        event.data.u32 = (uint32_t)(client - control->clients);
    if (client && epoll_ctl(control->poll, EPOLL_CTL_ADD, handle, &event) == 0) {
        client->handle = handle;
        client->heard = clock_milliseconds();
    } else if (handle >= 0) {
        close(handle);
    }
}

void control_work(struct control *control)
{
    struct epoll_event events[CONTROL_CLIENTS + 1];
    int count = epoll_wait(control->poll, events, CONTROL_CLIENTS + 1, 0);
    for (int i = 0; i < count; i++) {
        uint32_t index = events[i].data.u32;
        if (index == CONTROL_CLIENTS)
            take_client(control);
        else if (control->clients[index].handle >= 0)
            read_lines(control, &control->clients[index]);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

static int listen_at(struct control *control, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path)
        return error_set(error, "%s: longer than the %zu octets that a socket's path may have",
                         path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, length);
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path); /* of a server that was killed */
    mode_t before = umask(0177);
    int status = bind(control->listener, (struct sockaddr *)&address, sizeof address);
    umask(before);
    if (status < 0 || listen(control->listener, SOMAXCONN) < 0)
        return error_set_errno(error, errno, "could not listen at %s", path);
    control->path = path;
    return 0;
}

int control_open(struct control *control, struct manager *manager, const char *path,
                 struct error *error)
{
    *control = (struct control){.manager = manager, .listener = -1, .poll = -1};
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        control->clients[i].handle = -1;
    if (!path)
        return 0;
    if (listen_at(control, path, error) < 0)
        return -1;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = CONTROL_CLIENTS};
    control->poll = epoll_create1(EPOLL_CLOEXEC);
    if (control->poll < 0 || epoll_ctl(control->poll, EPOLL_CTL_ADD, control->listener, &event) < 0)
        return error_set_errno(error, errno, "could not wait at %s", path);
    return 0;
}

void control_close(struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        drop(&control->clients[i]);
    if (control->path)
        unlink(control->path);
    if (control->poll >= 0)
        close(control->poll);
    if (control->listener >= 0)
        close(control->listener);
}

int control_handle(const struct control *control)
{
    return control->poll;
}
