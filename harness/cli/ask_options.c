#include "cli/ask_options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

/* Of which kinds of request an option says something. */
enum {
    PCP = 1 << ASK_ANNOUNCE | 1 << ASK_MAP | 1 << ASK_PEER,
    PCP_MAPPING = 1 << ASK_MAP | 1 << ASK_PEER,
    MAPPING = PCP_MAPPING | 1 << ASK_NATPMP_MAP,
    ENCODED = PCP | 1 << ASK_NATPMP_ADDRESS | 1 << ASK_NATPMP_MAP,
    ANY = ENCODED | 1 << ASK_RAW
};

static const char *const kind_names[ASK_KINDS] = {
    [ASK_ANNOUNCE] = "announce",
    [ASK_MAP] = "map",
    [ASK_PEER] = "peer",
    [ASK_NATPMP_ADDRESS] = "natpmp-address",
    [ASK_NATPMP_MAP] = "natpmp-map",
    [ASK_RAW] = "raw",
};

const char *ask_kind_name(enum ask_kind kind)
{
    return kind_names[kind];
}

/* --- options that need more than a number ------------------------------------------------------ */

static int take_client(struct ask_options *out, const char *name, const char *text,
                       struct error *error)
{
    out->has_client = true;
    return ask_read_address(name, text, &out->client, error);
}

static int take_exactly(const char *name, const char *text, uint8_t *octets, size_t length,
                        struct error *error)
{
    size_t got;
    if (ask_read_hex(name, text, octets, length, &got, error) != 0)
        return -1;
    if (got != length)
        return error_set(error, "%s: expected %zu octets in hexadecimal, got %zu", name, length,
                         got);
    return 0;
}

static int take_nonce(struct ask_options *out, const char *name, const char *text,
                      struct error *error)
{
    return take_exactly(name, text, out->nonce, sizeof out->nonce, error);
}

static int take_map_reserved(struct ask_options *out, const char *name, const char *text,
                             struct error *error)
{
    return take_exactly(name, text, out->map_reserved, sizeof out->map_reserved, error);
}

static int take_peer_reserved(struct ask_options *out, const char *name, const char *text,
                              struct error *error)
{
    return take_exactly(name, text, out->peer_reserved, sizeof out->peer_reserved, error);
}

static int take_protocol(struct ask_options *out, const char *name, const char *text,
                         struct error *error)
{
    out->protocol.given = true;
    return ask_read_protocol(name, text, &out->protocol.value, error);
}

static int take_external_address(struct ask_options *out, const char *name, const char *text,
                                 struct error *error)
{
    out->has_external_address = true;
    return ask_read_address(name, text, &out->external_address, error);
}

static int take_remote(struct ask_options *out, const char *name, const char *text,
                       struct error *error)
{
    out->has_remote = true;
    if (ask_read_endpoint(name, text, &out->remote, error) != 0)
        return -1;
    return out->remote.has_port
               ? 0
               : error_set(error, "%s: expected ADDRESS:PORT, got '%.200s'", name, text);
}

/* --- PCP options, appended as they come -------------------------------------------------------- */

static int append(struct ask_octets *options, uint8_t code, const uint8_t *data, size_t length,
                  const char *name, struct error *error)
{
    size_t used = length > UINT16_MAX
                      ? 0
                      : pcp_append_option(options->octets, options->length, sizeof options->octets,
                                          code, data, (uint16_t)length);
    if (used == 0)
        return error_set(error, "%s: the options are longer than a datagram", name);
    options->length = used;
    return 0;
}

static int take_third_party(struct ask_options *out, const char *name, const char *text,
                            struct error *error)
{
    struct address internal;
    if (ask_read_address(name, text, &internal, error) != 0)
        return -1;
    return append(&out->options, PCP_THIRD_PARTY, internal.octet, sizeof internal.octet, name,
                  error);
}

static int take_prefer_failure(struct ask_options *out, const char *name, const char *text,
                               struct error *error)
{
    (void)text;
    return append(&out->options, PCP_PREFER_FAILURE, NULL, 0, name, error);
}

static int take_filter(struct ask_options *out, const char *name, const char *text,
                       struct error *error)
{
    struct pcp_filter filter;
    if (ask_read_filter(name, text, &filter, error) != 0)
        return -1;
    size_t used = pcp_append_filter(out->options.octets, out->options.length,
                                    sizeof out->options.octets, &filter);
    if (used == 0)
        return error_set(error, "%s: the options are longer than a datagram", name);
    out->options.length = used;
    return 0;
}

static int take_option(struct ask_options *out, const char *name, const char *text,
                       struct error *error)
{
    static struct ask_octets data; /* large */
    uint32_t code;
    if (ask_read_numbered(name, text, UINT8_MAX, &code, &data, error) != 0)
        return -1;
    return append(&out->options, (uint8_t)code, data.octets, data.length, name, error);
}

