/* An address with a port, as given on the command line and as shown. */
#ifndef PINHOLE_NODE_PROBE_ENDPOINT_H
#define PINHOLE_NODE_PROBE_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

enum { ENDPOINT_TEXT_SIZE = 80 };

struct endpoint {
    struct sockaddr_storage address;
    socklen_t length;
};

/* Reads "192.0.2.1:40000", "[2001:db8::1]:40000" and "[fe80::1%eth0]:40000". */
bool endpoint_parse(const char *text, struct endpoint *out);
/* The same form back; an IPv4-mapped address is shown as IPv4. Returns text. */
const char *endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE]);

#endif
