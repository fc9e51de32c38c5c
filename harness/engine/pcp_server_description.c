/* The DESCRIPTION option, RFC 7220: a text that a client has its mapping remembered by.
 *
 * The option is one of those that may be ignored, and it is where its text is no UTF-8 or there is no
 * room for it; the client sees that from its absence in the response. A longer text than is kept is cut
 * between two characters.
 */
#include "engine/pcp_server_internal.h"

/* Octets of the UTF-8 character at the start of text, or 0 if none is there (RFC 3629 section 4). */
static size_t character_length(const uint8_t *text, size_t length)
{
    static const struct {
        uint8_t first, last;     /* the first octet */
        uint8_t lowest, highest; /* the second one */
        uint8_t length;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    size_t form = 0;
    while (form < sizeof forms / sizeof *forms &&
           (text[0] < forms[form].first || text[0] > forms[form].last))
        form++;
    if (form == sizeof forms / sizeof *forms || forms[form].length > length)
        return 0;
    if (forms[form].length > 1 && (text[1] < forms[form].lowest || text[1] > forms[form].highest))
        return 0;
    for (size_t i = 2; i < forms[form].length; i++)
        if (text[i] >> 6 != 2)
            return 0;
    return forms[form].length;
}

void pcp_server_take_description(struct pcp_exchange *exchange, const struct pcp_option *option)
{
    size_t kept = 0;
    for (size_t at = 0; at < option->length;) {
        size_t step = character_length(option->data + at, option->length - at);
        if (step == 0)
            return;
        at += step;
        if (at <= PCP_SERVER_MAXIMUM_DESCRIPTION)
            kept = at;
    }
    exchange->description = option->data;
    exchange->description_length = kept;
}

void pcp_server_describe(struct pcp_exchange *exchange, uint32_t *description)
{
    if (!exchange->description)
        return;
    uint32_t made = PCP_TABLE_NONE; /* an empty text clears what there was */
    if (exchange->description_length)
        made = pcp_table_description_add(&exchange->server->table, exchange->description,
                                         exchange->description_length);
    exchange->described = made || exchange->description_length == 0;
    if (exchange->described)
        *description = made;
}
