#include "node/common/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signals_open(const int *signals)
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals; signals++)
        sigaddset(&set, *signals);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int signals_read(int handle)
{
    struct signalfd_siginfo information;
    if (read(handle, &information, sizeof information) != (ssize_t)sizeof information)
        return 0;
    return (int)information.ssi_signo;
}
