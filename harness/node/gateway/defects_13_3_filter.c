/* Defects in FILTER, RFC 6887 section 13.3. */
#include "node/gateway/defect.h"

#include "engine/pcp_server_policy.h"
#include "node/gateway/config.h"
#include "wire/octets.h"

#include <string.h>

enum { WHOLE = 128, SHORTEST_IPV4 = 96, OCTET = 8 };

/* What the engine is to get of a FILTER: false for nothing. index counts those of the request. */
typedef bool (*filter_editor)(struct pcp_filter *filter, size_t index);

static bool keep(struct pcp_filter *filter, size_t index)
{
    (void)filter;
    (void)index;
    return true;
}

static bool is_sound(const struct pcp_filter *filter)
{
    bool ipv4 = address_is_ipv4(&filter->remote_address);
    return filter->prefix_length == 0 ||
           (filter->prefix_length <= WHOLE && (!ipv4 || filter->prefix_length >= SHORTEST_IPV4));
}

/* The request, if it is a MAP or PEER, and how many FILTERs of 20 octets it has. */
static bool read_request(const uint8_t *octets, size_t length, struct pcp_message *request,
                         size_t *count)
{
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    *count = 0;
    if (!defect_read(octets, length, request) || request->opcode == PCP_ANNOUNCE)
        return false;
    while (pcp_option_next(request->options, request->options_length, &offset, &option, &fault))
        *count += option.code == PCP_FILTER && option.length == PCP_FILTER_LENGTH;
    return true;
}

static filter_editor chosen;

static bool edit_filter(struct pcp_option *option, unsigned occurrence)
{
    static uint8_t written[PCP_OPTION_HEADER_LENGTH + PCP_FILTER_LENGTH];
    struct pcp_filter filter;
    if (option->code != PCP_FILTER || pcp_option_filter(option, &filter))
        return true;
    if (!chosen(&filter, occurrence - 1))
        return false;
    (void)pcp_append_filter(written, 0, sizeof written, &filter);
    option->data = written + PCP_OPTION_HEADER_LENGTH;
    return true;
}

static void edit(struct defect_exchange *exchange, filter_editor editor)
{
    chosen = editor;
    defect_edit_options(exchange, edit_filter);
}

static void add_prefix_0(struct defect_exchange *exchange)
{
    const struct pcp_filter clear = {.remote_address = exchange->came.source};
    struct pcp_message request;
    uint8_t options[PCP_MAXIMUM_LENGTH];
    if (!defect_read(exchange->octets, exchange->input->length, &request))
        return;
    size_t length = request.options_length;
    size_t used = exchange->input->length - length;
    memcpy(options, request.options, length);
    used = pcp_append_filter(exchange->octets, used, PCP_MAXIMUM_LENGTH, &clear);
    if (!used || used + length > PCP_MAXIMUM_LENGTH)
        return;
    memcpy(exchange->octets + used, options, length);
    exchange->input->length = used + length;
}

static bool is_map_with(const struct defect_exchange *exchange, bool with_filters)
{
    struct pcp_message request;
    size_t count;
    return read_request(exchange->came.octets, exchange->came.length, &request, &count) &&
           request.opcode == PCP_MAP && request.lifetime > 0 && (count > 0) == with_filters;
}

/* --- not supported, not carried out ------------------------------------------------------------ */

static void refuse_filters(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    if (is_map_with(exchange, true))
        defect_refuse(defect, exchange, PCP_UNSUPP_OPTION, defect->config->policy.long_error,
                      octets, length);
}

static bool leave_filters_out(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    if (change->kind == PCP_SERVER_FILTERED)
        change->kind = PCP_SERVER_RENEWED;
    change->mapping.filters = 0;
    return true;
}

static bool leave_filters_of_tcp_out(struct defect *defect, struct pcp_server_change *change)
{
    enum { TCP = 6 };
    return change->mapping.protocol != TCP || leave_filters_out(defect, change);
}

/* The number counts mappings that were made open; the device knows no filters of theirs. */
static bool leave_open_mappings_open(struct defect *defect, struct pcp_server_change *change)
{
    bool filtered = change->kind == PCP_SERVER_FILTERED && change->filters_before == 0;
    if (filtered)
        defect->number[0] = change->mapping.internal_port;
    return change->mapping.internal_port != defect->number[0] || leave_filters_out(defect, change);
}

/* --- one filter -------------------------------------------------------------------------------- */

static bool make_whole(struct pcp_filter *filter, size_t index)
{
    (void)index;
    if (filter->prefix_length)
        filter->prefix_length = WHOLE;
    return true;
}

static bool make_wider(struct pcp_filter *filter, size_t index)
{
    (void)index;
    if (filter->prefix_length >= SHORTEST_IPV4 + OCTET)
        filter->prefix_length -= OCTET;
    return true;
}

