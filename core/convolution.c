/* Convolutions as matrix products of which one operand is never made whole: the rows of a matrix of patches, the inputs
 * that each place of the result sees, are gathered a few at a time into a panel that stays in cache, and multiplied by
 * packed weights with the tiles of matrix products. Along one axis of many places they are not gathered: a row of
 * patches begins a step behind the last one in the input itself.
 *
 * The gradient with respect to the input is such a gathering, too, one for each remainder of the places by the strides:
 * those of one remainder see the same taps, in a step of 1. The gradient with respect to the kernel is the transposed
 * matrix of patches times the gradient of the result. */
#include "core/gathering.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"
#include "core/winograd.h"
#include <string.h>

enum {
    PATCHES_BYTES = 64 << 10, /* the rows of patches that are gathered at once */
    LEAST_LINE = 64,          /* places along the last axis: fewer do not fill tiles of their own */
    ROWS_BYTES = 40 << 10,    /* two vectors of columns, for as many rows */
    LINE = 64,
    MOST_PIECES = 64,
    MOST_SUMS = 16 /* partial sums of a kernel's gradient */
};
static const double flops_of_a_piece = 250e3, flops_of_a_sum = 2e6;

/* What is multiplied at a time: patches of a group, in part, and a panel of columns. */
typedef struct block {
    const char *patches;
    int64_t place, rows, group, panel;
    cn_range depth;
    int64_t piece; /* of the places that are cut into pieces, */
    bool begins;   /* whether these are its first ones */
} block;

typedef struct job job;
struct job {
    void (*multiply)(const job *j, const block *b);
    const cn_convolution *convolution;
    const cn_gemm_type_kernels *kernels;
    cn_gather_patches *gather;
    cn_gathering g;
    int64_t size;        /* bytes of an element */
    int64_t blocks, row; /* the depth's cut, and the elements of a row of gathered patches */
    int64_t rows;        /* gathered at once */
    int64_t panels;      /* of a group's columns, two vectors each */
    int64_t place_pieces, panel_pieces;
    bool by_lines;   /* patches overlap and are taken where they lie, those of a line of places at once */
    bool transposed; /* the weights: channels are the columns of the result */
    const char *in, *weights, *packed;
    int64_t packed_at; /* in `packed`: what belongs to this gathering */
    char *result;
    cn_gemm_finish *finish;
    void *context;
    const char *y; /* for the gradient with respect to the kernel, of which there are place_pieces parts */
    char *sums;
};

/* Weights, packed by group and panel: the rows of the kernel that the taps name, in the order of the patches. */

static int64_t panel_of(const job *j, int64_t panel, int64_t *columns)
{
    int64_t first = panel * 2 * j->kernels->width;
    *columns = cn_least(2 * j->kernels->width, j->g.columns - first);
    return first;
}

static int64_t packed_columns(const job *j, int64_t columns)
{
    return columns > j->kernels->width ? 2 * j->kernels->width : j->kernels->width;
}

static int64_t place_of_panel(const job *j, int64_t group, int64_t first)
{
    int64_t columns = cn_divide_up(j->g.columns, j->kernels->width) * j->kernels->width;
    return j->packed_at + (group * columns + first) * j->g.depth * j->size;
}

static void pack_panel(void *context, int64_t piece)
{
    const job *j = context;
    const cn_gathering *g = &j->g;
    const cn_convolution *c = j->convolution;
    int64_t group = piece / j->panels, columns, first = panel_of(j, piece % j->panels, &columns);
    int64_t padded = packed_columns(j, columns), channels = g->patches.channels;
    int64_t tap_rows = c->channels / c->groups * c->filters; /* elements of one tap of the kernel */
    char *to = j->result + place_of_panel(j, group, first);
    for (int64_t u0 = 0; u0 < g->patches.taps[0]; u0++)
        for (int64_t u1 = 0; u1 < g->patches.taps[1]; u1++)
            for (int64_t u2 = 0; u2 < g->patches.taps[2]; u2++, to += channels * padded * j->size) {
                int64_t a0 = g->first_tap[0] + u0 * g->tap_step[0], a1 = g->first_tap[1] + u1 * g->tap_step[1];
                int64_t a2 = g->first_tap[2] + u2 * g->tap_step[2];
                int64_t tap = ((a0 * c->kernel[1] + a1) * c->kernel[2] + a2) * tap_rows;
                if (j->transposed)
                    j->kernels->pack(columns, channels,
                                     j->weights + (tap + first * c->filters + group * channels) * j->size, c->filters,
                                     1, to, padded, padded);
                else
                    j->kernels->pack(columns, channels, j->weights + (tap + group * g->columns + first) * j->size, 1,
                                     c->filters, to, padded, padded);
            }
}

