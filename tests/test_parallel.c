#include "core/parallel.h"
#include "core/pieces.h"
#include <criterion/criterion.h>
#include <float.h>
#include <omp.h>
#include <pthread.h>
#include <unistd.h>

static const double long_enough = 1e9; /* nanoseconds */

enum { PIECES = 100 };

typedef struct {
    int runs[PIECES];
    pthread_t thread[PIECES];
} record;

static void note(void *context, int64_t piece)
{
    record *seen = context;
    seen->runs[piece]++;
    seen->thread[piece] = pthread_self();
}

/* Takes long enough for every thread to come. */
static void note_slowly(void *context, int64_t piece)
{
    note(context, piece);
    usleep(2000);
}

static int threads_seen(const record *seen)
{
    int count = 0;
    for (int i = 0; i < PIECES; i++) {
        bool known = false;
        for (int j = 0; j < i; j++)
            known = known || pthread_equal(seen->thread[j], seen->thread[i]);
        count += !known;
    }
    return count;
}

Test(parallel, every_piece_runs_once_whatever_the_number_of_threads)
{
    for (int threads = 1; threads <= 5; threads++) {
        record seen = {0};
        cn_set_threads(threads);
        cn_parallel(PIECES, long_enough, note, &seen);
        for (int i = 0; i < PIECES; i++)
            cr_assert_eq(seen.runs[i], 1);
    }
}

Test(parallel, uses_the_threads_that_were_set)
{
    record seen = {0};
    cn_set_threads(3);
    cr_assert_eq(cn_threads(), 3);
    cn_parallel(PIECES, long_enough, note_slowly, &seen);
    cr_assert_eq(threads_seen(&seen), 3);
}

Test(parallel, zero_threads_means_what_openmp_offers)
{
    cn_set_threads(3);
    cn_set_threads(0);
    cr_assert_eq(cn_threads(), omp_get_max_threads());
    cn_set_threads(-1);
    cr_assert_eq(cn_threads(), omp_get_max_threads());
}

Test(parallel, little_work_wakes_no_thread)
{
    record seen = {0};
    cn_set_threads(4);
    cn_parallel(PIECES, 100, note, &seen);
    cr_assert_eq(threads_seen(&seen), 1);
    cr_assert_eq(seen.runs[PIECES - 1], 1);
}

Test(parallel, no_piece_runs_nothing)
{
    record seen = {0};
    cn_parallel(0, long_enough, note, &seen);
    for (int i = 0; i < PIECES; i++)
        cr_assert_eq(seen.runs[i], 0);
}

typedef struct {
    record inner[4];
    pthread_t outer_thread[4];
} nest;

static void run_inner(void *context, int64_t piece)
{
    nest *seen = context;
    seen->outer_thread[piece] = pthread_self();
    cn_parallel(PIECES, long_enough, note, &seen->inner[piece]);
}

Test(parallel, inside_another_it_runs_in_place)
{
    nest seen = {0};
    cn_set_threads(2);
    cn_parallel(4, long_enough, run_inner, &seen);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < PIECES; j++) {
            cr_assert_eq(seen.inner[i].runs[j], 1);
            cr_assert(pthread_equal(seen.inner[i].thread[j], seen.outer_thread[i]));
        }
}

static float half_of(float x)
{
    volatile float value = x;
    return value * 0.5f;
}

static void halve(void *context, int64_t piece)
{
    ((float *)context)[piece] = half_of(FLT_MIN);
}

Test(parallel, float_mode_is_flushed_and_restored)
{
    unsigned mode = cn_float_mode_flush();
    float flushed = half_of(FLT_MIN);
    cn_float_mode_restore(mode);
#if defined(__SSE2__)
    cr_assert_eq(flushed, 0.0f);
#else
    (void)flushed;
#endif
    cr_assert_gt(half_of(FLT_MIN), 0.0f);
}

Test(parallel, every_thread_treats_denormals_as_the_caller_does_when_it_flushes)
{
    float halves[PIECES];
    cn_set_threads(3);
    unsigned mode = cn_float_mode_flush();
    float expected = half_of(FLT_MIN);
    cn_parallel(PIECES, long_enough, halve, halves);
    cn_float_mode_restore(mode);
    for (int i = 0; i < PIECES; i++)
        cr_assert_eq(halves[i], expected);
    cr_assert_gt(half_of(FLT_MIN), 0.0f);
}
