/* PCP-context: a mapping that a server lets the device ask for. Its definition for others is 26887.xml beside this
 * file, which a test compares with this table; what each resource means stands there.
 *
 * Texts of addresses are bounded by 45 octets, the longest an IPv6 address with an embedded IPv4 one takes. */
#include "engine/lwm2m/lwm2m_definition_row.h"

/* clang-format off */
static const struct lwm2m_resource_definition resources[] = {
    ROW(PCP_CONTEXT_LIFETIME,          RW, SINGLE,   MANDATORY, INTEGER, FROM_TO(1, 4294967295), "s", "Lifetime"),
    ROW(PCP_CONTEXT_REQUEST,           E,  SINGLE,   MANDATORY, NONE,    ANY,                    "",  "Request"),
    ROW(PCP_CONTEXT_STATUS,            R,  SINGLE,   MANDATORY, INTEGER, FROM_TO(0, 6),          "",  "Status"),
    ROW(PCP_CONTEXT_VERSION,           R,  SINGLE,   MANDATORY, INTEGER, FROM_TO(0, 255),        "",  "Version"),
    ROW(PCP_CONTEXT_ENABLED,           RW, SINGLE,   MANDATORY, BOOLEAN, ANY,                    "",  "Enabled"),
    ROW(PCP_CONTEXT_INTERNAL_PORT,     RW, SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 65535),      "",  "Internal Port"),
    ROW(PCP_CONTEXT_PROTOCOL,          RW, SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 255),        "",  "Protocol"),
    ROW(PCP_CONTEXT_SUGGESTED_ADDRESS, RW, SINGLE,   OPTIONAL,  STRING,  FROM_TO(0, 45),         "",  "Suggested External Address"),
    ROW(PCP_CONTEXT_SUGGESTED_PORT,    RW, SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 65535),      "",  "Suggested External Port"),
    ROW(PCP_CONTEXT_SERVER,            RW, SINGLE,   OPTIONAL,  STRING,  FROM_TO(0, 45),         "",  "PCP Server"),
    ROW(PCP_CONTEXT_THIRD_PARTY,       RW, SINGLE,   OPTIONAL,  STRING,  FROM_TO(0, 45),         "",  "Third Party"),
    ROW(PCP_CONTEXT_FILTERS,           RW, MULTIPLE, OPTIONAL,  STRING,  FROM_TO(0, 55),         "",  "Filters"),
    ROW(PCP_CONTEXT_OPCODE,            RW, SINGLE,   OPTIONAL,  INTEGER, FROM_TO(1, 2),          "",  "Opcode"),
    ROW(PCP_CONTEXT_REMOTE_ADDRESS,    RW, SINGLE,   OPTIONAL,  STRING,  FROM_TO(0, 45),         "",  "Remote Address"),
    ROW(PCP_CONTEXT_REMOTE_PORT,       RW, SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 65535),      "",  "Remote Port"),
    ROW(PCP_CONTEXT_REFRESH,           E,  SINGLE,   OPTIONAL,  NONE,    ANY,                    "",  "Refresh"),
    ROW(PCP_CONTEXT_DELETE,            E,  SINGLE,   OPTIONAL,  NONE,    ANY,                    "",  "Delete"),
    ROW(PCP_CONTEXT_RESULT,            R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 255),        "",  "Result"),
    ROW(PCP_CONTEXT_EXTERNAL_ADDRESS,  R,  SINGLE,   OPTIONAL,  STRING,  FROM_TO(0, 45),         "",  "External Address"),
    ROW(PCP_CONTEXT_EXTERNAL_PORT,     R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 65535),      "",  "External Port"),
    ROW(PCP_CONTEXT_GRANTED,           R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 4294967295), "s", "Granted Lifetime"),
    ROW(PCP_CONTEXT_EXPIRY,            R,  SINGLE,   OPTIONAL,  TIME,    ANY,                    "",  "Expiry"),
    ROW(PCP_CONTEXT_EPOCH,             R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 4294967295), "s", "Epoch"),
    ROW(PCP_CONTEXT_ASKED_SERVER,      R,  SINGLE,   OPTIONAL,  STRING,  FROM_TO(0, 45),         "",  "Asked Server"),
    ROW(PCP_CONTEXT_REQUESTS,          R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 4294967295), "",  "Requests"),
    ROW(PCP_CONTEXT_RETRANSMISSIONS,   R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 4294967295), "",  "Retransmissions"),
    ROW(PCP_CONTEXT_OCTETS_OUT,        R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 4294967295), "B", "Octets Sent"),
    ROW(PCP_CONTEXT_OCTETS_IN,         R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 4294967295), "B", "Octets Received"),
};
/* clang-format on */

const struct lwm2m_object_definition lwm2m_object_pcp_context = {
    .name = "PCP-context",
    .version = "1.0",
    .id = LWM2M_OBJECT_PCP_CONTEXT,
    .multiple = true,
    .mandatory = false,
    .count = sizeof resources / sizeof resources[0],
    .resources = resources,
};
