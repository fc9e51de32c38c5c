#include "node/lwm2m-device/options.h"

#include "engine/lwm2m/lwm2m_client.h"
#include "node/common/clock.h"
#include "node/common/coap_settings.h"
#include "node/common/hex.h"
#include "node/common/pcp_settings.h"
#include "node/lwm2m-device/account_session.h"

#include <stdlib.h>
#include <string.h>

static const char about[] = "usage: pinhole-lwm2m-device --bootstrap URI [option]...\n"
                            "An LwM2M device with the object PCP-context (26887): it is "
                            "bootstrapped or provisioned, registers, and\n"
                            "asks for mappings of its ports by PCP as the server has it. SIGUSR1 "
                            "sends the temperature (1.1), SIGUSR2\n"
                            "puts the device to sleep, and wakes it.\n";

/* --- what is not a number alone --------------------------------------------------------------- */

static int check_uri(const char *option, const char *uri, bool is_secure, struct error *error)
{
    struct place place;
    uint16_t port;
    struct error problem = {0};
    if (!uri)
        return 0;
    if (account_uri_read(uri, &place, &port, &problem) < 0)
        return error_set(error, "%s: %s", option, problem.text);
    if ((strncmp(uri, "coaps:", strlen("coaps:")) == 0) != is_secure)
        return error_set(error, "%s: expected coaps: with --identity and --key, and coap: without",
                         option);
    return 0;
}

static int check_credentials(struct options *options, struct error *error)
{
    if (!options->identity != !options->key_text)
        return error_set(error, "--identity, --key: expected both or none");
    if (!options->identity)
        return 0;
    int length = hex_read(options->key_text, options->key, sizeof options->key);
    if (length <= 0)
        return error_set(error, "--key: expected 1 to %d octets in hex, got '%s'", OPTIONS_KEY_SIZE,
                         options->key_text);
    options->key_length = (size_t)length;
    size_t identity = strlen(options->identity);
    return identity == 0 || identity > LWM2M_CREDENTIAL_SIZE
               ? error_set(error, "--identity: expected 1 to %d octets", LWM2M_CREDENTIAL_SIZE)
               : 0;
}

static int check_words(struct options *options, struct error *error)
{
    size_t length = strlen(options->endpoint);
    if (length == 0 || length >= LWM2M_ENDPOINT_SIZE)
        return error_set(error, "--endpoint: a name has 1 to %d octets", LWM2M_ENDPOINT_SIZE - 1);
    if (strcmp(options->version, "1.0") != 0 && strcmp(options->version, "1.1") != 0)
        return error_set(error, "--lwm2m: expected 1.0 or 1.1, got '%s'", options->version);
    if (strcmp(options->binding, "U") != 0 && strcmp(options->binding, "UQ") != 0)
        return error_set(error, "--binding: expected U or UQ, got '%s'", options->binding);
    char *end = NULL;
    if (options->temperature_text)
        options->temperature = strtod(options->temperature_text, &end);
    if (options->temperature_text && (end == options->temperature_text || *end))
        return error_set(error, "--temperature: expected a number, got '%s'",
                         options->temperature_text);
    return 0;
}

static int check(struct options *options, struct error *error)
{
    if (!options->server && !options->bootstrap)
        return error_set(error, "expected --bootstrap URI or --server URI");
    if (check_words(options, error) < 0 || check_credentials(options, error) < 0)
        return -1;
    bool is_secure = options->identity != NULL;
    if (options->server && check_uri("--server", options->server, is_secure, error) < 0)
        return -1;
    /* The credentials are for one account: that of the server, where it is told. */
    return check_uri("--bootstrap", options->bootstrap, is_secure && !options->server, error);
}

const char *options_uri(const struct options *options)
{
    return options->server ? options->server : options->bootstrap;
}

/* --- the table -------------------------------------------------------------------------------- */

enum settings_result options_read(struct options *options, int count, char **arguments,
                                  struct error *error)
{
    *options = (struct options){
        .endpoint = "device",
        .version = "1.0",
        .binding = "U",
        .lifetime = 86400,
        .port = COAP_DEFAULT_PORT,
        .requests = 4,
        .patience = coap_patience_default,
        .bootstrap_timeout = 93000, /* as long as a message may take */
        .farewell = 2000,
        .time_scale = 1,
    };
    const struct setting settings[] = {
        {"endpoint", "PINHOLE_NODE", SETTING_TEXT, &options->endpoint, 0, 0,
         "the endpoint's name (device)"},
        {"bootstrap", "PINHOLE_BOOTSTRAP", SETTING_TEXT, &options->bootstrap, 0, 0,
         "the bootstrap server, coap://ADDRESS:PORT or coaps://"},
        {"server", "PINHOLE_LWM2M_SERVER", SETTING_TEXT, &options->server, 0, 0,
         "the server, provisioned by the factory: no bootstrap is needed"},
        {"identity", "PINHOLE_IDENTITY", SETTING_TEXT, &options->identity, 0, 0,
         "of the pre-shared key, for DTLS with the server, or else the bootstrap server"},
        {"key", "PINHOLE_KEY", SETTING_TEXT, &options->key_text, 0, 0,
         "the pre-shared key, in hex"},
        {"lwm2m", "PINHOLE_LWM2M", SETTING_TEXT, &options->version, 0, 0,
         "the version of LwM2M, 1.0 or 1.1 (1.0)"},
        {"binding", "PINHOLE_BINDING", SETTING_TEXT, &options->binding, 0, 0,
         "U, or UQ with queue mode (U)"},
        {"lifetime", "PINHOLE_LWM2M_LIFETIME", SETTING_NUMBER, &options->lifetime, 1, UINT32_MAX,
         "of the registration, seconds (86400)"},
        {"port", "PINHOLE_PORT", SETTING_NUMBER, &options->port, 1, UINT16_MAX,
         "the local port of LwM2M (5683)"},
        PCP_GATEWAY_SETTINGS(&options->gateways, &options->no_anycast),
        PCP_REQUESTS_SETTING("PINHOLE_REQUESTS", &options->requests,
                             "4; 0: without end, if there is one alone"),
        {"no-pcp", "PINHOLE_NO_PCP", SETTING_FLAG, &options->no_pcp, 0, 0,
         "have no object PCP-context"},
        {"open-read", "PINHOLE_OPEN_READ", SETTING_FLAG, &options->open_read, 0, 0,
         "let anybody read and observe /3303"},
        {"temperature", "PINHOLE_TEMPERATURE", SETTING_TEXT, &options->temperature_text, 0, 0,
         "what the thermometer shows (from 16 to 24 and back, in two minutes)"},
        COAP_PATIENCE_SETTINGS(&options->patience),
        {"bootstrap-timeout", "PINHOLE_BOOTSTRAP_TIMEOUT", SETTING_SECONDS,
         &options->bootstrap_timeout, 100, 3600000,
         "how long a bootstrap may last before it is undone (93)"},
        {"farewell", NULL, SETTING_SECONDS, &options->farewell, 0, 60000,
         "how long to take leave on SIGTERM at most (2)"},
        {"time-scale", "PINHOLE_TIME_SCALE", SETTING_NUMBER, &options->time_scale, 1, CLOCK_FASTEST,
         "how many times as fast time runs, but for CoAP's; the gateway's and the server's must, "
         "too (1)"},
    };
    enum settings_result result = settings_read(
        about, settings, sizeof settings / sizeof settings[0], count, arguments, error);
    return result == SETTINGS_GO && check(options, error) < 0 ? SETTINGS_BAD : result;
}
