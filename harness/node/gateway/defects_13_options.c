/* Defects in THIRD_PARTY and PREFER_FAILURE, RFC 6887 sections 13, 13.1 and 13.2. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "wire/octets.h"

#include <string.h>

enum { OFFSET_LIFETIME = 4, OFFSET_CLIENT = 8, A_DAY = 86400, SCAN = 8 };

static bool has_option(const struct pcp_server_input *input, uint8_t code, struct pcp_option *out)
{
    struct pcp_message request;
    return defect_read(input->octets, input->length, &request) &&
           defect_option(&request, code, out) >= 0;
}

static bool is_success(const uint8_t *octets, size_t length, uint8_t opcode)
{
    struct pcp_message response;
    return defect_read(octets, length, &response) && response.response &&
           response.opcode == opcode && response.result == PCP_SUCCESS;
}

/* --- section 13 -------------------------------------------------------------------------------- */

static void echo_options_of_announce(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (defect_read(exchange->came.octets, exchange->came.length, &request) &&
        request.opcode == PCP_ANNOUNCE && request.options_length > 0)
        defect_refuse(defect, exchange, PCP_SUCCESS, 0, octets, length);
}

static void add_an_option(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    size_t more =
        pcp_append_option(octets, *length, PCP_MAXIMUM_LENGTH, PCP_PREFER_FAILURE, NULL, 0);
    if (is_success(octets, *length, PCP_MAP) && more)
        *length = more;
}

/* --- who may use THIRD_PARTY ------------------------------------------------------------------- */

/* A prefix of no bits is every address. */
static void allow_all(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.third_party = true;
    config->policy.third_party_client_count = 1;
    config->third_party_clients[0] = (struct pcp_server_prefix){.length = 0};
}

static void allow_all_where_allowed(struct defect *defect, struct config *config)
{
    if (config->policy.third_party)
        allow_all(defect, config);
}

static void forbid_all(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.third_party = false;
}

static void say_not_authorized(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    struct pcp_option option;
    if (has_option(&exchange->came, PCP_THIRD_PARTY, &option) &&
        !is_success(octets, *length, PCP_MAP))
        defect_refuse(defect, exchange, PCP_NOT_AUTHORIZED, defect->config->policy.long_error,
                      octets, length);
}

/* --- what THIRD_PARTY says --------------------------------------------------------------------- */

static bool leave_third_party_out(struct pcp_option *option, unsigned occurrence)
{
    (void)occurrence;
    return option->code != PCP_THIRD_PARTY;
}

static bool leave_second_third_party_out(struct pcp_option *option, unsigned occurrence)
{
    return option->code != PCP_THIRD_PARTY || occurrence == 1;
}

static bool cut_third_party(struct pcp_option *option, unsigned occurrence)
{
    (void)occurrence;
    if (option->code == PCP_THIRD_PARTY && option->length > PCP_THIRD_PARTY_LENGTH)
        option->length = PCP_THIRD_PARTY_LENGTH;
    return true;
}

static void pass_over_third_party(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    defect_edit_options(exchange, leave_third_party_out);
}

static void pass_over_the_second(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    defect_edit_options(exchange, leave_second_third_party_out);
}

static void pass_over_third_party_in_peer(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (defect_read(exchange->octets, exchange->input->length, &request) &&
        request.opcode == PCP_PEER)
        defect_edit_options(exchange, leave_third_party_out);
}

static void pass_over_the_source(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_option option;
    struct address named;
    (void)defect;
    if (has_option(exchange->input, PCP_THIRD_PARTY, &option) &&
        pcp_option_third_party(&option, &named) == PCP_FAULT_NONE &&
        address_equal(&named, &exchange->came.source))
        defect_edit_options(exchange, leave_third_party_out);
}

static void cut_longer_ones(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    defect_edit_options(exchange, cut_third_party);
}

static void forge_the_client_address(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_option option;
    (void)defect;
    if (has_option(exchange->input, PCP_THIRD_PARTY, &option))
        memcpy(exchange->octets + OFFSET_CLIENT, exchange->came.source.octet,
               sizeof(struct address));
}