static int take_raw_option(struct ask_options *out, const char *name, const char *text,
                           struct error *error)
{
    size_t length;
    size_t used = out->options.length;
    if (ask_read_hex(name, text, out->options.octets + used, sizeof out->options.octets - used,
                     &length, error) != 0)
        return -1;
    out->options.length += length;
    return 0;
}

/* --- octets of any request --------------------------------------------------------------------- */

static int take_overwrite(struct ask_options *out, const char *name, const char *text,
                          struct error *error)
{
    if (out->overwrites == ASK_OVERWRITES)
        return error_set(error, "%s: at most %d of them", name, ASK_OVERWRITES);
    out->overwrite[out->overwrites++] = text;
    return 0;
}

static int take_trailing(struct ask_options *out, const char *name, const char *text,
                         struct error *error)
{
    return ask_read_hex(name, text, out->trailing.octets, sizeof out->trailing.octets,
                        &out->trailing.length, error);
}

/* --- between whom ------------------------------------------------------------------------------ */

static int take_interface_index(struct ask_options *out, uint32_t index, const char *name,
                                struct error *error)
{
    if (out->interface && index && out->interface != index)
        return error_set(error, "%s names another interface than an option before it", name);
    if (index)
        out->interface = index;
    return 0;
}

static int take_server(struct ask_options *out, const char *name, const char *text,
                       struct error *error)
{
    out->has_server = true;
    if (ask_read_endpoint(name, text, &out->server, error) != 0)
        return -1;
    if (out->server.has_port && out->server.port == 0)
        return error_set(error, "%s: nothing can be sent to port 0", name);
    return take_interface_index(out, out->server.place.interface, name, error);
}

static int take_source(struct ask_options *out, const char *name, const char *text,
                       struct error *error)
{
    out->has_source = true;
    return ask_read_address(name, text, &out->source, error);
}

static int take_interface(struct ask_options *out, const char *name, const char *text,
                          struct error *error)
{
    uint32_t index;
    if (ask_read_interface(name, text, &index, error) != 0)
        return -1;
    return take_interface_index(out, index, name, error);
}

/* --- the table --------------------------------------------------------------------------------- */

enum value_kind { FLAG, NUMBER, SECONDS, OTHER };

/* To where in struct ask_options a value goes. */
#define AT(field) offsetof(struct ask_options, field)

