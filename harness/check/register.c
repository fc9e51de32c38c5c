#include "check/register.h"

#include <string.h>

#define REQUIREMENT(rfc, tag, section, number, level, role, views, text, how)                      \
    {#rfc "-" section "-" #number, section, level, role, views, text, how},
static const struct requirement requirements[] = {
#include "check/register_all.def"
};
#undef REQUIREMENT

_Static_assert(sizeof requirements / sizeof *requirements == REQUIREMENT_COUNT,
               "the enumerators and the table come from the same lines");

const struct requirement *requirement_get(enum requirement_id id)
{
    return &requirements[id];
}

const struct requirement *requirement_find(const char *id)
{
    for (size_t i = 0; i < REQUIREMENT_COUNT; i++)
        if (strcmp(requirements[i].id, id) == 0)
            return &requirements[i];
    return NULL;
}

const char *requirement_level_name(enum requirement_level level)
{
    static const char *const names[] = {
        [LEVEL_MUST] = "MUST",
        [LEVEL_MUST_NOT] = "MUST NOT",
        [LEVEL_SHOULD] = "SHOULD",
        [LEVEL_SHOULD_NOT] = "SHOULD NOT",
        [LEVEL_RECOMMENDED] = "RECOMMENDED",
        [LEVEL_MAY] = "MAY",
        [LEVEL_RULE] = "rule",
        [LEVEL_IMPLIED] = "implied",
        [LEVEL_ADVICE] = "advice",
    };
    return names[level];
}

const char *requirement_role_name(enum requirement_role role)
{
    static const char *const names[] = {
        [ROLE_CLIENT] = "client",   [ROLE_SERVER] = "server",
        [ROLE_BOTH] = "both",       [ROLE_DEVICE] = "controlled device",
        [ROLE_NETWORK] = "network", [ROLE_PROXY] = "proxy",
    };
    return names[role];
}

enum finding_level requirement_weight(enum requirement_level level)
{
    switch (level) {
    case LEVEL_MUST:
    case LEVEL_MUST_NOT:
    case LEVEL_RULE:
        return FINDING_FAIL;
    case LEVEL_SHOULD:
    case LEVEL_SHOULD_NOT:
    case LEVEL_RECOMMENDED:
    case LEVEL_IMPLIED:
        return FINDING_WARN;
    case LEVEL_MAY:
    case LEVEL_ADVICE:
        return FINDING_INFO;
    }
    return FINDING_INFO;
}

const char *finding_level_name(enum finding_level level)
{
    static const char *const names[] = {
        [FINDING_FAIL] = "fail", [FINDING_WARN] = "warn", [FINDING_INFO] = "info"};
    return names[level];
}
