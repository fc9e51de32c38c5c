/* Defects in how options are read and written, RFC 6887 section 7.3. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"

#include <string.h>

enum { OFFSET_RESULT = 3, OPTION_RESERVED = 1, RUBBISH = 0xff };

static bool is_success(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    return defect_read(octets, length, out) && out->response && out->result == PCP_SUCCESS;
}

static bool is_error(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    return defect_read(octets, length, out) && out->response && out->result != PCP_SUCCESS;
}

static size_t padded(const struct pcp_option *option)
{
    return PCP_OPTION_HEADER_LENGTH + (((size_t)option->length + 3) & ~(size_t)3);
}

static bool is_unknown(uint8_t code)
{
    return !pcp_option_name(code);
}

/* --- what is wrong with a request -------------------------------------------------------------- */

typedef bool option_test(const struct pcp_option *option, const struct pcp_option *before,
                         unsigned occurrence);

static bool has_reserved_bits(const struct pcp_option *option, const struct pcp_option *before,
                              unsigned occurrence)
{
    (void)before;
    (void)occurrence;
    return option->reserved != 0;
}

static bool is_out_of_order(const struct pcp_option *option, const struct pcp_option *before,
                            unsigned occurrence)
{
    (void)occurrence;
    return before && before->code > option->code;
}

static bool is_behind_padding(const struct pcp_option *option, const struct pcp_option *before,
                              unsigned occurrence)
{
    (void)option;
    (void)occurrence;
    return before && before->length % 4 != 0;
}

static bool is_empty(const struct pcp_option *option, const struct pcp_option *before,
                     unsigned occurrence)
{
    (void)before;
    (void)occurrence;
    return option->length == 0;
}

static bool is_second_filter(const struct pcp_option *option, const struct pcp_option *before,
                             unsigned occurrence)
{
    (void)before;
    return option->code == PCP_FILTER && occurrence > 1;
}

static bool is_second_prefer_failure(const struct pcp_option *option,
                                     const struct pcp_option *before, unsigned occurrence)
{
    (void)before;
    return option->code == PCP_PREFER_FAILURE && occurrence > 1;
}

static bool is_filter_of_another_length(const struct pcp_option *option,
                                        const struct pcp_option *before, unsigned occurrence)
{
    struct pcp_filter filter;
    (void)before;
    (void)occurrence;
    return option->code == PCP_FILTER && pcp_option_filter(option, &filter) != PCP_FAULT_NONE;
}

static bool is_unknown_mandatory(const struct pcp_option *option, const struct pcp_option *before,
                                 unsigned occurrence)
{
    (void)before;
    (void)occurrence;
    return option->code < 128 && is_unknown(option->code);
}

static bool is_unknown_optional(const struct pcp_option *option, const struct pcp_option *before,
                                unsigned occurrence)
{
    (void)before;
    (void)occurrence;
    return option->code >= 128 && is_unknown(option->code);
}

/* Whether the test holds for an option of the request as it came. */
static bool has(const struct defect_exchange *exchange, option_test *test)
{
    struct pcp_message request;
    struct pcp_option option, before;
    unsigned occurrences[256] = {0};
    enum pcp_fault fault;
    size_t offset = 0;
    bool first = true;
    if (!defect_read(exchange->came.octets, exchange->came.length, &request))
        return false;
    while (pcp_option_next(request.options, request.options_length, &offset, &option, &fault)) {
        if (test(&option, first ? NULL : &before, ++occurrences[option.code]))
            return true;
        before = option;
        first = false;
    }
    return false;
}

static void refuse_if(const struct defect *defect, const struct defect_exchange *exchange,
                      option_test *test, enum pcp_result result, uint8_t *octets, size_t *length)
{
    if (has(exchange, test))
        defect_refuse(defect, exchange, result, defect->config->policy.long_error, octets, length);
}

