#include "core/parallel.h"
#include "core/pieces.h"
#include <omp.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
enum { FLUSH_TO_ZERO = 0x8040 }; /* FTZ and DAZ */

unsigned cn_float_mode_flush(void)
{
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | FLUSH_TO_ZERO);
    return mode;
}

void cn_float_mode_restore(unsigned mode)
{
    _mm_setcsr(mode);
}
#else
unsigned cn_float_mode_flush(void)
{
    return 0;
}

void cn_float_mode_restore(unsigned mode)
{
    (void)mode;
}
#endif

/* A parallel region costs about a microsecond, and twice that where the other core has to be woken. */
static const double worth_waking = 15000;

static _Thread_local int chosen_threads;

void cn_set_threads(int threads)
{
    chosen_threads = threads > 0 ? threads : 0;
}

int cn_threads(void)
{
    return chosen_threads ? chosen_threads : omp_get_max_threads();
}

void cn_parallel(int64_t pieces, double nanoseconds, cn_piece *body, void *context)
{
    int threads = pieces < cn_threads() ? (int)pieces : cn_threads();
    if (threads <= 1 || nanoseconds < worth_waking || omp_in_parallel()) {
        for (int64_t piece = 0; piece < pieces; piece++)
            body(context, piece);
        return;
    }
#pragma omp parallel num_threads(threads)
    {
        unsigned mode = cn_float_mode_flush();
#pragma omp for schedule(static)
        for (int64_t piece = 0; piece < pieces; piece++)
            body(context, piece);
        cn_float_mode_restore(mode);
    }
}
