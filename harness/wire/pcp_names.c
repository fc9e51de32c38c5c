/* Names and messages for people; apart from pcp.c, so that a small client links none of them. */
#include "wire/names.h"
#include "wire/pcp.h"

static const char *const opcode_names[] = {
    [PCP_ANNOUNCE] = "ANNOUNCE",
    [PCP_MAP] = "MAP",
    [PCP_PEER] = "PEER",
};

static const char *const result_names[] = {
    [PCP_SUCCESS] = "SUCCESS",
    [PCP_UNSUPP_VERSION] = "UNSUPP_VERSION",
    [PCP_NOT_AUTHORIZED] = "NOT_AUTHORIZED",
    [PCP_MALFORMED_REQUEST] = "MALFORMED_REQUEST",
    [PCP_UNSUPP_OPCODE] = "UNSUPP_OPCODE",
    [PCP_UNSUPP_OPTION] = "UNSUPP_OPTION",
    [PCP_MALFORMED_OPTION] = "MALFORMED_OPTION",
    [PCP_NETWORK_FAILURE] = "NETWORK_FAILURE",
    [PCP_NO_RESOURCES] = "NO_RESOURCES",
    [PCP_UNSUPP_PROTOCOL] = "UNSUPP_PROTOCOL",
    [PCP_USER_EX_QUOTA] = "USER_EX_QUOTA",
    [PCP_CANNOT_PROVIDE_EXTERNAL] = "CANNOT_PROVIDE_EXTERNAL",
    [PCP_ADDRESS_MISMATCH] = "ADDRESS_MISMATCH",
    [PCP_EXCESSIVE_REMOTE_PEERS] = "EXCESSIVE_REMOTE_PEERS",
    [PCP_THIRD_PARTY_ID_UNKNOWN] = "THIRD_PARTY_ID_UNKNOWN",
    [PCP_THIRD_PARTY_MISSING_OPTION] = "THIRD_PARTY_MISSING_OPTION",
    [PCP_UNSUPP_THIRD_PARTY_ID_LENGTH] = "UNSUPP_THIRD_PARTY_ID_LENGTH",
};

static const char *const option_names[] = {
    [PCP_THIRD_PARTY] = "THIRD_PARTY", [PCP_PREFER_FAILURE] = "PREFER_FAILURE",
    [PCP_FILTER] = "FILTER",           [PCP_THIRD_PARTY_ID] = "THIRD_PARTY_ID",
    [PCP_DESCRIPTION] = "DESCRIPTION", [PCP_PREFIX64] = "PREFIX64",
    [PCP_PORT_SET] = "PORT_SET",
};

static const char *const fault_texts[PCP_FAULT_COUNT] = {
    [PCP_FAULT_NONE] = "well formed",
    [PCP_FAULT_SHORT] = "shorter than 2 octets, or 4 for a response (sections 8.2, 8.3)",
    [PCP_FAULT_VERSION] = "version is not 2 (section 9)",
    [PCP_FAULT_HEADER_CUT] = "shorter than the 24 octets of the header (sections 8.2, 8.3)",
    [PCP_FAULT_LONG] = "longer than 1100 octets (section 7)",
    [PCP_FAULT_NOT_MULTIPLE_OF_4] = "length is not a multiple of 4 octets (sections 8.2, 8.3)",
    [PCP_FAULT_OPCODE] = "opcode is not ANNOUNCE, MAP or PEER (section 19.2)",
    [PCP_FAULT_OPCODE_CUT] = "too short for the opcode's data (section 8.2)",
    [PCP_FAULT_OPTION_CUT] = "an option runs past the end of the message (section 7.3)",
    [PCP_FAULT_OPTION_LENGTH] = "option length is not the one its definition gives (section 13)",
};

const char *pcp_opcode_name(uint8_t opcode)
{
    return NAME_OF(opcode_names, opcode);
}

const char *pcp_result_name(uint8_t result)
{
    return NAME_OF(result_names, result);
}

const char *pcp_option_name(uint8_t code)
{
    return NAME_OF(option_names, code);
}

const char *pcp_fault_text(enum pcp_fault fault)
{
    const char *text = NAME_OF(fault_texts, fault);
    return text ? text : "unknown fault";
}
