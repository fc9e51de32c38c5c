#include "wire/dtls.h"
#include "wire/names.h"

static const char *const content_names[] = {
    [DTLS_CHANGE_CIPHER_SPEC] = "Change Cipher Spec",
    [DTLS_ALERT] = "Alert",
    [DTLS_HANDSHAKE] = "Handshake",
    [DTLS_APPLICATION_DATA] = "Application Data",
    [DTLS_HEARTBEAT] = "Heartbeat",
    [DTLS_CONNECTION_ID] = "Connection ID",
};

/* RFC 5246 section 7.4, RFC 6347 section 4.3.2; 4: RFC 5077, 22: RFC 6066 */
static const char *const handshake_names[] = {
    [0] = "Hello Request",        [DTLS_CLIENT_HELLO] = "Client Hello", [2] = "Server Hello",
    [3] = "Hello Verify Request", [4] = "New Session Ticket",           [11] = "Certificate",
    [12] = "Server Key Exchange", [13] = "Certificate Request",         [14] = "Server Hello Done",
    [15] = "Certificate Verify",  [16] = "Client Key Exchange",         [20] = "Finished",
    [22] = "Certificate Status",
};

static const char *const alert_level_names[] = {[1] = "warning", [2] = "fatal"};

/* RFC 5246 section 7.2; 110 to 114: RFC 6066, 115: RFC 4279, 120: RFC 7301 */
static const char *const alert_names[] = {
    [0] = "close notify",
    [10] = "unexpected message",
    [20] = "bad record MAC",
    [22] = "record overflow",
    [30] = "decompression failure",
    [40] = "handshake failure",
    [42] = "bad certificate",
    [43] = "unsupported certificate",
    [44] = "certificate revoked",
    [45] = "certificate expired",
    [46] = "certificate unknown",
    [47] = "illegal parameter",
    [48] = "unknown CA",
    [49] = "access denied",
    [50] = "decode error",
    [51] = "decrypt error",
    [70] = "protocol version",
    [71] = "insufficient security",
    [80] = "internal error",
    [90] = "user canceled",
    [100] = "no renegotiation",
    [110] = "unsupported extension",
    [111] = "certificate unobtainable",
    [112] = "unrecognized name",
    [113] = "bad certificate status response",
    [114] = "bad certificate hash value",
    [115] = "unknown PSK identity",
    [120] = "no application protocol",
};

const char *dtls_content_name(uint8_t content)
{
    return NAME_OF(content_names, content);
}

const char *dtls_handshake_name(uint8_t type)
{
    return NAME_OF(handshake_names, type);
}

const char *dtls_alert_level_name(uint8_t level)
{
    return NAME_OF(alert_level_names, level);
}

const char *dtls_alert_name(uint8_t description)
{
    return NAME_OF(alert_names, description);
}
