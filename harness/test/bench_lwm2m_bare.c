/* The least that a libcoap server has to do, as a limit for those that do more: answers 2.01 to POST /rd, and
 * keeps nothing of its own.
 *
 *   bench_lwm2m_bare PORT    prints "ready", and serves until it is killed
 */
#include <coap3/coap.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static void create(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                   const coap_string_t *query, coap_pdu_t *response)
{
    (void)resource;
    (void)session;
    (void)request;
    (void)query;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CREATED);
    coap_add_option(response, COAP_OPTION_LOCATION_PATH, 2, (const uint8_t *)"rd");
    coap_add_option(response, COAP_OPTION_LOCATION_PATH, 1, (const uint8_t *)"1");
}

int main(int argc, char **argv)
{
    coap_address_t any;
    coap_address_init(&any);
    any.size = sizeof any.addr.sin6;
    any.addr.sin6.sin6_family = AF_INET6;
    any.addr.sin6.sin6_port = htons((uint16_t)(argc == 2 ? strtoul(argv[1], NULL, 10) : 0));
    coap_startup();
    coap_context_t *context = coap_new_context(NULL);
    coap_resource_t *rd = coap_resource_init(coap_make_str_const("rd"), 0);
    if (argc != 2 || !context || !rd || !coap_new_endpoint(context, &any, COAP_PROTO_UDP)) {
        (void)fprintf(stderr, "usage: bench_lwm2m_bare PORT\n");
        return 2;
    }
    coap_register_request_handler(rd, COAP_REQUEST_POST, create);
    coap_add_resource(context, rd);
    puts("ready");
    (void)fflush(stdout);
    while (coap_io_process(context, COAP_IO_WAIT) >= 0)
        ;
    return 1;
}