/* Elements of a row of `depth` gathered elements: an odd number of cache lines, so that rows do not fall on the same
 * lines of L1. */
static int64_t padded_row(int64_t depth, int64_t size)
{
    return (cn_divide_up(depth * size, LINE) | 1) * LINE / size;
}

static void cut_depth(job *j)
{
    const cn_patches *p = &j->g.patches;
    const int64_t tile = j->kernels->most_rows[1], step = p->step[CN_SPACE - 1] * p->channels;
    j->blocks = cn_most(cn_divide_up(j->g.depth, cn_gemm_panel_depth(j->kernels, j->size)), 1);
    j->by_lines = j->g.overlapping && p->count[CN_SPACE - 1] >= LEAST_LINE &&
                  cn_most(j->g.depth, step * tile) * j->size <= PATCHES_BYTES / 2;
    int64_t row = padded_row(cn_part(j->g.depth, j->blocks, 0).count, j->size), room = PATCHES_BYTES;
    if (j->by_lines) {
        row = step;
        room -= j->g.depth * j->size; /* the last patch goes on beyond its step */
    }
    j->row = j->g.as_it_is ? p->stride : row;
    j->rows = cn_least(room / (row * j->size), ROWS_BYTES / (2 * j->kernels->width * j->size));
    if (j->rows > tile)
        j->rows -= j->rows % tile;
}

static double flops_of(const job *j)
{
    return 2.0 * (double)j->g.places * (double)j->g.depth * (double)j->g.columns * (double)j->g.groups;
}

static double nanoseconds_of(const job *j)
{
    return flops_of(j) / (double)(8 * j->kernels->width);
}

/* The elements that places of one line see, where they lie, or with zeros for those beyond its ends. */
static const char *line_of(const job *j, const block *b, char *room)
{
    const cn_patches *p = &j->g.patches;
    const int last = CN_SPACE - 1;
    const int64_t line = b->place / p->count[last], place = b->place % p->count[last], bytes = p->channels * j->size;
    const int64_t begin = place * p->step[last] + p->offset[last];
    const int64_t end = begin + (b->rows - 1) * p->step[last] + p->taps[last];
    const int64_t low = cn_most(begin, 0), high = cn_least(end, p->size[last]);
    const char *in = j->in + line * p->size[last] * bytes;
    if (low == begin && high == end)
        return in + begin * bytes;
    memset(room, 0, (size_t)((end - begin) * bytes));
    if (low < high)
        memcpy(room + (low - begin) * bytes, in + low * bytes, (size_t)((high - low) * bytes));
    return room;
}

/* The patches of a block: gathered, or where they lie. */
static const char *patches_of(const job *j, const block *b, char *room)
{
    const cn_patches *p = &j->g.patches;
    const char *in = j->in + b->group * p->channels * j->size;
    if (j->g.as_it_is)
        return in + (b->place * p->stride + b->depth.first) * j->size;
    if (j->by_lines)
        return line_of(j, b, room) + b->depth.first * j->size;
    if (b->depth.count > 0)
        j->gather(p, in, b->place, b->rows, b->depth.first, b->depth.count, room, j->row);
    return room;
}

