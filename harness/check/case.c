#include "check/case.h"

#include <string.h>

static const char *const role_names[CASE_ROLES] = {
    [CASE_GATEWAY] = "gateway", [CASE_DEVICE] = "device", [CASE_PROXY] = "proxy"};

bool judges(const enum requirement_id *list, enum requirement_id requirement)
{
    while (*list != REQUIREMENT_COUNT)
        if (*list++ == requirement)
            return true;
    return false;
}

const char *case_role_name(enum case_role role)
{
    return role_names[role];
}

bool case_role_find(const char *text, enum case_role *role)
{
    for (size_t i = 0; i < CASE_ROLES; i++)
        if (strcmp(text, role_names[i]) == 0) {
            *role = (enum case_role)i;
            return true;
        }
    return false;
}
