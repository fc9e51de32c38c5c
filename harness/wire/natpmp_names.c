#include "wire/names.h"
#include "wire/natpmp.h"

static const char *const opcode_names[] = {
    [NATPMP_ADDRESS] = "external address",
    [NATPMP_MAP_UDP] = "map UDP",
    [NATPMP_MAP_TCP] = "map TCP",
};

static const char *const result_names[] = {
    [NATPMP_SUCCESS] = "Success",
    [NATPMP_UNSUPPORTED_VERSION] = "Unsupported Version",
    [NATPMP_NOT_AUTHORIZED] = "Not Authorized/Refused",
    [NATPMP_NETWORK_FAILURE] = "Network Failure",
    [NATPMP_OUT_OF_RESOURCES] = "Out of resources",
    [NATPMP_UNSUPPORTED_OPCODE] = "Unsupported opcode",
};

static const char *const fault_texts[NATPMP_FAULT_COUNT] = {
    [NATPMP_FAULT_NONE] = "well formed",
    [NATPMP_FAULT_SHORT] = "shorter than 2 octets",
    [NATPMP_FAULT_VERSION] = "version is not 0 (RFC 6886 section 3.5)",
    [NATPMP_FAULT_OPCODE] = "opcode is not 0, 1 or 2 (RFC 6886 section 3.5)",
    [NATPMP_FAULT_CUT] = "too short for the opcode (RFC 6886 sections 3.2, 3.3)",
    [NATPMP_FAULT_LONG] = "octets behind the message (RFC 6886 sections 3.2, 3.3)",
};

const char *natpmp_opcode_name(uint8_t opcode)
{
    return NAME_OF(opcode_names, opcode);
}

const char *natpmp_result_name(uint16_t result)
{
    return NAME_OF(result_names, result);
}

const char *natpmp_fault_text(enum natpmp_fault fault)
{
    const char *text = NAME_OF(fault_texts, fault);
    return text ? text : "unknown fault";
}
