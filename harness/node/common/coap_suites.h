/* The cipher suites of a CoAP server's DTLS. */
#ifndef PINHOLE_NODE_COAP_SUITES_H
#define PINHOLE_NODE_COAP_SUITES_H

#include <coap3/coap.h>

/* Has context, which has pre-shared keys, take TLS_PSK_WITH_AES_128_CBC_SHA256, too. LwM2M 1.0 wants servers to have it
 * beside AES_128_CCM_8, as clients may have either (section 7.1.7); libcoap 4.3.1 has its servers speak only those suites
 * that came with TLS 1.2, and has no function to choose them by. Where the loopback interface is down it stays at those. */
void coap_suites_widen(coap_context_t *context);

#endif
