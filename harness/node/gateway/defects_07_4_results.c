/* Defects in result codes and the lifetimes of errors, RFC 6887 section 7.4. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "wire/octets.h"

enum { OFFSET_RESULT = 3, OFFSET_LIFETIME = 4 };

static bool is_error(const uint8_t *octets, size_t length)
{
    return length >= PCP_HEADER_LENGTH && octets[0] == PCP_VERSION &&
           octets[OFFSET_RESULT] != PCP_SUCCESS;
}

static void say_no_resources(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length))
        octets[OFFSET_RESULT] = PCP_NO_RESOURCES;
}

static void clear_lifetimes(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length))
        octets_put32(octets + OFFSET_LIFETIME, 0);
}

static void prolong_short_errors(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.short_error = config->policy.long_error;
}

static void insist(struct defect *defect, const struct defect_exchange *exchange, uint8_t *octets,
                   size_t *length)
{
    struct pcp_message request, response;
    if (!defect_read(exchange->came.octets, exchange->came.length, &request) ||
        !defect_read(octets, *length, &response) || request.opcode != PCP_MAP ||
        response.result != PCP_SUCCESS || request.lifetime == 0)
        return;
    uint16_t suggested = request.data.map.external_port;
    if (suggested && suggested != response.data.map.external_port)
        defect_refuse(defect, exchange, PCP_CANNOT_PROVIDE_EXTERNAL,
                      defect->config->policy.short_error, octets, length);
}

static void mind_filters(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    struct pcp_option option;
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (!note || !defect_read(exchange->came.octets, exchange->came.length, &request))
        return;
    if (defect_option(&request, PCP_FILTER, &option) >= 0)
        note->number[0] = true;
    else if (note->number[0])
        defect_refuse(defect, exchange, PCP_EXCESSIVE_REMOTE_PEERS,
                      defect->config->policy.long_error, octets, length);
}

static void refuse_unknown(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    if (!defect_read(exchange->came.octets, exchange->came.length, &request))
        return;
    while (pcp_option_next(request.options, request.options_length, &offset, &option, &fault))
        if (!pcp_option_name(option.code)) {
            defect_refuse(defect, exchange, PCP_UNSUPP_OPTION, defect->config->policy.long_error,
                          octets, length);
            return;
        }
}

static void replace(uint8_t *octets, size_t length, enum pcp_result result, enum pcp_result by)
{
    if (is_error(octets, length) && octets[OFFSET_RESULT] == result)
        octets[OFFSET_RESULT] = (uint8_t)by;
}

static void say_not_authorized(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    replace(octets, *length, PCP_NETWORK_FAILURE, PCP_NOT_AUTHORIZED);
}

static void say_no_resources_for_quota(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    replace(octets, *length, PCP_USER_EX_QUOTA, PCP_NO_RESOURCES);
}

const struct defect_hooks defects_07_4_results[] = {
    {.name = "has-one-error-for-all", .message = say_no_resources},
    {.name = "has-errors-without-lifetime", .message = clear_lifetimes},
    {.name = "lets-short-errors-last-long", .configure = prolong_short_errors},
    {.name = "insists-on-suggestions", .answer = insist},
    {.name = "minds-filters-of-before", .answer = mind_filters},
    {.name = "finds-optional-options-unsupported", .answer = refuse_unknown},
    {.name = "calls-network-failures-authorization", .message = say_not_authorized},
    {.name = "calls-quotas-lack-of-resources", .message = say_no_resources_for_quota},
    {.name = NULL},
};
