#include "check/case.h"

#include <stdio.h>
#include <string.h>

#define CASES(name) extern const struct case_file case_file_##name;
#include "check/cases/cases.def"
#undef CASES

#define CASES(name) &case_file_##name,
static const struct case_file *const files[] = {
#include "check/cases/cases.def"
    NULL};
#undef CASES

/* --- what a proxy shares with gateways -------------------------------------------------------- */

enum { ID_SIZE = 120 };

#define SHARED_CASE(tail) tail,
#define SHARED_DEFECT(name)
static const char *const shared_cases[] = {
#include "check/cases/proxy_as_server.def"
};
#undef SHARED_CASE
#undef SHARED_DEFECT
#define SHARED_CASE(tail)
#define SHARED_DEFECT(name) name,
static const char *const shared_defects[] = {
#include "check/cases/proxy_as_server.def"
};

enum {
    SHARED_CASES = sizeof shared_cases / sizeof *shared_cases,
    SHARED_DEFECTS = sizeof shared_defects / sizeof *shared_defects
};

/* The gateway's case of an id's end; NULL if there is none. */
static const struct test_case *find_case(const char *tail)
{
    for (size_t i = 0; files[i]; i++)
        for (size_t k = 0; files[i]->role == CASE_GATEWAY && k < files[i]->case_count; k++) {
            const char *id = files[i]->cases[k].id;
            if (strcmp(strchr(id, '.') + 1, tail) == 0)
                return &files[i]->cases[k];
        }
    return NULL;
}

static const struct defect *find_defect(const char *name)
{
    for (size_t i = 0; files[i]; i++)
        for (size_t k = 0; files[i]->role == CASE_GATEWAY && k < files[i]->defect_count; k++)
            if (strcmp(files[i]->defects[k].name, name) == 0)
                return &files[i]->defects[k];
    return NULL;
}

/* The proxy's twin of a gateway's case. */
static const struct test_case *share_case(size_t index)
{
    static struct test_case twins[SHARED_CASES];
    static char ids[SHARED_CASES][ID_SIZE];
    const struct test_case *original = find_case(shared_cases[index]);
    if (!original)
        return NULL;
    (void)snprintf(ids[index], ID_SIZE, "%s.%s", case_role_name(CASE_PROXY), shared_cases[index]);
    twins[index] = *original;
    twins[index].id = ids[index];
    twins[index].traits |= CASE_ATTENDED;
    return &twins[index];
}

/* --- all ---------------------------------------------------------------------------------------- */

const struct test_case *case_get(size_t index, enum case_role *role)
{
    for (size_t i = 0; files[i]; i++) {
        if (index < files[i]->case_count) {
            *role = files[i]->role;
            return &files[i]->cases[index];
        }
        index -= files[i]->case_count;
    }
    *role = CASE_PROXY;
    return index < SHARED_CASES ? share_case(index) : NULL;
}

const struct defect *defect_get(size_t index, enum case_role *role)
{
    for (size_t i = 0; files[i]; i++) {
        if (index < files[i]->defect_count) {
            *role = files[i]->role;
            return &files[i]->defects[index];
        }
        index -= files[i]->defect_count;
    }
    *role = CASE_PROXY;
    return index < SHARED_DEFECTS ? find_defect(shared_defects[index]) : NULL;
}

const char *case_unknown_share(void)
{
    for (size_t i = 0; i < SHARED_CASES; i++)
        if (!find_case(shared_cases[i]))
            return shared_cases[i];
    for (size_t i = 0; i < SHARED_DEFECTS; i++)
        if (!find_defect(shared_defects[i]))
            return shared_defects[i];
    return NULL;
}
