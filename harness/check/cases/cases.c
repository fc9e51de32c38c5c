#include "check/case.h"

#include <string.h>

#define CASES(name) extern const struct case_file case_file_##name;
#include "check/cases/cases.def"
#undef CASES

#define CASES(name) &case_file_##name,
static const struct case_file *const files[] = {
#include "check/cases/cases.def"
};
#undef CASES

static const char *const role_names[CASE_ROLES] = {
    [CASE_GATEWAY] = "gateway", [CASE_DEVICE] = "device", [CASE_PROXY] = "proxy"};

const struct test_case *case_get(size_t index, enum case_role *role)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (index < files[i]->case_count) {
            *role = files[i]->role;
            return &files[i]->cases[index];
        }
        index -= files[i]->case_count;
    }
    return NULL;
}

const struct defect *defect_get(size_t index, enum case_role *role)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (index < files[i]->defect_count) {
            *role = files[i]->role;
            return &files[i]->defects[index];
        }
        index -= files[i]->defect_count;
    }
    return NULL;
}

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
