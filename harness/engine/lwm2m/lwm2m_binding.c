#include "engine/lwm2m/lwm2m_binding.h"

#include <string.h>

static bool is_of_1_0(const char *text, size_t length)
{
    static const char *const known[] = {"U", "UQ", "S", "SQ", "US", "UQS"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == length && memcmp(known[i], text, length) == 0)
            return true;
    return false;
}

static bool is_of_transports(const char *text, size_t length)
{
    static const char transports[] = {'U', 'T', 'S', 'N'}; /* UDP, TCP, SMS, non-IP */
    for (size_t i = 0; i < length; i++)
        if (!memchr(transports, text[i], sizeof transports) || memchr(text, text[i], i))
            return false;
    return length > 0;
}

bool lwm2m_binding_is_known(const char *text, size_t length, bool is_1_1)
{
    return is_of_1_0(text, length) || (is_1_1 && is_of_transports(text, length));
}
