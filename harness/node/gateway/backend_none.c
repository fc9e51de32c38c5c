/* The backend that carries nothing out, and the choice of one by name. */
#include "node/gateway/backend.h"

#include <string.h>

struct backend {
    char nothing;
};

static struct backend only;

static struct backend *open_none(const struct config *config, struct error *error)
{
    (void)config;
    (void)error;
    return &only;
}

static void do_nothing(struct backend *backend)
{
    (void)backend;
}

static void queue(struct backend *backend, const struct pcp_server *server,
                  const struct pcp_server_change *change)
{
    (void)backend;
    (void)server;
    (void)change;
}

static int commit(struct backend *backend, struct error *error)
{
    (void)backend;
    (void)error;
    return 0;
}

static int rebuild(struct backend *backend, const struct pcp_server *server,
                   const struct address *former, struct error *error)
{
    (void)backend;
    (void)server;
    (void)former;
    (void)error;
    return 0;
}

static void foresee(struct backend *backend, const struct pcp_server_flow_key *keys, size_t count)
{
    (void)backend;
    (void)keys;
    (void)count;
}

const struct backend_operations backend_none = {
    .name = "none",
    .open = open_none,
    .close = do_nothing,
    .queue = queue,
    .commit = commit,
    .discard = do_nothing,
    .flush = do_nothing,
    .rebuild = rebuild,
    .foresee = foresee,
};

const struct backend_operations *backend_find(const char *name)
{
    if (strcmp(name, backend_nftables.name) == 0)
        return &backend_nftables;
    return strcmp(name, backend_none.name) == 0 ? &backend_none : NULL;
}
