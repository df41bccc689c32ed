/* Threads. */
#ifndef CN_CORE_PARALLEL_H
#define CN_CORE_PARALLEL_H
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The number of threads that calls of this thread may use; 0, the default, is what OpenMP offers. More than there are
 * processors, 4 at least, are not used. Results do not depend on it: work is cut into pieces by its size, and sums over
 * pieces are added in piece order. */
CN_API void cn_set_threads(int threads);
CN_API int cn_threads(void);

#ifdef __cplusplus
}
#endif
#endif
