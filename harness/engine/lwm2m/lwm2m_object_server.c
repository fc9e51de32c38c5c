/* Object 1: what a registration at a server is made of. Appendix E.2 of LwM2M 1.0 and of Core 1.1.1, where the
 * object's version 1.1 has more resources behind those of 1.0; those without an operation are the bootstrap
 * server's alone. */
#include "engine/lwm2m/lwm2m_definition_row.h"

/* clang-format off */
static const struct lwm2m_resource_definition resources[] = {
    ROW(0,  R,  SINGLE, MANDATORY, INTEGER,  FROM_TO(1, 65534),                     "",  "Short Server ID"),
    ROW(1,  RW, SINGLE, MANDATORY, INTEGER,  ANY,                                   "s", "Lifetime"),
    ROW(2,  RW, SINGLE, OPTIONAL,  INTEGER,  ANY,                                   "s", "Default Minimum Period"),
    ROW(3,  RW, SINGLE, OPTIONAL,  INTEGER,  ANY,                                   "s", "Default Maximum Period"),
    ROW(4,  E,  SINGLE, OPTIONAL,  NONE,     ANY,                                   "",  "Disable"),
    ROW(5,  RW, SINGLE, OPTIONAL,  INTEGER,  ANY,                                   "s", "Disable Timeout"),
    ROW(6,  RW, SINGLE, MANDATORY, BOOLEAN,  ANY,                                   "",  "Notification Storing When Disabled or Offline"),
    ROW(7,  RW, SINGLE, MANDATORY, STRING,   SPOKEN("U, UQ, S, SQ, US, UQS", 1, 4), "",  "Binding"),
    ROW(8,  E,  SINGLE, MANDATORY, NONE,     ANY,                                   "",  "Registration Update Trigger"),
    /* Of 1.1, without 11, the alert that ended DTLS: libcoap doesn't tell it. */
    ROW(9,  E,  SINGLE, OPTIONAL,  NONE,     ANY,                                   "",  "Bootstrap-Request Trigger"),
    ROW(10, RW, SINGLE, OPTIONAL,  LINK,     ANY,                                   "",  "APN Link"),
    ROW(12, R,  SINGLE, OPTIONAL,  TIME,     ANY,                                   "",  "Last Bootstrapped"),
    ROW(13, NO, SINGLE, OPTIONAL,  UNSIGNED, ANY,                                   "",  "Registration Priority Order"),
    ROW(14, NO, SINGLE, OPTIONAL,  UNSIGNED, ANY,                                   "s", "Initial Registration Delay Timer"),
    ROW(15, NO, SINGLE, OPTIONAL,  BOOLEAN,  ANY,                                   "",  "Registration Failure Block"),
    ROW(16, NO, SINGLE, OPTIONAL,  BOOLEAN,  ANY,                                   "",  "Bootstrap on Registration Failure"),
    ROW(17, NO, SINGLE, OPTIONAL,  UNSIGNED, ANY,                                   "",  "Communication Retry Count"),
    ROW(18, NO, SINGLE, OPTIONAL,  UNSIGNED, ANY,                                   "",  "Communication Retry Timer"),
    ROW(19, NO, SINGLE, OPTIONAL,  UNSIGNED, ANY,                                   "",  "Communication Sequence Delay Timer"),
    ROW(20, NO, SINGLE, OPTIONAL,  UNSIGNED, ANY,                                   "",  "Communication Sequence Retry Count"),
    ROW(21, RW, SINGLE, OPTIONAL,  BOOLEAN,  ANY,                                   "",  "Trigger"),
    ROW(22, RW, SINGLE, OPTIONAL,  STRING,   ANY,                                   "",  "Preferred Transport"),
    ROW(23, RW, SINGLE, OPTIONAL,  BOOLEAN,  ANY,                                   "",  "Mute Send"),
};
/* clang-format on */

enum { COUNT_OF_1_0 = 9 };

const struct lwm2m_object_definition lwm2m_object_server = {
    .name = "LWM2M Server",
    .version = "1.0",
    .id = 1,
    .multiple = true,
    .mandatory = true,
    .count = COUNT_OF_1_0,
    .resources = resources,
};

const struct lwm2m_object_definition lwm2m_object_server_1_1 = {
    .name = "LWM2M Server",
    .version = "1.1",
    .id = 1,
    .multiple = true,
    .mandatory = true,
    .count = sizeof resources / sizeof resources[0],
    .resources = resources,
};
