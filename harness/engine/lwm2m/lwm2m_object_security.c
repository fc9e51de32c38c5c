/* Object 0: how a server is reached and authenticated. Appendix E.1 of LwM2M 1.0.
 * No resource has an operation: all of it is the bootstrap server's alone. */
#include "engine/lwm2m/lwm2m_definition_row.h"

/* clang-format off */
static const struct lwm2m_resource_definition resources[] = {
    ROW(0,  NO, SINGLE, MANDATORY, STRING,  SPOKEN("0-255 bytes", 0, 255),    "",  "LWM2M Server URI"),
    ROW(1,  NO, SINGLE, MANDATORY, BOOLEAN, ANY,                              "",  "Bootstrap-Server"),
    ROW(2,  NO, SINGLE, MANDATORY, INTEGER, FROM_TO(0, 4),                    "",  "Security Mode"),
    ROW(3,  NO, SINGLE, MANDATORY, OPAQUE,  ANY,                              "",  "Public Key or Identity"),
    ROW(4,  NO, SINGLE, MANDATORY, OPAQUE,  ANY,                              "",  "Server Public Key"),
    ROW(5,  NO, SINGLE, MANDATORY, OPAQUE,  ANY,                              "",  "Secret Key"),
    ROW(6,  NO, SINGLE, OPTIONAL,  INTEGER, FROM_TO(0, 255),                  "",  "SMS Security Mode"),
    ROW(7,  NO, SINGLE, OPTIONAL,  OPAQUE,  SPOKEN("6 bytes", 6, 6),          "",  "SMS Binding Key Parameters"),
    ROW(8,  NO, SINGLE, OPTIONAL,  OPAQUE,  SPOKEN("16-32-48 bytes", 16, 48), "",  "SMS Binding Secret Key(s)"),
    ROW(9,  NO, SINGLE, OPTIONAL,  STRING,  ANY,                              "",  "LWM2M Server SMS Number"),
    ROW(10, NO, SINGLE, OPTIONAL,  INTEGER, FROM_TO(1, 65534),                "",  "Short Server ID"),
    ROW(11, NO, SINGLE, OPTIONAL,  INTEGER, ANY,                              "s", "Client Hold Off Time"),
    ROW(12, NO, SINGLE, OPTIONAL,  INTEGER, ANY,                              "s", "Bootstrap-Server Account Timeout"),
};
/* clang-format on */

const struct lwm2m_object_definition lwm2m_object_security = {
    .name = "LWM2M Security",
    .version = "1.0",
    .id = 0,
    .multiple = true,
    .mandatory = true,
    .count = sizeof resources / sizeof resources[0],
    .resources = resources,
};
