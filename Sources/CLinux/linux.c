#define _GNU_SOURCE 1
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>

#ifdef __GLIBC__
#include <malloc.h>

void clinux_return_freed_memory(void) { malloc_trim(0); }
#else
void clinux_return_freed_memory(void) {}
#endif

int clinux_fallocate(int descriptor, int64_t offset, int64_t count) {
    while (fallocate(descriptor, 0, offset, count) != 0)
        if (errno != EINTR) return errno;
    return 0;
}
