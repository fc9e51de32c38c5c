/* What pinhole-lwm2m-device is told. */
#ifndef PINHOLE_NODE_LWM2M_DEVICE_OPTIONS_H
#define PINHOLE_NODE_LWM2M_DEVICE_OPTIONS_H

#include "node/common/coap_support.h"
#include "node/common/settings.h"

enum { OPTIONS_KEY_SIZE = 64 };

struct options {
    const char *endpoint;
    const char *bootstrap; /* URIs, or NULL */
    const char *server;
    const char *identity; /* NULL: NoSec */
    const char *key_text;
    uint8_t key[OPTIONS_KEY_SIZE];
    size_t key_length;
    const char *version; /* "1.0" or "1.1" */
    const char *binding; /* "U" or "UQ" */
    uint32_t lifetime;   /* s, of the registration */
    uint32_t port;
    struct setting_texts gateways;
    bool no_anycast;
    uint32_t requests;
    bool no_pcp;
    bool open_read;
    const char *temperature_text;
    double temperature;
    struct coap_patience patience;
    uint32_t bootstrap_timeout; /* ms, as CoAP's own */
    uint32_t farewell;
    uint32_t time_scale;
};

/* As settings_read(); the help is printed. */
enum settings_result options_read(struct options *options, int count, char **arguments,
                                  struct error *error);

/* The account that is provisioned: that of the server, else of the bootstrap server. */
const char *options_uri(const struct options *options);

#endif
