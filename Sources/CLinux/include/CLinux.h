// Calls of Linux that Swift's Glibc module lacks.
#pragma once

#include <stdint.h>
#include <sys/epoll.h>

// fallocate(2) without a mode: reserves the space of a file up to offset + count and makes it that long at least.
// Returns 0, or the number of the error. Tried again where a signal interrupted it.
int clinux_fallocate(int descriptor, int64_t offset, int64_t count);

// Gives memory that was freed back to the system, which the C library would keep where something in use lies behind it. Takes
// some milliseconds; does nothing where the C library knows nothing of it. Any thread.
void clinux_return_freed_memory(void);