static bool forget_port(struct pcp_filter *filter, size_t index)
{
    (void)index;
    filter->remote_port = 0;
    return true;
}

/* A port that nobody sends from is as good as port 0. */
static bool name_a_port(struct pcp_filter *filter, size_t index)
{
    (void)index;
    if (filter->prefix_length && filter->remote_port == 0)
        filter->remote_port = 1;
    return true;
}

static bool make_sound(struct pcp_filter *filter, size_t index)
{
    (void)index;
    if (!is_sound(filter))
        filter->prefix_length = WHOLE;
    return true;
}

#define EDITS(hook, editor)                                                                        \
    static void hook(struct defect *defect, struct defect_exchange *exchange)                      \
    {                                                                                              \
        (void)defect;                                                                              \
        edit(exchange, editor);                                                                    \
    }

EDITS(read_whole_addresses, make_whole)
EDITS(read_wider_prefixes, make_wider)
EDITS(read_no_ports, forget_port)
EDITS(read_port_0, name_a_port)
EDITS(read_any_prefix, make_sound)

static void mind_the_reserved_octet(struct defect *defect, const struct defect_exchange *exchange,
                                    uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    struct pcp_option option;
    size_t count;
    if (read_request(exchange->came.octets, exchange->came.length, &request, &count) && count &&
        defect_option(&request, PCP_FILTER, &option) >= 0 && option.data[0])
        defect_refuse(defect, exchange, PCP_MALFORMED_OPTION, defect->config->policy.long_error,
                      octets, length);
}

static void echo_the_reserved_octet(struct defect *defect, const struct defect_exchange *exchange,
                                    uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    struct pcp_message response;
    struct pcp_option asked;
    struct pcp_option told;
    (void)defect;
    if (!defect_read(exchange->came.octets, exchange->came.length, &request) ||
        !defect_read(octets, *length, &response) ||
        defect_option(&request, PCP_FILTER, &asked) < 0 || asked.length == 0)
        return;
    long at = defect_option(&response, PCP_FILTER, &told);
    if (at >= 0 && told.length > 0)
        octets[*length - response.options_length + (size_t)at + PCP_OPTION_HEADER_LENGTH] =
            asked.data[0];
}

/* Cuts what is too long, where it is the last option. */
static void cut_longer_filters(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct pcp_option option;
    (void)defect;
    if (!defect_read(exchange->octets, exchange->input->length, &request))
        return;
    long at = defect_option(&request, PCP_FILTER, &option);
    if (at < 0 || option.length <= PCP_FILTER_LENGTH)
        return;
    size_t front = exchange->input->length - request.options_length + (size_t)at;
    octets_put16(exchange->octets + front + 2, PCP_FILTER_LENGTH);
    exchange->input->length = front + PCP_OPTION_HEADER_LENGTH + PCP_FILTER_LENGTH;
}

/* --- several ----------------------------------------------------------------------------------- */

static bool is_first(struct pcp_filter *filter, size_t index)
{
    (void)filter;
    return index == 0;
}

static bool clears_nothing(struct pcp_filter *filter, size_t index)
{
    (void)index;
    return filter->prefix_length > 0;
}

static bool clears(struct pcp_filter *filter, size_t index)
{
    (void)index;
    return filter->prefix_length == 0;
}

static bool is_good(struct pcp_filter *filter, size_t index)
{
    (void)index;
    return is_sound(filter);
}

static bool is_nothing(struct pcp_filter *filter, size_t index)
{
    (void)filter;
    (void)index;
    return false;
}

EDITS(read_the_first, is_first)
EDITS(read_no_prefix_0, clears_nothing)
EDITS(read_good_ones, is_good)

static void clear_before(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (is_map_with(exchange, true))
        add_prefix_0(exchange);
}

static void clear_at_renewals(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (is_map_with(exchange, false))
        add_prefix_0(exchange);
}

/* Those that stand behind prefix 0 are cleared with the others. */
static void clear_last(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct pcp_option option;
    struct pcp_filter filter;
    (void)defect;
    if (defect_read(exchange->octets, exchange->input->length, &request) &&
        defect_option(&request, PCP_FILTER, &option) >= 0 &&
        pcp_option_filter(&option, &filter) == PCP_FAULT_NONE)
        edit(exchange, filter.prefix_length ? keep : clears);
}

/* How many of a request's FILTERs fit, with those that the mapping has: counted in its note. */
static size_t fitting;

static bool fits(struct pcp_filter *filter, size_t index)
{
    (void)filter;
    return index < fitting;
}

