/* Private: how kernels use threads. Work is cut into pieces whose number depends on its size alone, and threads take
 * pieces, so that no result depends on the number of threads. */
#ifndef CN_CORE_PIECES_H
#define CN_CORE_PIECES_H
#include <stdint.h>

/* Runs body(context, piece) for every piece from 0 to pieces - 1. `nanoseconds` is what all of it takes on one thread,
 * roughly: below some 8,000 it is not worth waking another thread. Inside another cn_parallel it runs in place.
 * Float denormals are flushed in every thread that takes part. */
typedef void cn_piece(void *context, int64_t piece);
void cn_parallel(int64_t pieces, double nanoseconds, cn_piece *body, void *context);

/* The most threads that work at pieces at once, the same as long as the process runs, and which of them the calling one
 * is: pieces need no more rooms to work in. */
int cn_workers(void);
int cn_worker(void);

static inline int64_t cn_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t cn_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* a / b, rounded up. */
static inline int64_t cn_divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

typedef struct cn_range {
    int64_t first, count;
} cn_range;

/* Part i of [0, n) cut into `parts` of sizes that differ by one at most. */
static inline cn_range cn_part(int64_t n, int64_t parts, int64_t i)
{
    if (parts == 1)
        return (cn_range){0, n};
    int64_t each = n / parts, longer = n % parts;
    return (cn_range){each * i + cn_least(i, longer), each + (i < longer)};
}

/* How many pieces are worth handing out, at most `most` but one at least: as many as have `piece` of the work each, and
 * a power of two. An odd number would be a third too long for two threads, and these would begin elsewhere in the next
 * operation's tensors than in this one's. */
static inline int64_t cn_pieces_of(double work, double piece, int64_t most)
{
    int64_t pieces = 1;
    while (pieces * 2 <= most && work >= piece * (double)pieces * 2)
        pieces *= 2;
    return pieces;
}

/* Flushes float denormals to zero on this thread (they cost 10 to 50 times as much), and gives the mode to restore. */
unsigned cn_float_mode_flush(void);
void cn_float_mode_restore(unsigned mode);
#endif
