#include "check/case.h"

#define CASES(name) extern const struct case_file case_file_##name;
#include "check/cases/cases.def"
#undef CASES

#define CASES(name) &case_file_##name,
static const struct case_file *const files[] = {
#include "check/cases/cases.def"
};
#undef CASES

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
