/* What devices answer and tell, as text for people: one line of PATH=VALUE, or lines. */
#ifndef PINHOLE_LWM2M_SERVER_CONTENT_TEXT_H
#define PINHOLE_LWM2M_SERVER_CONTENT_TEXT_H

#include "engine/lwm2m/lwm2m_content.h"

#include <stdio.h>

/* Writes content to text, one entry after the other with separator between: "/3/0/0=pinhole"; the value alone if
 * it is just the one at base. Octets that can't be printed become \xNN, opaques hex digits. What does not
 * fit is cut. Returns text. */
const char *content_text(const struct lwm2m_content *content, const struct lwm2m_path *base,
                         char separator, char *text, size_t size);

/* Octets of a payload as a text in one line, likewise. */
const char *content_text_octets(const uint8_t *octets, size_t length, char *text, size_t size);

#endif
