#define _GNU_SOURCE 1
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>

int clinux_fallocate(int descriptor, int64_t offset, int64_t count) {
    while (fallocate(descriptor, 0, offset, count) != 0)
        if (errno != EINTR) return errno;
    return 0;
}
