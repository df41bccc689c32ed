/* Convolutions of each channel by itself: sums of products along the channels, without a matrix product. The places of
 * a row of the result that see the same taps are computed together. */
#include "core/gathering.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"
#include <string.h>

enum { MOST_PIECES = 64, MOST_SUMS = 16, MOST_TAPS = 64 /* whose products are summed at once */ };
static const double products_of_a_piece = 50e3, products_per_nanosecond = 8;

typedef struct job {
    const cn_convolution *convolution;
    const cn_convolution_kernels *kernels;
    int type; /* 1 for CN_F64 */
    cn_gathering g;
    int64_t size; /* bytes of an element */
    int64_t rows, pieces;
    const char *in, *weights; /* weights: of CN_CONVOLVE_KERNEL the rows of y */
    char *result;
    cn_gemm_finish *finish;
    void *context;
} job;

bool cn_is_depthwise(const cn_convolution *c)
{
    return c->groups > 1 && c->groups == c->channels && c->groups == c->filters;
}

/* A row of places: along the last axis, at t[0] and t[1] of the others. */
typedef struct row {
    int64_t sample, t[2];
} row;

static row row_at(const cn_patches *p, int64_t index)
{
    int64_t rest = index / p->count[1];
    return (row){rest / p->count[0], {rest % p->count[0], index % p->count[1]}};
}

/* The taps u, from `first` on, whose elements begin + u * step lie within the size. */
static cn_range taps_within(int64_t begin, int64_t step, int64_t size, int64_t taps)
{
    int64_t first = begin < 0 ? cn_divide_up(-begin, step) : 0;
    int64_t end = begin < size ? cn_least((size - 1 - begin) / step + 1, taps) : 0;
    return (cn_range){first, end > first ? end - first : 0};
}

static cn_range taps_of(const cn_patches *p, int axis, int64_t t)
{
    return taps_within(t * p->step[axis] + p->offset[axis], p->offset_step[axis], p->size[axis], p->taps[axis]);
}

static int64_t element_at(const cn_patches *p, int axis, int64_t t, int64_t u)
{
    return t * p->step[axis] + p->offset[axis] + u * p->offset_step[axis];
}

/* Where the input's elements of a row begin, as seen by taps u0 and u1. */
static int64_t input_row(const cn_patches *p, const row *r, int64_t u0, int64_t u1)
{
    int64_t i0 = element_at(p, 0, r->t[0], u0), i1 = element_at(p, 1, r->t[1], u1);
    return ((r->sample * p->size[0] + i0) * p->size[1] + i1) * p->size[2];
}

static int64_t tap_of(const job *j, int64_t u0, int64_t u1, int64_t u2)
{
    const cn_gathering *g = &j->g;
    int64_t a0 = g->first_tap[0] + u0 * g->tap_step[0], a1 = g->first_tap[1] + u1 * g->tap_step[1];
    return (a0 * j->convolution->kernel[1] + a1) * j->convolution->kernel[2] + g->first_tap[2] + u2 * g->tap_step[2];
}

static int64_t result_place(const cn_gathering *g, const row *r, int64_t t2)
{
    int64_t i0 = g->first[0] + r->t[0] * g->step[0], i1 = g->first[1] + r->t[1] * g->step[1];
    return ((r->sample * g->size[0] + i0) * g->size[1] + i1) * g->size[2] + g->first[2] + t2 * g->step[2];
}

/* `count` places of a row from t2 on, which see the same taps of the last axis. */
static void multiply_places(const job *j, const row *r, int64_t t2, int64_t count, cn_range seen2)
{
    const cn_patches *p = &j->g.patches;
    const cn_range seen0 = taps_of(p, 0, r->t[0]), seen1 = taps_of(p, 1, r->t[1]);
    const void *a[MOST_TAPS], *b[MOST_TAPS];
    cn_depthwise_sum *sum = j->kernels->sum[j->type];
    char *to = j->result + result_place(&j->g, r, t2) * j->g.row * j->size;
    int taps = 0;
    bool begun = false;
    for (int64_t u0 = seen0.first; u0 < seen0.first + seen0.count; u0++)
        for (int64_t u1 = seen1.first; u1 < seen1.first + seen1.count; u1++)
            for (int64_t u2 = seen2.first; u2 < seen2.first + seen2.count; u2++) {
                a[taps] = j->in + (input_row(p, r, u0, u1) + element_at(p, 2, t2, u2)) * p->stride * j->size;
                b[taps] = j->weights + tap_of(j, u0, u1, u2) * j->g.row * j->size;
                if (++taps == MOST_TAPS) {
                    sum(count, p->stride, taps, a, p->step[2] * p->stride, b, to, j->g.step[2] * j->g.row, begun);
                    begun = true;
                    taps = 0;
                }
            }
    if (taps > 0 || !begun)
        sum(count, p->stride, taps, a, p->step[2] * p->stride, b, to, j->g.step[2] * j->g.row, begun);
}