static const struct ask_option {
    const char *name;
    enum value_kind value;
    unsigned kinds;
    size_t at;        /* a bool, a struct ask_number or a uint32_t of milliseconds */
    uint32_t maximum; /* of a number */
    int (*take)(struct ask_options *out, const char *name, const char *text, struct error *error);
    const char *text; /* of the value, for people; NULL: it has none */
    const char *help;
} options[] = {
    {"--server", OTHER, ANY, 0, 0, take_server, "ADDR[%IFACE][:PORT]",
     "whom to ask (the default router of IPv4, or else of IPv6; port 5351)"},
    {"--ipv6", FLAG, ANY, AT(ipv6), 0, NULL, NULL, "without --server: the default router of IPv6"},
    {"--source", OTHER, ANY, 0, 0, take_source, "ADDR", "address to send from"},
    {"--source-port", NUMBER, ANY, AT(source_port), UINT16_MAX, NULL, "N",
     "port to send from (any)"},
    {"--interface", OTHER, ANY, 0, 0, take_interface, "IFACE", "interface to send on"},

    {"--lifetime", NUMBER, PCP | MAPPING, AT(lifetime), UINT32_MAX, NULL, "SECONDS",
     "(7200; of an announce 0); 0 deletes"},
    {"--protocol", OTHER, MAPPING, 0, 0, take_protocol, "NAME|N",
     "udp, tcp, sctp, dccp, udplite, all or a number (udp)"},
    {"--internal-port", NUMBER, MAPPING, AT(internal_port), UINT16_MAX, NULL, "N",
     "needed; 0: all ports"},
    {"--external-port", NUMBER, MAPPING, AT(external_port), UINT16_MAX, NULL, "N",
     "suggested (0: any)"},
    {"--external-address", OTHER, PCP_MAPPING, 0, 0, take_external_address, "ADDR",
     "suggested (any, of the server's family)"},
    {"--remote", OTHER, 1 << ASK_PEER, 0, 0, take_remote, "ADDR:PORT", "the remote peer; needed"},
    {"--nonce", OTHER, PCP_MAPPING, 0, 0, take_nonce, "HEX",
     "12 octets (random; shown, so that it can be given again)"},
    {"--client", OTHER, PCP, 0, 0, take_client, "ADDR",
     "PCP Client's IP Address (the one sent from; another provokes ADDRESS_MISMATCH)"},
    {"--version", NUMBER, ENCODED, AT(version), UINT8_MAX, NULL, "N", "(2; of NAT-PMP 0)"},
    {"--response", FLAG, ENCODED, AT(response), 0, NULL, NULL, "set the R bit"},
    {"--opcode", NUMBER, ENCODED, AT(opcode), 127, NULL, "N",
     "instead of the kind's; the layout stays"},
    {"--reserved", NUMBER, PCP | 1 << ASK_NATPMP_MAP, AT(reserved), UINT16_MAX, NULL, "N",
     "octets 2 and 3 (0)"},
    {"--map-reserved", OTHER, PCP_MAPPING, 0, 0, take_map_reserved, "HEX",
     "3 octets behind the protocol (0)"},
    {"--peer-reserved", OTHER, 1 << ASK_PEER, 0, 0, take_peer_reserved, "HEX",
     "2 octets behind the remote peer's port (0)"},

    {"--third-party", OTHER, PCP, 0, 0, take_third_party, "ADDR", "THIRD_PARTY"},
    {"--prefer-failure", OTHER, PCP, 0, 0, take_prefer_failure, NULL, "PREFER_FAILURE"},
    {"--filter", OTHER, PCP, 0, 0, take_filter, "PREFIX/LENGTH[:PORT]|none",
     "FILTER; none clears all filters"},
    {"--option", OTHER, PCP, 0, 0, take_option, "CODE:HEX", "any option, with its padding"},
    {"--raw-option", OTHER, PCP, 0, 0, take_raw_option, "HEX",
     "octets in place of an option, header and all: to get its length wrong"},

    {"--overwrite", OTHER, ANY, 0, 0, take_overwrite, "OFFSET:HEX", "octets within the request"},
    {"--length", NUMBER, ANY, AT(length), ASK_CAPACITY, NULL, "N",
     "cut or zero-pad it to N octets"},
    {"--trailing", OTHER, ANY, 0, 0, take_trailing, "HEX", "octets behind that"},

    {"--timeout", SECONDS, ANY, AT(timeout), 0, NULL, "SECONDS", "to wait for an answer (10)"},
    {"--once", FLAG, ANY, AT(once), 0, NULL, NULL, "don't retransmit"},
    {"--initial", SECONDS, ANY, AT(initial), 0, NULL, "SECONDS",
     "until the first retransmission (3 as in RFC 6887 8.1.1; NAT-PMP 0.25, RFC 6886 3.1)"},
    {"--count", NUMBER, ANY, AT(count), 1000000, NULL, "N", "ask so often, always the same (1)"},
    {"--interval", SECONDS, ANY, AT(interval), 0, NULL, "SECONDS",
     "from an answer to the next request (1)"},
    {"--listen", SECONDS, ANY, AT(listen), 0, NULL, "SECONDS",
     "for further datagrams behind the last answer (0)"},
    {"--epoch-check", FLAG, ANY, AT(epoch_check), 0, NULL, NULL,
     "ask twice if not more; an epoch that RFC 6887 8.5 calls invalid ends with 1"},

    {"--hex", FLAG, ANY, AT(hex), 0, NULL, NULL, "show octets too"},
    {"--json", FLAG, ANY, AT(json), 0, NULL, NULL, "show one JSON object"},
    {"--help", FLAG, ANY, AT(help), 0, NULL, NULL, "show this"},
};

enum { OPTIONS = sizeof options / sizeof options[0] };

static int store(const struct ask_option *option, const char *text, struct ask_options *out,
                 struct error *error)
{
    void *at = (char *)out + option->at;
    struct ask_number *number = at;
    switch (option->value) {
    case FLAG:
        *(bool *)at = true;
        return 0;
    case NUMBER:
        number->given = true;
        return ask_read_number(option->name, text, option->maximum, &number->value, error);
    case SECONDS:
        return ask_read_seconds(option->name, text, at, error);
    case OTHER:
        return option->take(out, option->name, text, error);
    }
    return -1;
}

/* The option of an argument, --NAME or --NAME=VALUE; NULL if there is none. */
static const struct ask_option *find(const char *argument, const char **value)
{
    size_t length = strcspn(argument, "=");
    *value = argument[length] ? argument + length + 1 : NULL;
    for (const struct ask_option *option = options; option < options + OPTIONS; option++)
        if (strlen(option->name) == length && strncmp(option->name, argument, length) == 0)
            return option;
    return NULL;
}

