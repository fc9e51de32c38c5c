/* Execute (5.4.5 of LwM2M 1.0). */
#include "engine/lwm2m/lwm2m_serve_private.h"

/* CHAR of the arguments' grammar: "!" / %x23-26 / %x28-5B / %x5D-7E, so no blank, quote or backslash. */
static bool is_argument_character(char c)
{
    return c >= '!' && c <= '~' && c != '"' && c != '\'' && c != '\\';
}

/* arglist = arg *( "," arg ); arg = DIGIT / DIGIT "=" "'" *CHAR "'". Nothing at all is no argument. */
static bool are_arguments(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        i++;
        if (i + 1 < length && text[i] == '=' && text[i + 1] == '\'') {
            i += 2;
            while (i < length && is_argument_character(text[i]))
                i++;
            if (i == length || text[i] != '\'')
                return false;
            i++;
        }
        if (i == length)
            return true;
        if (text[i] != ',' || i + 1 == length)
            return false;
        i++;
    }
    return true;
}

enum lwm2m_code lwm2m_serve_execute(struct lwm2m_server *server,
                                    const struct lwm2m_request *request,
                                    struct lwm2m_response *response)
{
    (void)response;
    struct lwm2m_target target = lwm2m_serve_find(server->model, &request->path);
    if (!target.instance || !target.resource)
        return LWM2M_NOT_FOUND;
    if (!(target.resource->operations & LWM2M_EXECUTE) || !target.object->execute)
        return LWM2M_NOT_ALLOWED;
    /* A format of nothing at all, as some send it, is no matter. */
    if (request->length && request->content_format != LWM2M_FORMAT_NONE &&
        request->content_format != LWM2M_FORMAT_TEXT)
        return LWM2M_UNSUPPORTED;
    const char *arguments = request->length ? (const char *)request->payload : "";
    if (!are_arguments(arguments, request->length))
        return LWM2M_BAD_REQUEST;
    return target.object->execute(target.object->context, target.instance, target.resource->id,
                                  arguments, request->length);
}
