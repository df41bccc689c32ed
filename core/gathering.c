#include "core/gathering.h"
#include "core/pieces.h"

static int64_t divisor_of(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void finish_gathering(cn_gathering *g, int64_t batch)
{
    cn_patches *p = &g->patches;
    g->places = batch * cn_space_size(p->count);
    g->depth = cn_space_size(p->taps) * p->channels;
    g->whole = g->as_it_is = true;
    for (int d = 0; d < CN_SPACE; d++) {
        g->overlapping = g->as_it_is; /* up to the axis before */
        g->whole = g->whole && g->step[d] == 1;
        g->as_it_is =
            g->as_it_is && p->taps[d] == 1 && p->step[d] == 1 && p->offset[d] == 0 && p->count[d] == p->size[d];
    }
    const int last = CN_SPACE - 1;
    g->overlapping =
        g->overlapping && !g->as_it_is && p->taps[last] > 0 && p->offset_step[last] == 1 && p->channels == p->stride;
}

/* Every place of y sees all taps of x. */
cn_gathering cn_gather_forward(const cn_convolution *c)
{
    cn_gathering g = {.groups = c->groups, .columns = c->filters / c->groups, .row = c->filters};
    cn_patches *p = &g.patches;
    p->channels = c->channels / c->groups;
    p->stride = c->channels;
    for (int d = 0; d < CN_SPACE; d++) {
        p->count[d] = g.size[d] = c->out[d];
        p->size[d] = c->in[d];
        p->step[d] = c->stride[d];
        p->taps[d] = c->kernel[d];
        p->offset[d] = -c->before[d];
        p->offset_step[d] = c->dilation[d];
        g.tap_step[d] = g.step[d] = 1;
    }
    finish_gathering(&g, c->batch);
    return g;
}

/* Places of x that leave the remainders `phase` when divided by the strides. Such a place j sees tap a of y where
 * j + before - a * dilation is a multiple of the stride, at that quotient: the taps from the last to the first one of
 * an arithmetic progression, so that the quotients rise. */
cn_gathering cn_gather_backward(const cn_convolution *c, const int64_t *phase)
{
    cn_gathering g = {.groups = c->groups, .columns = c->channels / c->groups, .row = c->channels};
    cn_patches *p = &g.patches;
    p->channels = c->filters / c->groups;
    p->stride = c->filters;
    for (int d = 0; d < CN_SPACE; d++) {
        int64_t stride = c->stride[d], common = divisor_of(c->dilation[d], stride), tap_step = stride / common;
        int64_t at = phase[d] + c->before[d], tap = 0;
        int64_t tried = cn_least(tap_step, c->kernel[d]);
        while (tap < tried && (at - tap * c->dilation[d]) % stride != 0)
            tap++;
        bool seen = tap < tried;
        int64_t taps = seen ? (c->kernel[d] - 1 - tap) / tap_step + 1 : 0, last = tap + (taps - 1) * tap_step;
        p->count[d] = phase[d] < c->in[d] ? (c->in[d] - phase[d] - 1) / stride + 1 : 0;
        p->size[d] = c->out[d];
        p->step[d] = 1;
        p->taps[d] = taps;
        p->offset[d] = seen ? (at - last * c->dilation[d]) / stride : 0;
        p->offset_step[d] = c->dilation[d] / common;
        g.first_tap[d] = last;
        g.tap_step[d] = -tap_step;
        g.first[d] = phase[d];
        g.step[d] = stride;
        g.size[d] = c->in[d];
    }
    finish_gathering(&g, c->batch);
    return g;
}

typedef struct addition {
    cn_dtype dtype;
    int64_t count, number;
    const void *parts;
    void *sum;
} addition;

#define DEFINE_ADD(T)                                                    \
    static void add_##T(const addition *a, int64_t first, int64_t count) \
    {                                                                    \
        T *sum = (T *)a->sum + first;                                    \
        const T *parts = (const T *)a->parts + first;                    \
        for (int64_t i = 0; i < count; i++)                              \
            sum[i] = parts[i];                                           \
        for (int64_t p = 1; p < a->number; p++)                          \
            for (int64_t i = 0; i < count; i++)                          \
                sum[i] += parts[p * a->count + i];                       \
    }
DEFINE_ADD(float)
DEFINE_ADD(double)

enum { ADDED = 4096 }; /* elements of a piece */

static void add_piece(void *context, int64_t piece)
{
    const addition *a = context;
    int64_t first = piece * ADDED, count = cn_least(ADDED, a->count - first);
    if (a->dtype == CN_F64)
        add_double(a, first, count);
    else
        add_float(a, first, count);
}

void cn_add_parts(cn_dtype dtype, int64_t count, int64_t number, const void *parts, void *sum)
{
    addition a = {dtype, count, number, parts, sum};
    cn_parallel(cn_divide_up(count, ADDED), (double)count * (double)number / 8, add_piece, &a);
}
