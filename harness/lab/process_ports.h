/* Which ports are bound in a node: the kernel's own tables, since it sends no event about them. */
#ifndef PINHOLE_LAB_PROCESS_PORTS_H
#define PINHOLE_LAB_PROCESS_PORTS_H

#include "base/error.h"
#include "lab/lab.h"

#include <stdint.h>

enum port_kind { PORT_UDP_BOUND, PORT_TCP_LISTENING };

/* 1 if a socket of either family has the port in that node, 0 if none has, -1 with an error. */
int process_port_bound(const struct lab *lab, size_t node, enum port_kind kind, uint16_t port,
                       struct error *error);

#endif
