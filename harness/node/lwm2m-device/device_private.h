/* What the parts of a device share:
 *   device.c       what it does when
 *   device_open.c  what it is put together from, and what the parts tell
 *   device_port.c  its port, its sessions, and the move to another port
 */
#ifndef PINHOLE_NODE_LWM2M_DEVICE_DEVICE_PRIVATE_H
#define PINHOLE_NODE_LWM2M_DEVICE_DEVICE_PRIVATE_H

#include "node/lwm2m-device/device.h"

/* The address that leads to the servers. Returns 0, or -1 with error. */
int device_find_local(struct device *device, struct error *error);

/* Begins its life at the servers, or begins it anew: at once, or after a pause of seconds, which
 * lwm2m_client_register_anew() may end. */
void device_start_life(struct device *device, uint32_t pause);

/* Claims a port and listens there. Returns 0, or -1 with error. */
int device_open_port(struct device *device, struct device_port *port, uint16_t number,
                     struct error *error);
void device_close_port(struct device_port *port);

/* What is out on them won't be answered. */
void device_close_sessions(struct device *device);

/* From here on LwM2M has the next port. */
void device_move(struct device *device);

/* For pcp_context: its functions move and settled. */
int device_on_move(void *context, uint16_t *port, struct error *error);
void device_on_settled(void *context, bool is_mapped, bool is_elsewhere);

#endif
