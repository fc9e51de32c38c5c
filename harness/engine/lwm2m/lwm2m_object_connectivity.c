/* Object 4: the network that the device is in. Appendix E.5 of LwM2M 1.0. Its router addresses are where a PCP
 * client asks first. */
#include "engine/lwm2m/lwm2m_definition_row.h"

/* clang-format off */
static const struct lwm2m_resource_definition resources[] = {
    ROW(0,  R, SINGLE,   MANDATORY, INTEGER, FROM_TO(0, 50),  "",    "Network Bearer"),
    ROW(1,  R, MULTIPLE, MANDATORY, INTEGER, FROM_TO(0, 50),  "",    "Available Network Bearer"),
    ROW(2,  R, SINGLE,   MANDATORY, INTEGER, ANY,             "dBm", "Radio Signal Strength"),
    ROW(3,  R, SINGLE,   OPTIONAL,  INTEGER, ANY,             "",    "Link Quality"),
    ROW(4,  R, MULTIPLE, MANDATORY, STRING,  ANY,             "",    "IP Addresses"),
    ROW(5,  R, MULTIPLE, OPTIONAL,  STRING,  ANY,             "",    "Router IP Addresses"),
    ROW(6,  R, SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 100), "%",   "Link Utilization"),
    ROW(7,  R, MULTIPLE, OPTIONAL,  STRING,  ANY,             "",    "APN"),
    ROW(8,  R, SINGLE,   OPTIONAL,  INTEGER, ANY,             "",    "Cell ID"),
    ROW(9,  R, SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 999), "",    "SMNC"),
    ROW(10, R, SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 999), "",    "SMCC"),
};
/* clang-format on */

const struct lwm2m_object_definition lwm2m_object_connectivity = {
    .name = "Connectivity Monitoring",
    .version = "1.0",
    .id = 4,
    .multiple = false,
    .mandatory = false,
    .count = sizeof resources / sizeof resources[0],
    .resources = resources,
};
