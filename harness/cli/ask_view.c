#include "cli/ask_view.h"

#include "cli/decode_fields.h"
#include "wire/describe.h"
#include "wire/natpmp.h"

const char *ask_result_name(enum ask_result result)
{
    static const char *const names[] = {
        [ASK_SUCCESS] = "success", [ASK_FAILURE] = "error", [ASK_SILENCE] = "silence"};
    return names[result];
}

size_t ask_describe(const uint8_t *octets, size_t length, char *text, size_t size)
{
    return natpmp_recognise(octets, length) ? natpmp_describe(octets, length, text, size)
                                            : pcp_describe(octets, length, text, size);
}

json_t *ask_fields(const uint8_t *octets, size_t length)
{
    return decode_fields(natpmp_recognise(octets, length) ? PROTOCOL_NAT_PMP : PROTOCOL_PCP, octets,
                         length);
}
