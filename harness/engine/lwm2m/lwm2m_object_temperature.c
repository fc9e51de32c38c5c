/* Object 3303 of the registry (IPSO): a thermometer, so that there is something to read and observe. */
#include "engine/lwm2m/lwm2m_definition_row.h"

/* clang-format off */
static const struct lwm2m_resource_definition resources[] = {
    ROW(5601, R, SINGLE, OPTIONAL,  FLOAT,  ANY, "", "Min Measured Value"),
    ROW(5602, R, SINGLE, OPTIONAL,  FLOAT,  ANY, "", "Max Measured Value"),
    ROW(5603, R, SINGLE, OPTIONAL,  FLOAT,  ANY, "", "Min Range Value"),
    ROW(5604, R, SINGLE, OPTIONAL,  FLOAT,  ANY, "", "Max Range Value"),
    ROW(5605, E, SINGLE, OPTIONAL,  NONE,   ANY, "", "Reset Min and Max Measured Values"),
    ROW(5700, R, SINGLE, MANDATORY, FLOAT,  ANY, "", "Sensor Value"),
    ROW(5701, R, SINGLE, OPTIONAL,  STRING, ANY, "", "Sensor Units"),
};
/* clang-format on */

const struct lwm2m_object_definition lwm2m_object_temperature = {
    .name = "Temperature",
    .version = "1.0",
    .id = 3303,
    .multiple = true,
    .mandatory = false,
    .count = sizeof resources / sizeof resources[0],
    .resources = resources,
};