/* Copies `columns` elements of the rows of the places between the result and dense rows. */
static void copy_rows(const job *j, int64_t place, int64_t rows, int64_t column, int64_t columns, char *dense, bool out)
{
    const cn_gathering *g = &j->g;
    const int64_t *count = g->patches.count;
    for (int64_t i = 0; i < rows; i++, dense += columns * j->size) {
        int64_t rest = place + i, at[CN_SPACE];
        for (int d = CN_SPACE - 1; d >= 0; rest /= count[d], d--)
            at[d] = g->first[d] + rest % count[d] * g->step[d];
        int64_t row = ((rest * g->size[0] + at[0]) * g->size[1] + at[1]) * g->size[2] + at[2];
        char *to = j->result + (row * g->row + column) * j->size;
        memcpy(out ? to : dense, out ? dense : to, (size_t)(columns * j->size));
    }
}

/* The result's rows of a block, its group's columns from a panel up to the block's. */
static void finish_block(const job *j, const block *b, int64_t panel)
{
    const cn_gathering *g = &j->g;
    int64_t columns, first = panel_of(j, panel, &columns), past = panel_of(j, b->panel - 1, &columns) + columns;
    int64_t column = b->group * g->columns + first;
    j->finish(j->context, j->result + (b->place * g->row + column) * j->size, g->row, 0, b->place, b->rows, column,
              past - first);
}

static void multiply_piece(void *context, int64_t piece)
{
    const job *j = context;
    cn_range places = cn_part(j->g.places, j->place_pieces, piece / j->panel_pieces);
    cn_range panels = cn_part(j->panels * j->g.groups, j->panel_pieces, piece % j->panel_pieces);
    int64_t end = panels.first + panels.count, line = j->g.patches.count[CN_SPACE - 1];
    _Alignas(LINE) char room[PATCHES_BYTES];
    block b = {.piece = piece / j->panel_pieces};
    for (int64_t done = 0; done < places.count; done += b.rows) {
        b.place = places.first + done;
        b.rows = cn_least(j->rows, places.count - done);
        if (j->by_lines)
            b.rows = cn_least(b.rows, line - b.place % line);
        b.begins = done == 0;
        for (b.group = panels.first / j->panels; b.group * j->panels < end; b.group++) {
            int64_t before = b.group * j->panels, last = cn_least(end - before, j->panels);
            int64_t panel = before < panels.first ? panels.first - before : 0;
            for (int64_t i = 0; i < j->blocks; i++) {
                b.depth = cn_part(j->g.depth, j->blocks, i);
                b.patches = patches_of(j, &b, room);
                for (b.panel = panel; b.panel < last; b.panel++)
                    j->multiply(j, &b);
            }
            if (j->finish)
                finish_block(j, &b, panel);
        }
    }
}

/* Patches times weights. */
static void multiply_block(const job *j, const block *b)
{
    const cn_gathering *g = &j->g;
    int64_t columns, first = panel_of(j, b->panel, &columns), padded = packed_columns(j, columns);
    int64_t column = b->group * g->columns + first, tiles = cn_divide_up(b->rows, j->kernels->most_rows[1]);
    const char *weights = j->packed + place_of_panel(j, b->group, first) + b->depth.first * padded * j->size;
    _Alignas(LINE) char dense[ROWS_BYTES];
    char *to = g->whole ? j->result + (b->place * g->row + column) * j->size : dense;
    int64_t row = g->whole ? g->row : columns;
    if (!g->whole && b->depth.first > 0)
        copy_rows(j, b->place, b->rows, column, columns, dense, false);
    int vectors = columns > j->kernels->width;
    for (int64_t i = 0; i < tiles; i++) {
        cn_range r = cn_part(b->rows, tiles, i);
        j->kernels->tile[vectors][r.count](b->depth.count, b->patches + r.first * j->row * j->size, j->row, 1, weights,
                                           padded, to + r.first * row * j->size, row,
                                           columns - vectors * j->kernels->width, b->depth.first > 0);
    }
    if (!g->whole)
        copy_rows(j, b->place, b->rows, column, columns, dense, true);
}

