/* PCP, NAT-PMP, CoAP and DTLS messages from strangers: no read or write out of bounds, and what decodes
 * without a fault encodes to what it was. */
#include "wire/coap.h"
#include "wire/describe.h"
#include "wire/dtls.h"
#include "wire/natpmp.h"
#include "wire/pcp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_inside(const uint8_t *part, size_t part_length, const uint8_t *octets,
                           size_t length)
{
    require(part >= octets && part_length <= length &&
            (size_t)(part - octets) <= length - part_length);
}

static void fuzz_pcp(const uint8_t *octets, size_t length)
{
    struct pcp_message message;
    enum pcp_fault fault = pcp_decode(octets, length, &message);
    size_t offset = 0;
    struct pcp_option option;
    enum pcp_fault option_fault;
    while (
        pcp_option_next(message.options, message.options_length, &offset, &option, &option_fault)) {
        struct address internal;
        struct pcp_filter filter;
        require_inside(option.data, option.length, octets, length);
        (void)pcp_option_third_party(&option, &internal);
        (void)pcp_option_filter(&option, &filter);
    }
    require(option_fault == PCP_FAULT_OPTION_CUT || offset == message.options_length);
    if (fault)
        return;

    uint8_t again[PCP_MAXIMUM_LENGTH];
    size_t used = pcp_encode(&message, again, sizeof again);
    require(used + message.options_length == length);
    require(memcmp(again, octets, used) == 0);
}

static void fuzz_natpmp(const uint8_t *octets, size_t length)
{
    struct natpmp_message message;
    if (natpmp_decode(octets, length, &message) != NATPMP_FAULT_NONE)
        return;
    uint8_t again[NATPMP_MAP_RESPONSE_LENGTH];
    require(natpmp_encode(&message, again, sizeof again) == length);
    /* Unsupported Version alone has two faces: with the flag and, as it is encoded, without. */
    if (message.result != NATPMP_UNSUPPORTED_VERSION)
        require(memcmp(again, octets, length) == 0);
}

static void fuzz_coap(const uint8_t *octets, size_t length)
{
    struct coap_message message;
    (void)coap_message_decode(octets, length, &message);
    struct coap_message_walk walk = {0};
    struct coap_message_option option;
    while (coap_message_next_option(&message, &walk, &option)) {
        require_inside(option.value, option.length, octets, length);
        (void)coap_message_option_uint(&option);
        (void)coap_message_option_name(option.number);
    }
    require(walk.offset == message.options_length);
    char path[64];
    if (coap_message_path(&message, length % 16, path, 1 + length % sizeof path))
        require(path[0] == '/' && strlen(path) < 1 + length % sizeof path);
    if (message.payload)
        require_inside(message.payload, message.payload_length, octets, length);
}

static void fuzz_dtls(const uint8_t *octets, size_t length)
{
    struct dtls_walk walk;
    struct dtls_record record;
    struct dtls_handshake handshake;
    if (!dtls_recognise(octets, length, &walk))
        return;
    while (dtls_next_record(octets, length, &walk, &record)) {
        require_inside(record.fragment, record.length, octets, length);
        require(dtls_content_name(record.content));
        if (dtls_handshake_of(&record, &handshake))
            (void)dtls_handshake_name(handshake.type);
    }
    require(walk.offset == length);
}

static void fuzz_describe(size_t (*describe)(const uint8_t *, size_t, char *, size_t),
                          const uint8_t *octets, size_t length)
{
    char text[DESCRIBE_SIZE];
    size_t size = 1 + length % sizeof text;
    require(describe(octets, length, text, size) == strlen(text));
    for (const char *at = text; *at; at++)
        require(*at >= ' ' && *at < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    fuzz_pcp(octets, length);
    fuzz_natpmp(octets, length);
    fuzz_coap(octets, length);
    fuzz_dtls(octets, length);
    fuzz_describe(pcp_describe, octets, length);
    fuzz_describe(natpmp_describe, octets, length);
    fuzz_describe(coap_describe, octets, length);
    fuzz_describe(dtls_describe, octets, length);
    return 0;
}