static void multiply_piece(void *context, int64_t piece)
{
    const job *j = context;
    const cn_patches *p = &j->g.patches;
    cn_range rows = cn_part(j->rows, j->pieces, piece);
    for (int64_t i = rows.first; i < rows.first + rows.count; i++) {
        const row r = row_at(p, i);
        for (int64_t t2 = 0, count; t2 < p->count[2]; t2 += count) {
            cn_range seen = taps_of(p, 2, t2);
            for (count = 1; t2 + count < p->count[2]; count++) {
                cn_range next = taps_of(p, 2, t2 + count);
                if (next.first != seen.first || next.count != seen.count)
                    break;
            }
            multiply_places(j, &r, t2, count, seen);
        }
        if (j->finish)
            j->finish(j->context, j->result + i * p->count[2] * j->g.row * j->size, j->g.row, 0, i * p->count[2],
                      p->count[2], 0, j->g.row);
    }
}

static double cut_rows(job *j, int64_t most, double least)
{
    double products = (double)j->g.places * (double)cn_space_size(j->g.patches.taps) * (double)j->g.row;
    const int64_t *count = j->g.patches.count;
    j->rows = j->convolution->batch * count[0] * count[1];
    j->pieces = cn_least(cn_pieces_of(products, least, most), j->rows);
    return products / products_per_nanosecond;
}

static void multiply(job *j)
{
    if (j->g.places == 0)
        return;
    double nanoseconds = cut_rows(j, MOST_PIECES, products_of_a_piece);
    cn_parallel(j->pieces, nanoseconds, multiply_piece, j);
}

/* The places whose element for tap u lies within the input: those t for which t * step + u's offset does. */
static cn_range places_within(const cn_patches *p, int64_t u)
{
    return taps_within(element_at(p, 2, 0, u), p->step[2], p->size[2], p->count[2]);
}

/* A part of the gradient with respect to the kernel: the sum over a piece's rows. */
static void correlate_piece(void *context, int64_t piece)
{
    const job *j = context;
    const cn_patches *p = &j->g.patches;
    const int64_t channels = p->stride, taps = cn_space_size(p->taps);
    cn_range rows = cn_part(j->rows, j->pieces, piece);
    char *sums = j->result + piece * taps * channels * j->size;
    memset(sums, 0, (size_t)(taps * channels * j->size));
    for (int64_t i = rows.first; i < rows.first + rows.count; i++) {
        const row r = row_at(p, i);
        const cn_range seen0 = taps_of(p, 0, r.t[0]), seen1 = taps_of(p, 1, r.t[1]);
        for (int64_t u0 = seen0.first; u0 < seen0.first + seen0.count; u0++)
            for (int64_t u1 = seen1.first; u1 < seen1.first + seen1.count; u1++)
                for (int64_t u2 = 0; u2 < p->taps[2]; u2++) {
                    const cn_range t = places_within(p, u2);
                    const int64_t element = input_row(p, &r, u0, u1) + element_at(p, 2, t.first, u2);
                    if (t.count > 0)
                        j->kernels->correlate[j->type](t.count, channels, j->in + element * channels * j->size,
                                                       p->step[2] * channels,
                                                       j->weights + (i * p->count[2] + t.first) * channels * j->size,
                                                       channels, sums + tap_of(j, u0, u1, u2) * channels * j->size);
                }
    }
}

static job new_job(const cn_convolution *c)
{
    return (job){.convolution = c,
                 .kernels = cn_kernels_now()->convolution,
                 .type = c->dtype == CN_F64,
                 .size = (int64_t)cn_dtype_size(c->dtype)};
}

static double cut_sums(job *j)
{
    j->g = cn_gather_forward(j->convolution);
    return cut_rows(j, MOST_SUMS, 4 * products_of_a_piece);
}

size_t cn_depthwise_workspace(const cn_convolution *c, cn_convolution_pass pass)
{
    job j = new_job(c);
    if (pass != CN_CONVOLVE_KERNEL)
        return 0;
    cut_sums(&j);
    return j.pieces > 1 ? (size_t)(j.pieces * cn_kernel_size(c) * j.size) : 0;
}

void cn_depthwise_run(const cn_convolution *c, cn_convolution_pass pass, const void *a, const void *b, void *result,
                      void *workspace, cn_gemm_finish *finish, void *context)
{
    job j = new_job(c);
    j.in = a;
    j.weights = b;
    j.result = result;
    if (pass == CN_CONVOLVE_KERNEL) {
        double nanoseconds = cut_sums(&j);
        if (j.pieces == 0)
            memset(result, 0, (size_t)(cn_kernel_size(c) * j.size));
        if (j.pieces > 1)
            j.result = workspace;
        cn_parallel(j.pieces, nanoseconds, correlate_piece, &j);
        if (j.pieces > 1)
            cn_add_parts(c->dtype, cn_kernel_size(c), j.pieces, workspace, result);
    } else if (pass == CN_CONVOLVE) {
        j.g = cn_gather_forward(c);
        j.finish = finish;
        j.context = context;
        multiply(&j);
    } else {
        int64_t phase[CN_SPACE];
        for (phase[0] = 0; phase[0] < cn_least(c->stride[0], c->in[0]); phase[0]++)
            for (phase[1] = 0; phase[1] < cn_least(c->stride[1], c->in[1]); phase[1]++)
                for (phase[2] = 0; phase[2] < cn_least(c->stride[2], c->in[2]); phase[2]++) {
                    j.g = cn_gather_backward(c, phase);
                    multiply(&j);
                }
    }
}
