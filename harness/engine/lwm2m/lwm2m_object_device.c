/* Object 3: the device itself. Appendix E.4 of LwM2M 1.0. */
#include "engine/lwm2m/lwm2m_definition_row.h"

/* clang-format off */
static const struct lwm2m_resource_definition resources[] = {
    ROW(0,  R,  SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "Manufacturer"),
    ROW(1,  R,  SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "Model Number"),
    ROW(2,  R,  SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "Serial Number"),
    ROW(3,  R,  SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "Firmware Version"),
    ROW(4,  E,  SINGLE,   MANDATORY, NONE,    ANY,             "",   "Reboot"),
    ROW(5,  E,  SINGLE,   OPTIONAL,  NONE,    ANY,             "",   "Factory Reset"),
    ROW(6,  R,  MULTIPLE, OPTIONAL,  INTEGER, FROM_TO(0, 7),   "",   "Available Power Sources"),
    ROW(7,  R,  MULTIPLE, OPTIONAL,  INTEGER, ANY,             "mV", "Power Source Voltage"),
    ROW(8,  R,  MULTIPLE, OPTIONAL,  INTEGER, ANY,             "mA", "Power Source Current"),
    ROW(9,  R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 100), "%",  "Battery Level"),
    ROW(10, R,  SINGLE,   OPTIONAL,  INTEGER, ANY,             "KB", "Memory Free"),
    ROW(11, R,  MULTIPLE, MANDATORY, INTEGER, FROM_TO(0, 8),   "",   "Error Code"),
    ROW(12, E,  SINGLE,   OPTIONAL,  NONE,    ANY,             "",   "Reset Error Code"),
    ROW(13, RW, SINGLE,   OPTIONAL,  TIME,    ANY,             "",   "Current Time"),
    ROW(14, RW, SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "UTC Offset"),
    ROW(15, RW, SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "Timezone"),
    ROW(16, R,  SINGLE,   MANDATORY, STRING,  ANY,             "",   "Supported Binding and Modes"),
    ROW(17, R,  SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "Device Type"),
    ROW(18, R,  SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "Hardware Version"),
    ROW(19, R,  SINGLE,   OPTIONAL,  STRING,  ANY,             "",   "Software Version"),
    ROW(20, R,  SINGLE,   OPTIONAL,  INTEGER, FROM_TO(0, 6),   "",   "Battery Status"),
    ROW(21, R,  SINGLE,   OPTIONAL,  INTEGER, ANY,             "KB", "Memory Total"),
    ROW(22, R,  MULTIPLE, OPTIONAL,  LINK,    ANY,             "",   "ExtDevInfo"),
};
/* clang-format on */

const struct lwm2m_object_definition lwm2m_object_device = {
    .name = "Device",
    .version = "1.0",
    .id = 3,
    .multiple = false,
    .mandatory = true,
    .count = sizeof resources / sizeof resources[0],
    .resources = resources,
};
