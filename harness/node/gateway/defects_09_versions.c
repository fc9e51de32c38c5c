/* Defects in version negotiation, RFC 6887 section 9. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"

enum { OFFSET_RESULT = 3 };

static void name_the_version(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    (void)defect;
    if (*length > OFFSET_RESULT && octets[0] == PCP_VERSION &&
        octets[OFFSET_RESULT] == PCP_UNSUPP_VERSION)
        octets[0] = exchange->came.octets[0];
}

static void take_for_pcp(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    if (exchange->came.length >= 2 && exchange->came.octets[0] == 0)
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

const struct defect_hooks defects_09_versions[] = {
    {.name = "names-the-version-asked-for", .answer = name_the_version},
    {.name = "takes-nat-pmp-for-pcp", .answer = take_for_pcp},
    {.name = NULL},
};
