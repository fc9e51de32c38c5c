#include "lab/lab_node.h"

#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- settings --------------------------------------------------------------------------------- */

/* /proc/sys/net shows the settings of the namespace of the thread that looks a file up.
 *
 * The kernel keeps the names that it has looked up for all namespaces in one chain per name: a look-up in
 * the 500th namespace walks past those of 499. Hence few look-ups.
 *
 * Whoever writes one that the kernel's lock of all interfaces guards does not sleep until that is free: the
 * write is tried over and over, for as long as other labs come and go. Hence none of these where it can be helped:
 * interfaces are told by netlink, which waits. */

static bool read_flag(const char *path)
{
    char text[8] = "0";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, sizeof text - 1);
    (void)close(fd);
    return length > 0 && text[0] != '0';
}

/* name is looked up in folder, unless absolute. */
static int write_setting(int folder, const char *name, const char *value)
{
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, value, strlen(value));
    int cause = errno;
    (void)close(fd);
    errno = cause;
    return written < 0 ? -1 : 0;
}

#define IPV4_FORWARDING "/proc/sys/net/ipv4/ip_forward"
#define IPV4_FILTER     "/proc/sys/net/ipv4/conf/all/rp_filter"
#define IPV4_FILTER_NEW "/proc/sys/net/ipv4/conf/default/rp_filter"
#define IPV6_FORWARDING "/proc/sys/net/ipv6/conf/all/forwarding"
#define IPV6_NEW        "/proc/sys/net/ipv6/conf/default"

struct lab_inheritance lab_node_inherited(void)
{
    return (struct lab_inheritance){
        .reverse_path_filter = read_flag(IPV4_FILTER) || read_flag(IPV4_FILTER_NEW),
        .ipv4_forwarding = read_flag(IPV4_FORWARDING),
        .ipv6_forwarding = read_flag(IPV6_FORWARDING),
        .ipv6 = access(IPV6_NEW, F_OK) == 0,
    };
}

static int set_default(int folder, const char *name, const char *value, struct error *error)
{
    /* A kernel without IPv6 lacks some; addresses will say so where it matters. */
    if (write_setting(folder, name, value) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "setting %s", name);
    return 0;
}

int lab_node_set_defaults(const struct lab_inheritance *inherited, bool forward,
                          struct error *error)
{
    const struct {
        bool needed;
        const char *path;
        const char *value;
    } defaults[] = {
        {inherited->reverse_path_filter, IPV4_FILTER, "0"},
        {inherited->reverse_path_filter, IPV4_FILTER_NEW, "0"},
        {inherited->ipv4_forwarding != forward, IPV4_FORWARDING, forward ? "1" : "0"},
        {inherited->ipv6_forwarding != forward, IPV6_FORWARDING, forward ? "1" : "0"},
    };
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (defaults[i].needed &&
            set_default(AT_FDCWD, defaults[i].path, defaults[i].value, error) != 0)
            return -1;
    /* No router solicitations of the interfaces to come. */
    return set_default(AT_FDCWD, IPV6_NEW "/accept_ra", "0", error);
}

int lab_node_silence(struct error *error)
{
    return set_default(AT_FDCWD, IPV6_NEW "/disable_ipv6", "1", error);
}

static int apply_setting(const struct topology_node *node, const struct topology_setting *setting,
                         const char *file, struct error *error)
{
    char path[200];
    int length = snprintf(path, sizeof path, "/proc/sys/%s", setting->name);
    for (char *at = path; *at; at++)
        if (*at == '.')
            *at = '/';
    if (length >= (int)sizeof path || write_setting(AT_FDCWD, path, setting->value) != 0) {
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

/* From a file that has no name: of rules in a buffer nft would tell no line. Returns its status. */
static int run_ruleset(struct nft_ctx *context, const char *text)
{
    size_t length = strlen(text);
    char path[32];
    int file = memfd_create("ruleset", MFD_CLOEXEC);
    if (file < 0)
        return -1;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int status = -1;
    if (write(file, text, length) == (ssize_t)length && lseek(file, 0, SEEK_SET) == 0)
        status = nft_run_cmd_from_filename(context, path);
    (void)close(file);
    return status;
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
    else if (run_ruleset(context, node->nftables) != 0)
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
