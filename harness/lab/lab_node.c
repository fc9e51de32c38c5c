#include "lab/lab_node.h"

#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- settings --------------------------------------------------------------------------------- */

/* /proc/sys/net shows the settings of the namespace of the thread that opens it. */
static int write_setting(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, value, strlen(value));
    int cause = errno;
    (void)close(fd);
    errno = cause;
    return written < 0 ? -1 : 0;
}

struct setting {
    const char *path;
    const char *value;
};

static int write_settings(const struct setting *settings, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        /* A kernel without IPv6 lacks some; addresses will say so where it matters. */
        if (write_setting(settings[i].path, settings[i].value) != 0 && errno != ENOENT)
            return error_set_errno(error, errno, "setting %s", settings[i].path);
    return 0;
}

int lab_node_set_defaults(bool forward, struct error *error)
{
    static const struct setting defaults[] = {
        /* IPv4's come from the host's namespace: reverse path filters would drop what a scenario sends. */
        {"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
        {"/proc/sys/net/ipv4/conf/default/rp_filter", "0"},
        /* Link-local addresses are given by the topology, and at once (1: generate none). */
        {"/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1"},
        /* No router solicitations. */
        {"/proc/sys/net/ipv6/conf/default/accept_ra", "0"},
    };
    const struct setting forwarding[] = {
        {"/proc/sys/net/ipv4/ip_forward", forward ? "1" : "0"},
        {"/proc/sys/net/ipv6/conf/all/forwarding", forward ? "1" : "0"},
    };
    if (write_settings(forwarding, sizeof forwarding / sizeof forwarding[0], error) != 0)
        return -1;
    return write_settings(defaults, sizeof defaults / sizeof defaults[0], error);
}

int lab_node_silence(struct error *error)
{
    static const struct setting silence[] = {
        {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"},
    };
    return write_settings(silence, 1, error);
}

static int apply_setting(const struct topology_node *node, const struct topology_setting *setting,
                         const char *file, struct error *error)
{
    char path[200];
    int length = snprintf(path, sizeof path, "/proc/sys/%s", setting->name);
    for (char *at = path; *at; at++)
        if (*at == '.')
            *at = '/';
    if (length >= (int)sizeof path || write_setting(path, setting->value) != 0) {
        const char *reason = errno == ENOENT   ? "this kernel has no such setting in a node"
                             : errno == EACCES ? "it can't be set in a node"
                                               : strerror(errno);
        return error_set(error, "%s:%d: setting '%s' of node '%s' to '%s': %s", file, setting->line,
                         setting->name, node->name, setting->value, reason);
    }
    return 0;
}

/* --- firewall rules --------------------------------------------------------------------------- */

/* nft says "WHERE:LINE:COLUMN-COLUMN: Error: MESSAGE" and shows the line below. */
static int ruleset_refused(const struct topology_node *node, const char *file, const char *output,
                           struct error *error)
{
    char message[300];
    (void)snprintf(message, sizeof message, "%.*s", (int)strcspn(output, "\n"), output);
    int line = 1;
    const char *colon = strchr(message, ':');
    if (colon)
        line = (int)strtol(colon + 1, NULL, 10);
    const char *text = strstr(message, "Error: ");
    return error_set(error, "%s:%d: ruleset of node '%s': %s", file,
                     node->nftables_line + (line > 0 ? line - 1 : 0), node->name,
                     text ? text + strlen("Error: ") : message);
}

static int load_ruleset(const struct topology_node *node, const char *file, struct error *error)
{
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!context)
        return error_set(error, "%s:%d: node '%s': nftables can't be used", file,
                         node->nftables_line, node->name);
    int result = 0;
    /* Else it would write to standard error. */
    if (nft_ctx_buffer_error(context) != 0 || nft_ctx_buffer_output(context) != 0)
        result = error_set(error, "out of memory");
    else if (nft_run_cmd_from_buffer(context, node->nftables) != 0)
        result = ruleset_refused(node, file, nft_ctx_get_error_buffer(context), error);
    nft_ctx_free(context);
    return result;
}

int lab_node_configure(const struct topology_node *node, const char *file, struct error *error)
{
    /* The ruleset first: it makes the kernel load what some settings, conntrack's, belong to. */
    if (node->nftables && load_ruleset(node, file, error) != 0)
        return -1;
    for (size_t i = 0; i < node->setting_count; i++)
        if (apply_setting(node, &node->settings[i], file, error) != 0)
            return -1;
    return 0;
}
