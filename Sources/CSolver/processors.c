// How many processors this process may run on. Here because the call is one that Swift's Glibc module lacks.
#define _GNU_SOURCE 1
#include <sched.h>
#include <unistd.h>

#include "CSolver.h"

int csolver_processors(void) {
    cpu_set_t set;
    // Fails on machines of more than 1024 processors; the number of those online will do there.
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < 1 << 20 ? (int)online : 1;
}
