/* Object 1: what a registration at a server is made of. Appendix E.2 of LwM2M 1.0. */
#include "engine/lwm2m/lwm2m_definition_row.h"

/* clang-format off */
static const struct lwm2m_resource_definition resources[] = {
    ROW(0, R,  SINGLE, MANDATORY, INTEGER, FROM_TO(1, 65534),                     "",  "Short Server ID"),
    ROW(1, RW, SINGLE, MANDATORY, INTEGER, ANY,                                   "s", "Lifetime"),
    ROW(2, RW, SINGLE, OPTIONAL,  INTEGER, ANY,                                   "s", "Default Minimum Period"),
    ROW(3, RW, SINGLE, OPTIONAL,  INTEGER, ANY,                                   "s", "Default Maximum Period"),
    ROW(4, E,  SINGLE, OPTIONAL,  NONE,    ANY,                                   "",  "Disable"),
    ROW(5, RW, SINGLE, OPTIONAL,  INTEGER, ANY,                                   "s", "Disable Timeout"),
    ROW(6, RW, SINGLE, MANDATORY, BOOLEAN, ANY,                                   "",  "Notification Storing When Disabled or Offline"),
    ROW(7, RW, SINGLE, MANDATORY, STRING,  SPOKEN("U, UQ, S, SQ, US, UQS", 1, 3), "",  "Binding"),
    ROW(8, E,  SINGLE, MANDATORY, NONE,    ANY,                                   "",  "Registration Update Trigger"),
};
/* clang-format on */

const struct lwm2m_object_definition lwm2m_object_server = {
    .name = "LWM2M Server",
    .version = "1.0",
    .id = 1,
    .multiple = true,
    .mandatory = true,
    .count = sizeof resources / sizeof resources[0],
    .resources = resources,
};
