#ifndef TOLLGATE_CALLOCATIONS_H
#define TOLLGATE_CALLOCATIONS_H

#include <stdint.h>

/// How often this thread has asked for memory (malloc, calloc, realloc and the aligned kinds) since it began.
///
/// Linking this target puts a counter before the C library's functions in the whole program: for benchmarks only.
uint64_t tollgate_allocations(void);

#endif
