#include "core/parallel.h"
#include "core/pieces.h"
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

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

/* Handing out work costs about a microsecond, and twice that where the other core has to be woken. */
static const double worth_waking = 8000;

/* The pool has threads of its own, not OpenMP's: the end of an OpenMP region waits for every thread of the team, also
 * for one that a busy machine has not let run yet, for milliseconds. Here the caller does the work of threads that have
 * not come, and waits only for pieces that a thread has begun. Each thread has a share of the pieces, side by side, so
 * that it finds in its cache what it computed last; having done its own it helps with those of others. */
enum { LEAST_THREADS = 4, MOST_THREADS = 64, CACHE_LINE = 64, IDLE_SPINS = 20000, WAITING_SPINS = 2000 };

typedef struct share {
    _Alignas(CACHE_LINE) atomic_int_least64_t left; /* pieces that nobody has begun: the first ones of the share */
    int64_t first;
} share;

static struct {
    pthread_mutex_t lock; /* of the thread whose work the pool does */
    int workers;          /* started so far */
    cn_piece *body;
    void *context;
    atomic_int threads;
    share share[MOST_THREADS];
    atomic_int_least64_t finished;
    atomic_uint job; /* counts; idle workers watch it */
    atomic_int sleeping;
    pthread_mutex_t sleep_lock;
    pthread_cond_t wake;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .sleep_lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static _Thread_local bool in_piece;
static _Thread_local int number; /* of a thread of the pool; others work as number 0 */

static _Thread_local int chosen_threads;

void cn_set_threads(int threads)
{
    chosen_threads = threads > 0 ? threads : 0;
}

int cn_threads(void)
{
    return chosen_threads ? chosen_threads : omp_get_max_threads();
}

int cn_workers(void)
{
    static atomic_int workers;
    if (!atomic_load(&workers)) {
        int none = 0, processors = omp_get_num_procs();
        processors = processors < LEAST_THREADS ? LEAST_THREADS : processors;
        atomic_compare_exchange_strong(&workers, &none, processors < MOST_THREADS ? processors : MOST_THREADS);
    }
    return atomic_load(&workers);
}

int cn_worker(void)
{
    return number;
}

static void pause_briefly(void)
{
#if defined(__SSE2__)
    _mm_pause();
#endif
}

/* Does what nobody has begun, beginning with the share of thread `self`. What a piece is of is read after the piece is
 * taken: until it is finished its job cannot end. */
static void work(int self)
{
    int threads = atomic_load(&pool.threads);
    for (int i = 0; i < threads; i++) {
        share *s = &pool.share[(self + i) % threads];
        int_least64_t left = atomic_load(&s->left);
        while (left > 0) {
            if (!atomic_compare_exchange_weak(&s->left, &left, left - 1))
                continue;
            pool.body(pool.context, s->first + left - 1);
            atomic_fetch_add(&pool.finished, 1);
            left = atomic_load(&s->left);
        }
    }
}

static void *worker(void *self_)
{
    int self = number = (int)(intptr_t)self_;
    cn_float_mode_flush();
    in_piece = true;
    for (unsigned seen = 0;;) {
        for (int i = 0; i < IDLE_SPINS && atomic_load(&pool.job) == seen; i++)
            pause_briefly();
        if (atomic_load(&pool.job) == seen) {
            pthread_mutex_lock(&pool.sleep_lock);
            atomic_fetch_add(&pool.sleeping, 1);
            while (atomic_load(&pool.job) == seen)
                pthread_cond_wait(&pool.wake, &pool.sleep_lock);
            atomic_fetch_sub(&pool.sleeping, 1);
            pthread_mutex_unlock(&pool.sleep_lock);
        }
        seen = atomic_load(&pool.job);
        if (self < atomic_load(&pool.threads))
            work(self);
    }
    return NULL;
}

/* How many threads there are for the pool's work, the caller among them: fewer than asked for if no more can be had. */
static int started(int threads)
{
    while (pool.workers < threads - 1) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, (void *)(intptr_t)(pool.workers + 1)))
            break;
        pthread_detach(thread);
        pool.workers++;
    }
    return pool.workers + 1 < threads ? pool.workers + 1 : threads;
}

static void share_out(int64_t pieces, int threads, cn_piece *body, void *context)
{
    pool.body = body;
    pool.context = context;
    atomic_store(&pool.finished, 0);
    atomic_store(&pool.threads, threads);
    for (int i = 0; i < threads; i++) {
        cn_range range = cn_part(pieces, threads, i);
        pool.share[i].first = range.first;
        atomic_store(&pool.share[i].left, range.count);
    }
    atomic_fetch_add(&pool.job, 1);
    if (atomic_load(&pool.sleeping)) {
        pthread_mutex_lock(&pool.sleep_lock);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.sleep_lock);
    }
}

void cn_parallel(int64_t pieces, double nanoseconds, cn_piece *body, void *context)
{
    if (pieces == 1) {
        body(context, 0);
        return;
    }
    int threads = pieces < cn_threads() ? (int)pieces : cn_threads();
    threads = threads < cn_workers() ? threads : cn_workers();
    if (threads <= 1 || nanoseconds < worth_waking || in_piece || omp_in_parallel() ||
        pthread_mutex_trylock(&pool.lock)) {
        for (int64_t piece = 0; piece < pieces; piece++)
            body(context, piece);
        return;
    }
    unsigned mode = cn_float_mode_flush();
    in_piece = true;
    share_out(pieces, started(threads), body, context);
    work(0);
    /* What is left has been begun; a thread that was interrupted gets this one's core. */
    for (int i = 0; atomic_load(&pool.finished) < pieces; i++)
        i < WAITING_SPINS ? pause_briefly() : (void)sched_yield();
    in_piece = false;
    cn_float_mode_restore(mode);
    pthread_mutex_unlock(&pool.lock);
}
