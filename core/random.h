/* Random numbers. They come from a counter (Philox 4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2,
 * 3", 2011), not from a state: what an operation draws is fixed by a seed, a stream (which layer), the number of the
 * call on its tape, and the step. So the same run is the same run, and unseeded runs repeat too. */
#ifndef CN_CORE_RANDOM_H
#define CN_CORE_RANDOM_H
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The seed of this thread, 0 at first: of initial weights, shuffles and random operations that name none. */
CN_API void cn_set_seed(uint64_t seed);
CN_API uint64_t cn_default_seed(void);

#ifdef __cplusplus
}
#endif
#endif