/* Patches transposed times rows of y: added to the piece's part of the kernel's gradient. */
static void correlate_block(const job *j, const block *b)
{
    int64_t width = j->kernels->width, columns, first = panel_of(j, b->panel, &columns);
    int64_t row = j->convolution->filters, y_row = row, column = b->group * j->g.columns + first;
    int64_t tiles = cn_divide_up(b->depth.count, j->kernels->most_rows[1]);
    const char *y = j->y + (b->place * row + column) * j->size;
    char *to = j->sums + (b->piece * cn_kernel_size(j->convolution) + b->depth.first * row + column) * j->size;
    _Alignas(LINE) char dense[ROWS_BYTES];
    if (row > 2 * width) {
        y_row = packed_columns(j, columns);
        j->kernels->pack(columns, b->rows, y, 1, row, dense, y_row, y_row);
        y = dense;
    }
    int vectors = columns > width;
    for (int64_t i = 0; i < tiles; i++) {
        cn_range r = cn_part(b->depth.count, tiles, i);
        j->kernels->tile[vectors][r.count](b->rows, b->patches + r.first * j->size, 1, j->row, y, y_row,
                                           to + r.first * row * j->size, row, columns - vectors * width, !b->begins);
    }
}

static void pack(job *j)
{
    const cn_gathering *g = &j->g;
    j->panels = cn_divide_up(g->columns, 2 * j->kernels->width);
    if (g->places > 0 && g->columns > 0)
        cn_parallel(j->panels * g->groups, (double)(g->depth * g->columns * g->groups) / 4, pack_panel, j);
}

/* All places of one gathering. */
static void multiply(job *j)
{
    const cn_gathering *g = &j->g;
    if (g->places == 0 || g->columns == 0)
        return;
    const int64_t wanted = cn_pieces_of(flops_of(j), flops_of_a_piece, MOST_PIECES);
    j->panels = cn_divide_up(g->columns, 2 * j->kernels->width);
    cut_depth(j);
    j->place_pieces = cn_least(wanted, cn_divide_up(g->places, 4 * j->kernels->most_rows[1]));
    j->panel_pieces = cn_least(j->panels * g->groups, cn_divide_up(wanted, j->place_pieces));
    cn_parallel(j->place_pieces * j->panel_pieces, nanoseconds_of(j), multiply_piece, j);
}

/* Cuts the places for partial sums and the columns into pieces: by the sizes alone. */
static void cut_sums(job *j)
{
    const int64_t wanted = cn_pieces_of(flops_of(j), flops_of_a_sum, MOST_SUMS);
    j->panels = cn_divide_up(j->g.columns, 2 * j->kernels->width);
    j->panel_pieces = cn_least(wanted, cn_divide_up(j->panels * j->g.groups, 4));
    /* A partial sum takes a pass through memory the size of the kernel: it is to be worth some rows of patches. */
    j->place_pieces = cn_least(cn_divide_up(wanted, j->panel_pieces), cn_divide_up(j->g.places, 64));
    if (j->place_pieces < 1)
        j->place_pieces = 1;
}

static job new_job(const cn_convolution *c)
{
    const cn_kernels *kernels = cn_kernels_now();
    return (job){.convolution = c,
                 .kernels = kernels->gemm->type[c->dtype == CN_F64],
                 .gather = kernels->convolution->gather[c->dtype == CN_F64],
                 .size = (int64_t)cn_dtype_size(c->dtype)};
}

static void run_kernel(job *j, void *workspace)
{
    const cn_convolution *c = j->convolution;
    int64_t total = cn_kernel_size(c);
    j->g = cn_gather_forward(c);
    j->multiply = correlate_block;
    if (j->g.places == 0)
        memset(j->result, 0, (size_t)(total * j->size));
    if (j->g.places == 0 || total == 0)
        return;
    cut_sums(j);
    cut_depth(j);
    j->sums = j->place_pieces > 1 ? workspace : j->result;
    cn_parallel(j->place_pieces * j->panel_pieces, nanoseconds_of(j), multiply_piece, j);
    if (j->place_pieces > 1)
        cn_add_parts(c->dtype, total, j->place_pieces, j->sums, j->result);
}