static bool cut_to_what_fits(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    size_t count;
    if (!read_request(exchange->came.octets, exchange->came.length, &request, &count) || !count)
        return false;
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (!note)
        return false;
    fitting = defect->config->policy.filters_per_mapping - note->number[0];
    bool excessive = count > fitting;
    if (excessive)
        edit(exchange, fits);
    note->number[0] += excessive ? fitting : count;
    note->number[1] = excessive;
    return excessive;
}

static void leave_out_what_is_too_many(struct defect *defect, struct defect_exchange *exchange)
{
    cut_to_what_fits(defect, exchange);
}

static void refuse_what_was_cut(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (note && note->number[1])
        defect_refuse(defect, exchange, PCP_EXCESSIVE_REMOTE_PEERS,
                      defect->config->policy.long_error, octets, length);
}

/* A request that is too long for its limit has cleared the filters by then, where it begins so. */
static void clear_before_counting(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    size_t count;
    if (read_request(exchange->came.octets, exchange->came.length, &request, &count) &&
        count > defect->config->policy.filters_per_mapping)
        edit(exchange, clears);
}

static void refuse_too_many(struct defect *defect, const struct defect_exchange *exchange,
                            uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    size_t count;
    if (read_request(exchange->came.octets, exchange->came.length, &request, &count) &&
        count > defect->config->policy.filters_per_mapping)
        defect_refuse(defect, exchange, PCP_EXCESSIVE_REMOTE_PEERS,
                      defect->config->policy.long_error, octets, length);
}

static bool let_flows_go_on(struct defect *defect)
{
    (void)defect;
    return false;
}

static void refuse_bad_ones(struct defect *defect, const struct defect_exchange *exchange,
                            uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    if (!defect_read(exchange->came.octets, exchange->came.length, &request))
        return;
    while (pcp_option_next(request.options, request.options_length, &offset, &option, &fault)) {
        struct pcp_filter filter;
        if (option.code == PCP_FILTER && !pcp_option_filter(&option, &filter) && !is_sound(&filter))
            defect_refuse(defect, exchange, PCP_MALFORMED_OPTION, defect->config->policy.long_error,
                          octets, length);
    }
}

/* --- where it makes no sense ------------------------------------------------------------------- */

static void pass_over_in_deletes(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (defect_read(exchange->octets, exchange->input->length, &request) && request.lifetime == 0)
        edit(exchange, is_nothing);
}

static void pass_over_in_peers(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (defect_read(exchange->octets, exchange->input->length, &request) &&
        request.opcode == PCP_PEER)
        edit(exchange, is_nothing);
}

const struct defect_hooks defects_13_3_filter[] = {
    {.name = "knows-no-filter", .answer = refuse_filters},
    {.name = "filters-nothing", .change = leave_filters_out},
    {.name = "filters-udp-alone", .change = leave_filters_of_tcp_out},
    {.name = "filters-whole-addresses", .request = read_whole_addresses},
    {.name = "filters-wider-prefixes", .request = read_wider_prefixes},
    {.name = "filters-no-ports", .request = read_no_ports},
    {.name = "filters-port-0", .request = read_port_0},
    {.name = "rejects-what-it-lets-in",
     .ruleset = "insert rule ip pinhole forward ct state new ct status dnat"
                " numgen inc mod 2 0 reject with icmp type admin-prohibited\n"},
    {.name = "minds-the-reserved-octet-of-filters", .answer = mind_the_reserved_octet},
    {.name = "echoes-the-reserved-octet-of-filters", .answer = echo_the_reserved_octet},
    {.name = "takes-longer-filters", .request = cut_longer_filters},
    {.name = "takes-any-prefix-length", .request = read_any_prefix},
    {.name = "replaces-filters", .request = clear_before},
    {.name = "takes-one-filter-of-a-request", .request = read_the_first},
    {.name = "keeps-filters-at-prefix-0", .request = read_no_prefix_0},
    {.name = "clears-filters-last", .request = clear_last},
    {.name = "deletes-with-filters", .request = pass_over_in_deletes},
    {.name = "leaves-out-filters-beyond-its-limit", .request = leave_out_what_is_too_many},
    {.name = "keeps-what-fits-of-too-many-filters",
     .request = leave_out_what_is_too_many,
     .answer = refuse_what_was_cut},
    {.name = "clears-filters-before-it-counts",
     .request = clear_before_counting,
     .answer = refuse_too_many},
    {.name = "filters-new-flows-alone", .flush = let_flows_go_on},
    {.name = "filters-new-mappings-alone", .change = leave_open_mappings_open},
    {.name = "clears-filters-at-renewals", .request = clear_at_renewals},
    {.name = "passes-over-bad-filters", .request = read_good_ones},
    {.name = "keeps-good-filters-beside-bad-ones",
     .request = read_good_ones,
     .answer = refuse_bad_ones},
    {.name = "peers-with-filters", .request = pass_over_in_peers},
    {.name = NULL},
};
