/* One line for people about one message. */
#ifndef PINHOLE_MEASURE_SUMMARY_H
#define PINHOLE_MEASURE_SUMMARY_H

#include "measure/protocol.h"
#include "wire/describe.h"

enum { SUMMARY_SIZE = DESCRIBE_SIZE };

/* Writes what a packet of a protocol says. Longer texts are cut; the octets of a packet appear only
 * as printable ASCII. Returns text. */
const char *summary_write(enum protocol protocol, const struct packet *packet,
                          char text[SUMMARY_SIZE]);

#endif
