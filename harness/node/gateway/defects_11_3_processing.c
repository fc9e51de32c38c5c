/* Defects in the forms of MAP, nonces and mappings that exist, RFC 6887 section 11.3. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_RESULT = 3,
    OFFSET_LIFETIME = 4,
    OFFSET_EPOCH = 8,
    OFFSET_NONCE = PCP_HEADER_LENGTH,
    OFFSET_PROTOCOL = OFFSET_NONCE + PCP_NONCE_LENGTH,
    OFFSET_INTERNAL_PORT = OFFSET_PROTOCOL + 4,
    OFFSET_EXTERNAL_PORT = OFFSET_PROTOCOL + 6,
    OFFSET_EXTERNAL = OFFSET_PROTOCOL + 8,
    OPTIONLESS = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    UDP = 17,
    ONE_PORT = 5000,
    HOUR = 3600,
    SHORT = 30
};

/* The MAP that came, and whether it is one. */
static bool is_map(const struct defect_exchange *exchange, struct pcp_message *request)
{
    return defect_read(exchange->came.octets, exchange->came.length, request) &&
           !request->response && request->opcode == PCP_MAP;
}

static bool prefers_failure(const struct pcp_message *request)
{
    struct pcp_option option;
    return defect_option(request, PCP_PREFER_FAILURE, &option) >= 0;
}

/* The answer to a MAP, a success or not. */
static bool is_answer(const uint8_t *octets, size_t length, bool success,
                      struct pcp_message *response)
{
    return defect_read(octets, length, response) && response->opcode == PCP_MAP &&
           (response->result == PCP_SUCCESS) == success;
}

static void refuse(struct defect *defect, const struct defect_exchange *exchange,
                   enum pcp_result result, uint8_t *octets, size_t *length)
{
    defect_refuse(defect, exchange, result, defect->config->policy.short_error, octets, length);
}

static void strip_options(struct defect_exchange *exchange)
{
    if (exchange->input->length > OPTIONLESS)
        exchange->input->length = OPTIONLESS;
}

/* --- order and forms --------------------------------------------------------------------------- */

static void mind_suggestions_first(struct defect *defect, const struct defect_exchange *exchange,
                                   uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (is_map(exchange, &request) && prefers_failure(&request) &&
        !address_equal(&request.data.map.external_address, &defect->config->external[0]))
        refuse(defect, exchange, PCP_CANNOT_PROVIDE_EXTERNAL, octets, length);
}

static void mind_nonces_last(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    struct pcp_message request, response;
    if (is_map(exchange, &request) && prefers_failure(&request) &&
        is_answer(octets, *length, false, &response) && response.result == PCP_NOT_AUTHORIZED)
        refuse(defect, exchange, PCP_CANNOT_PROVIDE_EXTERNAL, octets, length);
}

static void lack_resources_for_protocols(struct defect *defect,
                                         const struct defect_exchange *exchange, uint8_t *octets,
                                         size_t *length)
{
    struct pcp_message response;
    if (is_answer(octets, *length, false, &response) && response.result == PCP_UNSUPP_PROTOCOL &&
        response.data.map.internal_port != 0)
        refuse(defect, exchange, PCP_NO_RESOURCES, octets, length);
}

static void lack_resources_for_wildcards(struct defect *defect,
                                         const struct defect_exchange *exchange, uint8_t *octets,
                                         size_t *length)
{
    struct pcp_message request;
    if (is_map(exchange, &request) && request.lifetime != 0 && request.data.map.internal_port == 0)
        refuse(defect, exchange, PCP_NO_RESOURCES, octets, length);
}

static bool wants_all_ports(const struct defect_exchange *exchange)
{
    struct pcp_message request;
    return is_map(exchange, &request) && request.data.map.protocol != 0 &&
           request.data.map.internal_port == 0;
}

static void read_all_ports_as_one(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (wants_all_ports(exchange))
        octets_put16(exchange->octets + OFFSET_INTERNAL_PORT, ONE_PORT);
}

static void write_one_port_as_all(struct defect *defect, const struct defect_exchange *exchange,
                                  uint8_t *octets, size_t *length)
{
    (void)defect;
    if (*length >= OPTIONLESS && wants_all_ports(exchange))
        memset(octets + OFFSET_INTERNAL_PORT, 0, 4);
}

