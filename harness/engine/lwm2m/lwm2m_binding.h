/* Bindings: the transports by which a device is reached. */
#ifndef PINHOLE_ENGINE_LWM2M_BINDING_H
#define PINHOLE_ENGINE_LWM2M_BINDING_H

#include <stdbool.h>
#include <stddef.h>

/* Is text a binding? Of LwM2M 1.0 (section 5.3.1.1): U, UQ, S, SQ, US or UQS. Of 1.1 (6.2.1.2): one or more of U, T, S
 * and N, each once; there those of 1.0 are, too, as whoever bootstraps or registers devices of both may not tell them apart. */
bool lwm2m_binding_is_known(const char *text, size_t length, bool is_1_1);

#endif
