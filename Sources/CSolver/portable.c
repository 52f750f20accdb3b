// The search by vectors of four and, on x86 with AVX2, of eight lanes.
#include "internal.h"

#define LANES 4
#define LANES_TYPE lanes4
#define LANES_NAME csolver_segment_portable
#include "lanes.h"
#undef LANES
#undef LANES_TYPE
#undef LANES_NAME

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define LANES 8
#define LANES_TYPE lanes8
#define LANES_NAME csolver_segment_avx2
#include "lanes.h"
#pragma clang attribute pop
#endif
