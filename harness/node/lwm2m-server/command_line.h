/* A command's line, taken apart into the request that it means. No sockets here. */
#ifndef PINHOLE_LWM2M_SERVER_COMMAND_LINE_H
#define PINHOLE_LWM2M_SERVER_COMMAND_LINE_H

#include "node/lwm2m-server/manager.h"

enum {
    COMMAND_LINE_SIZE = 2048,
    COMMAND_WORDS = 64,
    COMMAND_PAYLOAD_SIZE = 2048,
    COMMAND_USAGE_SIZE = 128
};

struct command_line {
    const char *name; /* the device's */
    struct lwm2m_path path;
    struct coap_question question; /* points into this struct */

    char words_text[COMMAND_LINE_SIZE];
    const char *words[COMMAND_WORDS + 1]; /* ended by NULL */
    size_t count;
    char path_text[LWM2M_PATH_TEXT_SIZE];
    uint8_t payload[COMMAND_PAYLOAD_SIZE];
};

/* Parts line into words. -1 with error: it is too long, or has too many. */
int command_line_split(const char *line, struct command_line *out, struct error *error);

/* Makes the request of the words. content is scratch. -1 with error. */
int command_line_read(struct command_line *line, struct lwm2m_content *content,
                      struct error *error);

/* How the command of that number, from 0, is written. False behind the last one. */
bool command_line_usage(size_t number, char text[COMMAND_USAGE_SIZE]);

#endif