/* Makes of UNSUPP_PROTOCOL the success that it would be without the others; the device has nothing of it. */
static void claim_all_ports(struct defect *defect, const struct defect_exchange *exchange,
                            uint8_t *octets, size_t *length)
{
    struct pcp_message request, response;
    if (!is_map(exchange, &request) || request.data.map.internal_port != 0 ||
        request.lifetime == 0 || !is_answer(octets, *length, false, &response))
        return;
    octets[OFFSET_RESULT] = PCP_SUCCESS;
    octets_put32(octets + OFFSET_LIFETIME, request.lifetime);
    memcpy(octets + OFFSET_EXTERNAL, defect->config->external[0].octet,
           sizeof defect->config->external[0].octet);
}

/* Protocol 0, with an internal port or without. */
static bool wants_all_protocols(const struct defect_exchange *exchange, bool with_port)
{
    struct pcp_message request;
    return is_map(exchange, &request) && request.data.map.protocol == 0 &&
           (request.data.map.internal_port != 0) == with_port;
}

static void write_protocol_0(uint8_t *octets, size_t length)
{
    if (length >= OPTIONLESS)
        octets[OFFSET_PROTOCOL] = 0;
}

static void read_all_protocols_as_udp(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (wants_all_protocols(exchange, false))
        exchange->octets[OFFSET_PROTOCOL] = UDP;
}

static void write_udp_as_all_protocols(struct defect *defect,
                                       const struct defect_exchange *exchange, uint8_t *octets,
                                       size_t *length)
{
    (void)defect;
    if (wants_all_protocols(exchange, false))
        write_protocol_0(octets, *length);
}

static void read_a_port_of_protocol_0_as_udp(struct defect *defect,
                                             struct defect_exchange *exchange)
{
    (void)defect;
    if (wants_all_protocols(exchange, true))
        exchange->octets[OFFSET_PROTOCOL] = UDP;
}

static void write_udp_as_a_port_of_protocol_0(struct defect *defect,
                                              const struct defect_exchange *exchange,
                                              uint8_t *octets, size_t *length)
{
    (void)defect;
    if (wants_all_protocols(exchange, true))
        write_protocol_0(octets, *length);
}

/* --- nonces ------------------------------------------------------------------------------------ */

static void check_no_nonces(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.check_nonces = false;
}

/* A note has the nonce of who came first. */
static void know_nonces_of_ipv6(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (!is_map(exchange, &request) || address_is_ipv4(&exchange->came.source))
        return;
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (note && note->length == 0) {
        note->length = PCP_NONCE_LENGTH;
        memcpy(note->octets, request.data.map.nonce, PCP_NONCE_LENGTH);
    } else if (note && request.lifetime != 0) {
        memcpy(exchange->octets + OFFSET_NONCE, note->octets, PCP_NONCE_LENGTH);
    }
}

static void return_the_nonce(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    (void)defect;
    if (*length >= OPTIONLESS && is_map(exchange, &request))
        memcpy(octets + OFFSET_NONCE, request.data.map.nonce, PCP_NONCE_LENGTH);
}

static void lack_resources_for_another_nonce(struct defect *defect,
                                             const struct defect_exchange *exchange,
                                             uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (is_answer(octets, *length, false, &response) && response.result == PCP_NOT_AUTHORIZED)
        refuse(defect, exchange, PCP_NO_RESOURCES, octets, length);
}

static void forbid_for_a_moment(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    (void)exchange;
    if (is_answer(octets, *length, false, &response) && response.result == PCP_NOT_AUTHORIZED)
        octets_put32(octets + OFFSET_LIFETIME, SHORT);
}

/* --- mappings that exist ----------------------------------------------------------------------- */

/* The note of a MAP; whether one like it came before. */
static bool is_renewal(struct defect *defect, const struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct defect_note *note =
        is_map(exchange, &request) ? defect_note(defect, &exchange->came) : NULL;
    return note && request.lifetime != 0 && note->number[0]++ > 0;
}

static void strip_options_of_renewals(struct defect *defect, struct defect_exchange *exchange)
{
    if (is_renewal(defect, exchange))
        strip_options(exchange);
}

static void refuse_ipv6_renewals(struct defect *defect, const struct defect_exchange *exchange,
                                 uint8_t *octets, size_t *length)
{
    if (!address_is_ipv4(&exchange->came.source) && is_renewal(defect, exchange))
        refuse(defect, exchange, PCP_NO_RESOURCES, octets, length);
}

static bool is_of_static(const uint8_t *octets, size_t length, struct pcp_message *response)
{
    return is_answer(octets, length, true, response) && response->lifetime == PCP_SERVER_INFINITE;
}

