/* The cipher suites of a CoAP server's DTLS. */
#ifndef PINHOLE_NODE_COAP_SUITES_H
#define PINHOLE_NODE_COAP_SUITES_H

#include <coap3/coap.h>

/* Has context, which has pre-shared keys, take the two suites that LwM2M 1.0 wants servers to have, as clients may have
 * either (section 7.1.7): TLS_PSK_WITH_AES_128_CCM_8 and TLS_PSK_WITH_AES_128_CBC_SHA256. No others: the key alone is to
 * be enough to read a capture. libcoap 4.3.1 has no function to choose suites by; its servers speak those that came with
 * TLS 1.2, of which its clients take one with an ephemeral key. Where the loopback interface is down it stays at those. */
void coap_suites_choose(coap_context_t *context);

#endif