/* Where it stands last. */
static void leave_it_out_of_the_answer(struct defect *defect,
                                       const struct defect_exchange *exchange, uint8_t *octets,
                                       size_t *length)
{
    struct pcp_message response;
    struct pcp_option option;
    (void)defect;
    (void)exchange;
    if (!defect_read(octets, *length, &response) || response.result != PCP_SUCCESS)
        return;
    long at = defect_option(&response, PCP_THIRD_PARTY, &option);
    if (at >= 0)
        *length -= response.options_length - (size_t)at;
}

/* --- PREFER_FAILURE ---------------------------------------------------------------------------- */

static bool leave_prefer_failure_out(struct pcp_option *option, unsigned occurrence)
{
    (void)occurrence;
    return option->code != PCP_PREFER_FAILURE;
}

static bool leave_second_prefer_failure_out(struct pcp_option *option, unsigned occurrence)
{
    return option->code != PCP_PREFER_FAILURE || occurrence == 1;
}

static bool cut_prefer_failure(struct pcp_option *option, unsigned occurrence)
{
    (void)occurrence;
    if (option->code == PCP_PREFER_FAILURE)
        option->length = 0;
    return true;
}

static void pass_over_prefer_failure(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    defect_edit_options(exchange, leave_prefer_failure_out);
}

static void pass_over_the_second_prefer_failure(struct defect *defect,
                                                struct defect_exchange *exchange)
{
    (void)defect;
    defect_edit_options(exchange, leave_second_prefer_failure_out);
}

static void pass_over_its_data(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    defect_edit_options(exchange, cut_prefer_failure);
}

static void pass_over_it_without_a_port(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (defect_read(exchange->octets, exchange->input->length, &request) &&
        request.opcode == PCP_MAP && request.data.map.external_port == 0)
        defect_edit_options(exchange, leave_prefer_failure_out);
}

static void tell_a_day(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (defect_read(octets, *length, &response) && response.response &&
        response.result == PCP_CANNOT_PROVIDE_EXTERNAL)
        octets_put32(octets + OFFSET_LIFETIME, A_DAY);
}

/* The number counts requests with the option. */
static void go_deaf(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_option option;
    if (has_option(exchange->input, PCP_PREFER_FAILURE, &option))
        defect->number[0]++;
    if (defect->number[0] > SCAN)
        exchange->input->length = 0;
}

static bool know_no_flow(struct defect *defect, const struct pcp_server_flow_key *key, bool found,
                         struct pcp_server_flow *flow)
{
    (void)defect;
    (void)flow;
    return found && key->to_remote;
}

const struct defect_hooks defects_13_options[] = {
    {.name = "echoes-options-of-announce", .answer = echo_options_of_announce},
    {.name = "adds-options-to-answers", .message = add_an_option},
    {.name = "serves-third-parties-from-outside",
     .configure = allow_all,
     .hears_outside = true,
     .ruleset = "flush chain ip pinhole input\nflush chain ip6 pinhole input\n"},
    {.name = "serves-the-source-as-third-party", .request = pass_over_the_source},
    {.name = "passes-over-third-party", .request = pass_over_third_party},
    {.name = "refuses-third-party-by-not-authorized", .answer = say_not_authorized},
    {.name = "allows-third-party-untold", .configure = allow_all},
    {.name = "refuses-third-party-that-it-allows", .configure = forbid_all},
    {.name = "peers-for-the-client-alone", .request = pass_over_third_party_in_peer},
    {.name = "takes-third-party-from-everyone", .configure = allow_all_where_allowed},
    {.name = "takes-longer-third-parties", .request = cut_longer_ones},
    {.name = "takes-third-party-twice", .request = pass_over_the_second},
    {.name = "leaves-third-party-out-of-answers", .answer = leave_it_out_of_the_answer},
    {.name = "forgets-the-client-address-with-third-party", .request = forge_the_client_address},
    {.name = "passes-over-prefer-failure", .request = pass_over_prefer_failure},
    {.name = "tells-clashes-for-a-day", .message = tell_a_day},
    {.name = "prefers-failure-of-no-port", .request = pass_over_it_without_a_port},
    {.name = "is-deaf-after-a-scan", .request = go_deaf},
    {.name = "takes-prefer-failure-with-data", .request = pass_over_its_data},
    {.name = "takes-prefer-failure-twice", .request = pass_over_the_second_prefer_failure},
    {.name = "knows-no-flows-at-map", .outbound = know_no_flow},
    {.name = NULL},
};