/* Takes the option at argv[*at], and its value behind it. */
static int take(int argc, char **argv, int *at, bool used[OPTIONS], struct ask_options *out,
                struct error *error)
{
    const char *value;
    const char *argument = argv[(*at)++];
    const struct ask_option *option = find(argument, &value);
    if (!option)
        return error_set(error, "unknown option '%.200s'; --help lists them", argument);
    if (!option->text && value)
        return error_set(error, "%s takes no value", option->name);
    if (option->text && !value) {
        if (*at == argc)
            return error_set(error, "%s needs a value: %s", option->name, option->text);
        value = argv[(*at)++];
    }
    used[option - options] = true;
    return store(option, value, out, error);
}

static int take_kind(const char *text, struct ask_options *out, struct error *error)
{
    for (int kind = 0; kind < ASK_KINDS; kind++) {
        if (strcmp(kind_names[kind], text) == 0) {
            out->kind = (enum ask_kind)kind;
            return 0;
        }
    }
    return error_set(error,
                     "expected announce, map, peer, natpmp-address, natpmp-map or raw, got "
                     "'%.200s'",
                     text);
}

/* What the parts say together. */
static int check(const struct ask_options *out, const bool used[OPTIONS], struct error *error)
{
    unsigned kind = 1U << out->kind;
    for (int i = 0; i < OPTIONS; i++)
        if (used[i] && !(options[i].kinds & kind))
            return error_set(error, "%s means nothing to %s", options[i].name,
                             kind_names[out->kind]);
    if ((kind & MAPPING) && !out->internal_port.given)
        return error_set(error, "%s needs --internal-port", kind_names[out->kind]);
    if (out->kind == ASK_PEER && !out->has_remote)
        return error_set(error, "peer needs --remote ADDR:PORT");
    if (out->kind == ASK_NATPMP_MAP && out->protocol.given && out->protocol.value != 17 &&
        out->protocol.value != 6)
        return error_set(error, "--protocol: NAT-PMP maps udp and tcp only (--opcode sets any)");
    if (out->count.value == 0)
        return error_set(error, "--count: expected 1 or more");
    if (out->has_server && out->ipv6)
        return error_set(error, "--ipv6 chooses a default router; --server has been given");
    return 0;
}

int ask_options_read(int argc, char **argv, struct ask_options *out, struct error *error)
{
    bool used[OPTIONS] = {false};
    int words = 0;
    bool has_raw = false;
    memset(out, 0, sizeof *out);
    out->timeout = 10000;
    out->interval = 1000;
    if (getrandom(out->nonce, sizeof out->nonce, 0) != (ssize_t)sizeof out->nonce)
        return error_set_errno(error, errno, "no random nonce");
    for (int at = 1; at < argc;) {
        if (strncmp(argv[at], "--", 2) == 0) {
            if (take(argc, argv, &at, used, out, error) != 0)
                return -1;
            if (out->help)
                return 0;
            continue;
        }
        const char *word = argv[at++];
        bool payload = words == 1 && out->kind == ASK_RAW;
        if (words > 1 || (words == 1 && !payload))
            return error_set(error, "unexpected argument '%.200s'", word);
        if (payload ? ask_read_payload(word, &out->raw, error) : take_kind(word, out, error))
            return -1;
        has_raw = payload;
        words++;
    }
    if (out->kind == ASK_RAW && !has_raw)
        return error_set(error, "raw needs a payload: HEX, @FILE or -");
    if (!out->count.given)
        out->count.value = out->epoch_check ? 2 : 1;
    return check(out, used, error);
}

static const char about[] =
    "usage: pinhole ask " ASK_USAGE "\n"
    "\n"
    "Sends one PCP (RFC 6887) or NAT-PMP (RFC 6886) request, retransmits it until it\n"
    "is answered, and shows every field of both. Without a kind it asks `announce`,\n"
    "which changes nothing anywhere. It sends to the server given, or else to the\n"
    "default router, and to nobody else. A mapping stays until its lifetime ends, or\n"
    "until the same request, nonce included, goes out with --lifetime 0.\n"
    "\n"
    "Numbers are decimal, or hexadecimal behind 0x. Options that put an option into\n"
    "the request may be repeated, and their order is kept. `raw` takes the payload as\n"
    "hexadecimal; @FILE and - (standard input) take octets as they are.\n"
    "\n";

void ask_options_help(FILE *to)
{
    (void)fputs(about, to);
    for (const struct ask_option *option = options; option < options + OPTIONS; option++) {
        int width = fprintf(to, "  %s%s%s", option->name, option->text ? " " : "",
                            option->text ? option->text : "");
        (void)fprintf(to, "%*s%s\n", width < 37 ? 37 - width : 1, "", option->help);
    }
    (void)fprintf(to,
                  "\n"
                  "exit codes: 0 each request was answered with success, 1 with an error or not "
                  "at all, 2 bad arguments\n");
}