/* The engine gets the request without the options for which the test holds. */
static void take_out(struct defect_exchange *exchange, option_test *test)
{
    struct pcp_message request;
    struct pcp_option option, before;
    unsigned occurrences[256] = {0};
    enum pcp_fault fault;
    size_t offset = 0;
    bool first = true;
    if (!defect_read(exchange->octets, exchange->input->length, &request))
        return;
    uint8_t *area = exchange->octets + (request.options - exchange->octets);
    size_t kept = 0;
    for (size_t at = 0;
         pcp_option_next(request.options, request.options_length, &offset, &option, &fault);
         at = offset) {
        bool out = test(&option, first ? NULL : &before, ++occurrences[option.code]);
        before = option;
        first = false;
        if (out)
            continue;
        memmove(area + kept, area + at, offset - at);
        kept += offset - at;
    }
    exchange->input->length = (size_t)(area - exchange->octets) + kept;
}

/* --- the hooks --------------------------------------------------------------------------------- */

static void set_reserved(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    (void)defect;
    if (!is_success(octets, *length, &response))
        return;
    uint8_t *area = octets + (response.options - octets);
    for (size_t at = 0; pcp_option_next(area, response.options_length, &offset, &option, &fault);
         at = offset)
        area[at + OPTION_RESERVED] = RUBBISH;
}

static void pad_with_rubbish(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    (void)defect;
    if (!is_success(octets, *length, &response))
        return;
    uint8_t *area = octets + (response.options - octets);
    while (pcp_option_next(area, response.options_length, &offset, &option, &fault)) {
        size_t data = PCP_OPTION_HEADER_LENGTH + option.length;
        memset(area + offset - (padded(&option) - data), RUBBISH, padded(&option) - data);
    }
}

static void mind_reserved(struct defect *defect, const struct defect_exchange *exchange,
                          uint8_t *octets, size_t *length)
{
    refuse_if(defect, exchange, has_reserved_bits, PCP_MALFORMED_OPTION, octets, length);
}

static void want_order(struct defect *defect, const struct defect_exchange *exchange,
                       uint8_t *octets, size_t *length)
{
    refuse_if(defect, exchange, is_out_of_order, PCP_MALFORMED_OPTION, octets, length);
}

/* What it finds there begins with a zero: no option that it knows. */
static void forget_padding(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    refuse_if(defect, exchange, is_behind_padding, PCP_UNSUPP_OPTION, octets, length);
}

static void refuse_empty(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    refuse_if(defect, exchange, is_empty, PCP_MALFORMED_OPTION, octets, length);
}

static void refuse_second_filter(struct defect *defect, const struct defect_exchange *exchange,
                                 uint8_t *octets, size_t *length)
{
    refuse_if(defect, exchange, is_second_filter, PCP_MALFORMED_OPTION, octets, length);
}

static void refuse_unknown_mandatory(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    refuse_if(defect, exchange, is_unknown_mandatory, PCP_UNSUPP_OPTION, octets, length);
}

static void refuse_unknown_optional(struct defect *defect, const struct defect_exchange *exchange,
                                    uint8_t *octets, size_t *length)
{
    refuse_if(defect, exchange, is_unknown_optional, PCP_UNSUPP_OPTION, octets, length);
}

static void pass_over_unknown(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    take_out(exchange, is_unknown_mandatory);
}

static void pass_over_repetition(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    take_out(exchange, is_second_prefer_failure);
}

static void pass_over_bad_filters(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    take_out(exchange, is_filter_of_another_length);
}

static void turn_filters(struct defect *defect, struct defect_exchange *exchange)
{
    enum { MOST = 40, SIZE = PCP_OPTION_HEADER_LENGTH + PCP_FILTER_LENGTH };
    size_t places[MOST], count = 0, offset = 0;
    struct pcp_message request;
    struct pcp_option option;
    enum pcp_fault fault;
    uint8_t held[SIZE];
    (void)defect;
    if (!defect_read(exchange->octets, exchange->input->length, &request))
        return;
    uint8_t *area = exchange->octets + (request.options - exchange->octets);
    for (size_t at = 0; pcp_option_next(area, request.options_length, &offset, &option, &fault);
         at = offset)
        if (option.code == PCP_FILTER && padded(&option) == SIZE && count < MOST)
            places[count++] = at;
    for (size_t i = 0; i < count / 2; i++) {
        uint8_t *one = area + places[i], *other = area + places[count - 1 - i];
        memcpy(held, one, SIZE);
        memcpy(one, other, SIZE);
        memcpy(other, held, SIZE);
    }
}

