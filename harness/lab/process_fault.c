#include "lab/process_fault.h"

#include <stddef.h>
#include <sys/wait.h>

enum { SHELL_STATUS = 128 };

/* Others (TERM, KILL, USR1, ...) come from some process of the lab, and accuse nobody. */
static const int faults[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS,  SIGFPE, SIGSEGV,
                             SIGSYS, SIGPIPE, SIGALRM, SIGXCPU, SIGXFSZ};

int process_fault_of(int status, const sigset_t *sent)
{
    int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - SHELL_STATUS;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i] == signal_number && sigismember(sent, signal_number) == 0)
            return signal_number;
    return 0;
}