static void say_the_suggested_port(const struct defect_exchange *exchange, uint8_t *octets)
{
    struct pcp_message request;
    if (is_map(exchange, &request) && request.data.map.external_port != 0)
        octets_put16(octets + OFFSET_EXTERNAL_PORT, request.data.map.external_port);
}

static void move_static(struct defect *defect, const struct defect_exchange *exchange,
                        uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_of_static(octets, *length, &response))
        say_the_suggested_port(exchange, octets);
}

static void move_renewed(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_answer(octets, *length, true, &response) && response.lifetime != 0)
        say_the_suggested_port(exchange, octets);
}

static void count_static(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    (void)exchange;
    if (is_of_static(octets, *length, &response))
        octets_put32(octets + OFFSET_LIFETIME, HOUR);
}

static void keep_static_nonces(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (!is_of_static(octets, *length, &response))
        return;
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (note && note->length == 0) {
        note->length = PCP_NONCE_LENGTH;
        memcpy(note->octets, response.data.map.nonce, PCP_NONCE_LENGTH);
    } else if (note && memcmp(note->octets, response.data.map.nonce, PCP_NONCE_LENGTH) != 0) {
        refuse(defect, exchange, PCP_NOT_AUTHORIZED, octets, length);
    }
}

/* The note has the first answer, which the engine isn't asked for again. */
static void spare_the_engine(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct defect_note *note =
        is_map(exchange, &request) ? defect_note(defect, &exchange->came) : NULL;
    if (note && note->length && request.lifetime != 0)
        exchange->input->length = 0;
}

static void answer_by_heart(struct defect *defect, const struct defect_exchange *exchange,
                            uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (note && note->length && exchange->input->length == 0) {
        *length = note->length;
        memcpy(octets, note->octets, note->length);
        octets_put32(octets + OFFSET_EPOCH, pcp_server_epoch(defect->server, defect->now));
    } else if (note && is_answer(octets, *length, true, &response)) {
        note->length = *length;
        memcpy(note->octets, octets, *length);
    }
}

static void strip_options_of_deletes(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_map(exchange, &request) && request.lifetime == 0)
        strip_options(exchange);
}

static void invent_a_port(struct defect *defect, const struct defect_exchange *exchange,
                          uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_answer(octets, *length, true, &response) && !address_is_ipv4(&exchange->came.source))
        octets_put16(octets + OFFSET_EXTERNAL_PORT,
                     (uint16_t)(response.data.map.external_port + 1));
}

const struct defect_hooks defects_11_3_processing[] = {
    {.name = "looks-at-suggestions-first", .answer = mind_suggestions_first},
    {.name = "looks-at-nonces-last", .answer = mind_nonces_last},
    {.name = "has-no-resources-for-other-protocols", .answer = lack_resources_for_protocols},
    {.name = "maps-one-port-for-all",
     .request = read_all_ports_as_one,
     .answer = write_one_port_as_all},
    {.name = "maps-all-ports-but-those-of-others", .answer = claim_all_ports},
    {.name = "maps-udp-for-all-protocols",
     .request = read_all_protocols_as_udp,
     .answer = write_udp_as_all_protocols},
    {.name = "has-no-resources-for-wildcards", .answer = lack_resources_for_wildcards},
    {.name = "maps-udp-for-protocol-0-with-a-port",
     .request = read_a_port_of_protocol_0_as_udp,
     .answer = write_udp_as_a_port_of_protocol_0},
    {.name = "takes-any-nonce", .configure = check_no_nonces},
    {.name = "takes-any-nonce-in-ipv6", .request = know_nonces_of_ipv6, .answer = return_the_nonce},
    {.name = "has-no-resources-for-another-nonce", .answer = lack_resources_for_another_nonce},
    {.name = "forbids-another-nonce-for-30-seconds", .answer = forbid_for_a_moment},
    {.name = "forgets-to-prefer-failure-in-renewals", .request = strip_options_of_renewals},
    {.name = "says-static-mappings-move", .answer = move_static},
    {.name = "counts-the-seconds-of-static-mappings", .answer = count_static},
    {.name = "keeps-the-nonce-of-static-mappings", .answer = keep_static_nonces},
    {.name = "says-mappings-move", .answer = move_renewed},
    {.name = "answers-renewals-by-heart", .request = spare_the_engine, .answer = answer_by_heart},
    {.name = "has-no-resources-for-ipv6-renewals", .answer = refuse_ipv6_renewals},
    {.name = "skips-senseless-options", .request = strip_options_of_deletes},
    {.name = "invents-a-port-for-a-pinhole", .answer = invent_a_port},
    {.name = NULL},
};
