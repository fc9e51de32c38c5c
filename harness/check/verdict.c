#include "check/verdict.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[VERDICT_COUNT] = {
        [VERDICT_PASS] = "pass",
        [VERDICT_FAIL] = "fail",
        [VERDICT_WARN] = "warn",
        [VERDICT_INFO] = "info",
        [VERDICT_UNSUPPORTED] = "unsupported",
        [VERDICT_SKIP] = "skip",
        [VERDICT_INCONCLUSIVE] = "inconclusive",
        [VERDICT_ERROR] = "error",
    };
    return names[verdict];
}
