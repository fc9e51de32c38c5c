#include "wire/coap.h"
#include "wire/names.h"

#include <stdio.h>

#define CODE(class, detail) ((class) << 5 | (detail))

static const char *const type_names[] = {
    [COAP_TYPE_CONFIRMABLE] = "CON",
    [COAP_TYPE_NON_CONFIRMABLE] = "NON",
    [COAP_TYPE_ACKNOWLEDGEMENT] = "ACK",
    [COAP_TYPE_RESET] = "RST",
};

/* RFC 7252 section 12.1, RFC 7959 section 6, RFC 8132 section 6. */
static const char *const code_names[] = {
    [CODE(0, 0)] = "Empty",
    [CODE(0, 1)] = "GET",
    [CODE(0, 2)] = "POST",
    [CODE(0, 3)] = "PUT",
    [CODE(0, 4)] = "DELETE",
    [CODE(0, 5)] = "FETCH",
    [CODE(0, 6)] = "PATCH",
    [CODE(0, 7)] = "iPATCH",
    [CODE(2, 1)] = "Created",
    [CODE(2, 2)] = "Deleted",
    [CODE(2, 3)] = "Valid",
    [CODE(2, 4)] = "Changed",
    [CODE(2, 5)] = "Content",
    [CODE(2, 31)] = "Continue",
    [CODE(4, 0)] = "Bad Request",
    [CODE(4, 1)] = "Unauthorized",
    [CODE(4, 2)] = "Bad Option",
    [CODE(4, 3)] = "Forbidden",
    [CODE(4, 4)] = "Not Found",
    [CODE(4, 5)] = "Method Not Allowed",
    [CODE(4, 6)] = "Not Acceptable",
    [CODE(4, 8)] = "Request Entity Incomplete",
    [CODE(4, 9)] = "Conflict",
    [CODE(4, 12)] = "Precondition Failed",
    [CODE(4, 13)] = "Request Entity Too Large",
    [CODE(4, 15)] = "Unsupported Content-Format",
    [CODE(4, 22)] = "Unprocessable Entity",
    [CODE(5, 0)] = "Internal Server Error",
    [CODE(5, 1)] = "Not Implemented",
    [CODE(5, 2)] = "Bad Gateway",
    [CODE(5, 3)] = "Service Unavailable",
    [CODE(5, 4)] = "Gateway Timeout",
    [CODE(5, 5)] = "Proxying Not Supported",
};

/* RFC 7252 section 12.2, RFC 7641, RFC 7959, RFC 7967, RFC 9175. */
static const char *const option_names[] = {
    [1] = "If-Match",        [3] = "Uri-Host",      [4] = "ETag",          [5] = "If-None-Match",
    [6] = "Observe",         [7] = "Uri-Port",      [8] = "Location-Path", [11] = "Uri-Path",
    [12] = "Content-Format", [14] = "Max-Age",      [15] = "Uri-Query",    [17] = "Accept",
    [20] = "Location-Query", [23] = "Block2",       [27] = "Block1",       [28] = "Size2",
    [35] = "Proxy-Uri",      [39] = "Proxy-Scheme", [60] = "Size1",        [252] = "Echo",
    [258] = "No-Response",   [292] = "Request-Tag",
};

static const char *const fault_texts[COAP_FAULT_COUNT] = {
    [COAP_FAULT_NONE] = "well formed",
    [COAP_FAULT_SHORT] = "shorter than 4 octets (RFC 7252 section 3)",
    [COAP_FAULT_VERSION] = "version is not 1 (RFC 7252 section 3)",
    [COAP_FAULT_TOKEN] = "token length is over 8 (RFC 7252 section 3)",
    [COAP_FAULT_TOKEN_CUT] = "token runs past the end of the message (RFC 7252 section 3)",
    [COAP_FAULT_EMPTY] = "an Empty message holds more than its header (RFC 7252 section 4.1)",
    [COAP_FAULT_OPTION] = "option delta or length is the reserved 15 (RFC 7252 section 3.1)",
    [COAP_FAULT_OPTION_CUT] = "an option runs past the end of the message (RFC 7252 section 3.1)",
    [COAP_FAULT_PAYLOAD] = "payload marker without a payload (RFC 7252 section 3)",
};

const char *coap_message_type_name(enum coap_message_type type)
{
    const char *name = NAME_OF(type_names, type);
    return name ? name : "?";
}

const char *coap_message_code_name(uint8_t code)
{
    return NAME_OF(code_names, code);
}

const char *coap_message_code_text(uint8_t code, char text[COAP_MESSAGE_CODE_TEXT_SIZE])
{
    const char *method = code && code < CODE(1, 0) ? coap_message_code_name(code) : NULL;
    if (method)
        (void)snprintf(text, COAP_MESSAGE_CODE_TEXT_SIZE, "%s", method);
    else
        (void)snprintf(text, COAP_MESSAGE_CODE_TEXT_SIZE, "%d.%02d", code >> 5, code & 31);
    return text;
}

const char *coap_message_option_name(uint32_t number)
{
    return NAME_OF(option_names, number);
}

const char *coap_message_fault_text(enum coap_message_fault fault)
{
    const char *text = NAME_OF(fault_texts, fault);
    return text ? text : "unknown fault";
}