size_t cn_convolution_workspace(const cn_convolution *c, cn_convolution_pass pass)
{
    job j = new_job(c);
    if (cn_is_depthwise(c))
        return cn_depthwise_workspace(c, pass);
    if (cn_is_winograd(c, pass))
        return cn_winograd_workspace(c, pass);
    if (pass != CN_CONVOLVE_KERNEL || c->batch == 0 || cn_kernel_size(c) == 0)
        return 0;
    j.g = cn_gather_forward(c);
    cut_sums(&j);
    return j.place_pieces > 1 ? (size_t)(j.place_pieces * cn_kernel_size(c) * j.size) : 0;
}

/* Calls `what` with the gathering of a pass, or in turn with those of all remainders; packed weights lie in a row. */
static void each_gathering(job *j, cn_convolution_pass pass, void (*what)(job *j))
{
    const cn_convolution *c = j->convolution;
    if (pass == CN_CONVOLVE) {
        j->g = cn_gather_forward(c);
        what(j);
        return;
    }
    int64_t phase[CN_SPACE];
    for (phase[0] = 0; phase[0] < cn_least(c->stride[0], c->in[0]); phase[0]++)
        for (phase[1] = 0; phase[1] < cn_least(c->stride[1], c->in[1]); phase[1]++)
            for (phase[2] = 0; phase[2] < cn_least(c->stride[2], c->in[2]); phase[2]++) {
                j->g = cn_gather_backward(c, phase);
                what(j);
                j->packed_at += j->g.depth * j->g.groups * cn_divide_up(j->g.columns, j->kernels->width) *
                                j->kernels->width * j->size;
            }
}

bool cn_convolution_is_by_lines(const cn_convolution *c, cn_convolution_pass pass)
{
    job j = new_job(c);
    j.g = pass == CN_CONVOLVE_INPUT ? cn_gather_backward(c, (int64_t[CN_SPACE]){0}) : cn_gather_forward(c);
    cut_depth(&j);
    return j.by_lines;
}

size_t cn_convolution_packed(const cn_convolution *c, cn_convolution_pass pass)
{
    if (pass == CN_CONVOLVE_KERNEL || cn_is_depthwise(c) || c->batch == 0 || cn_kernel_size(c) == 0)
        return 0;
    if (cn_is_winograd(c, pass))
        return cn_winograd_packed(c, pass);
    job j = new_job(c);
    int64_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    int64_t deep = pass == CN_CONVOLVE ? channels : filters, wide = pass == CN_CONVOLVE ? filters : channels;
    wide = cn_divide_up(wide, j.kernels->width) * j.kernels->width;
    return (size_t)(cn_space_size(c->kernel) * c->groups * deep * wide * j.size);
}

void cn_convolution_pack(const cn_convolution *c, cn_convolution_pass pass, const void *kernel, void *packed)
{
    if (cn_is_winograd(c, pass)) {
        cn_winograd_pack(c, pass, kernel, packed);
        return;
    }
    job j = new_job(c);
    j.weights = kernel;
    j.result = packed;
    j.transposed = pass == CN_CONVOLVE_INPUT;
    each_gathering(&j, pass, pack);
}

double cn_convolution_flops(const cn_convolution *c)
{
    return 2 * (double)(c->batch * cn_space_size(c->out)) * (double)c->filters *
           (double)(c->channels / c->groups * cn_space_size(c->kernel));
}

void cn_convolution_run(const cn_convolution *c, cn_convolution_pass pass, const void *a, const void *b, void *result,
                        void *workspace, cn_gemm_finish *finish, void *context)
{
    if (cn_is_depthwise(c)) {
        cn_depthwise_run(c, pass, a, b, result, workspace, finish, context);
        return;
    }
    if (cn_is_winograd(c, pass)) {
        cn_winograd_run(c, pass, a, b, result, workspace, finish, context);
        return;
    }
    job j = new_job(c);
    j.in = a;
    j.result = result;
    if (pass == CN_CONVOLVE_KERNEL) {
        j.y = b;
        run_kernel(&j, workspace);
        return;
    }
    j.multiply = multiply_block;
    j.packed = b;
    j.finish = finish;
    j.context = context;
    each_gathering(&j, pass, multiply);
}