static void cut_at_the_break(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct pcp_option option;
    enum pcp_fault fault = PCP_FAULT_NONE;
    size_t offset = 0;
    (void)defect;
    if (!defect_read(exchange->octets, exchange->input->length, &request))
        return;
    while (pcp_option_next(request.options, request.options_length, &offset, &option, &fault))
        ;
    if (fault != PCP_FAULT_NONE)
        exchange->input->length -= request.options_length - offset;
}

/* The engine gets as many of the options as an answer of theirs has room for. */
static void leave_out_the_last(struct defect *defect, struct defect_exchange *exchange)
{
    enum { SAFE = PCP_MAXIMUM_LENGTH / 2 };
    struct pcp_message request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0, kept = 0;
    (void)defect;
    if (!defect_read(exchange->octets, exchange->input->length, &request))
        return;
    while (pcp_option_next(request.options, request.options_length, &offset, &option, &fault) &&
           offset < SAFE)
        kept = offset;
    exchange->input->length -= request.options_length - kept;
}

static void clear_the_copy(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_error(octets, *length, &response))
        memset(octets + PCP_HEADER_LENGTH, 0, *length - PCP_HEADER_LENGTH);
}

static void cut_errors(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_error(octets, *length, &response))
        *length -= response.options_length;
}

static void cut_successes(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_success(octets, *length, &response))
        *length -= response.options_length;
}

static void call_it_a_request(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_error(octets, *length, &response) && response.result == PCP_MALFORMED_OPTION)
        octets[OFFSET_RESULT] = PCP_MALFORMED_REQUEST;
}

static void return_unknown(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    struct pcp_message request, response;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    (void)defect;
    if (!is_success(octets, *length, &response) ||
        !defect_read(exchange->came.octets, exchange->came.length, &request))
        return;
    while (pcp_option_next(request.options, request.options_length, &offset, &option, &fault)) {
        size_t longer = is_unknown(option.code)
                            ? pcp_append_option(octets, *length, PCP_MAXIMUM_LENGTH, option.code,
                                                option.data, option.length)
                            : 0;
        *length = longer ? longer : *length;
    }
}

const struct defect_hooks defects_07_3_options[] = {
    {.name = "sets-reserved-octets-of-options", .message = set_reserved},
    {.name = "minds-reserved-octets-of-options", .answer = mind_reserved},
    {.name = "wants-options-in-order", .answer = want_order},
    {.name = "takes-options-backwards", .request = turn_filters},
    {.name = "forgets-padding", .answer = forget_padding},
    {.name = "pads-with-rubbish", .message = pad_with_rubbish},
    {.name = "refuses-empty-options", .answer = refuse_empty},
    {.name = "carries-out-what-it-refuses",
     .request = pass_over_unknown,
     .answer = refuse_unknown_mandatory},
    {.name = "errors-lack-the-opcode-data", .message = clear_the_copy},
    {.name = "errors-lack-options", .message = cut_errors},
    {.name = "returns-unknown-options", .answer = return_unknown},
    {.name = "successes-lack-options", .message = cut_successes},
    {.name = "takes-one-filter-a-request", .answer = refuse_second_filter},
    {.name = "takes-options-twice", .request = pass_over_repetition},
    {.name = "calls-broken-options-malformed-requests", .message = call_it_a_request},
    {.name = "drops-broken-options", .request = cut_at_the_break},
    {.name = "leaves-out-what-does-not-fit", .request = leave_out_the_last},
    {.name = "refuses-unknown-optional-options", .answer = refuse_unknown_optional},
    {.name = "passes-over-unknown-options", .request = pass_over_unknown},
    {.name = "takes-filters-of-any-length", .request = pass_over_bad_filters},
    {.name = NULL},
};
