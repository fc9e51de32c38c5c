/* Defects in security, in unknown options and beside NAT-PMP, RFC 6887 sections 18, 19.4 and appendix A. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "wire/natpmp.h"

enum {
    R_BIT = 0x80,
    OFFSET_OPCODE = 1,
    OFFSET_RESULT = 3,
    BEHIND_MAP = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    FIRST_PRIVATE = 96,
    LAST_PRIVATE = 126,
    RESERVED = 255
};

static bool is_map(const struct defect_exchange *exchange, struct pcp_message *request)
{
    return defect_read(exchange->came.octets, exchange->came.length, request) &&
           request->opcode == PCP_MAP;
}

static void trust_everyone(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.third_party = true;
    config->policy.third_party_client_count = 1;
    config->third_party_clients[0] = (struct pcp_server_prefix){.length = 0};
}

static void drop_maps(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_map(exchange, &request))
        exchange->input->length = 0;
}

static void skip_private_options(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (!is_map(exchange, &request) || !request.options_length)
        return;
    uint8_t *code = exchange->octets + BEHIND_MAP;
    if (*code >= FIRST_PRIVATE && *code <= LAST_PRIVATE)
        *code |= PCP_OPTION_OPTIONAL_FLAG;
}

static void mind_reserved_options(struct defect *defect, const struct defect_exchange *exchange,
                                  uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    struct pcp_option option;
    if (is_map(exchange, &request) && defect_option(&request, RESERVED, &option) >= 0)
        defect_refuse(defect, exchange, PCP_UNSUPP_OPTION, defect->config->policy.long_error,
                      octets, length);
}

static void answer_another_opcode(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (*length >= PCP_HEADER_LENGTH && octets[OFFSET_RESULT] == PCP_UNSUPP_VERSION)
        octets[OFFSET_OPCODE] = R_BIT | PCP_PEER;
}

static void read_as_pcp(struct defect *defect, const struct defect_exchange *exchange,
                        uint8_t *octets, size_t *length)
{
    if (exchange->came.length && natpmp_recognise(exchange->came.octets, exchange->came.length))
        defect_refuse(defect, exchange, PCP_UNSUPP_VERSION, defect->config->policy.long_error,
                      octets, length);
}

const struct defect_hooks defects_18_security[] = {
    {.name = "trusts-third-parties-by-default", .configure = trust_everyone},
    {.name = "ignores-the-unauthenticated", .request = drop_maps},
    {.name = "skips-private-options", .request = skip_private_options},
    {.name = "minds-reserved-options", .answer = mind_reserved_options},
    {.name = "answers-nat-pmp-unreadably", .message = answer_another_opcode},
    {.name = "reads-nat-pmp-as-pcp", .answer = read_as_pcp},
    {.name = NULL},
};
