/* What a case, an expectation or a run comes to. */
#ifndef PINHOLE_CHECK_VERDICT_H
#define PINHOLE_CHECK_VERDICT_H

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,         /* a MUST was broken */
    VERDICT_WARN,         /* a SHOULD was */
    VERDICT_INFO,         /* a MAY was not taken up, or advice not followed */
    VERDICT_UNSUPPORTED,  /* the peer says that it doesn't do this */
    VERDICT_SKIP,         /* left out on demand */
    VERDICT_INCONCLUSIVE, /* what it rests on did not come about */
    VERDICT_ERROR,        /* the harness's own fault */
    VERDICT_COUNT
};

/* "pass", "fail", ... */
const char *verdict_name(enum verdict verdict);

#endif
