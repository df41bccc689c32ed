#include "core/ops/recurrent.h"
#include "core/engine.h"
#include "core/kernels/kernels.h"
#include "core/ops/reduction.h"
#include "core/pieces.h"
#include "core/small_gemm.h"
#include <string.h>

/* Outputs: the sequence and the last states, and what the gradient needs: all hidden and cell states from before the
 * first step on, and the gates as the kernels keep them. Only an LSTM has the last two. */
enum { SEQUENCE, LAST_H, HIDDEN, GATES, LAST_C, CELLS, OUTPUTS };

typedef struct attributes {
    cn_recurrence kind;
    cn_gate activation, recurrent_activation;
    bool backwards, has_bias, has_states, has_mask;
    bool has_dy, has_dh, has_dc; /* of the gradient: which of its optional inputs are there */
} attributes;

/* In blocks of `units` columns: the weights, what is kept of a step, and how much of the weights the hidden state
 * meets. What is left of them meets the reset state. */
typedef struct layout {
    int weights, kept, first;
    bool has_cells;
} layout;
static const layout layouts[] = {[CN_SIMPLE_RNN_SEQUENCE] = {1, 1, 1, false},
                                 [CN_LSTM_SEQUENCE] = {4, 5, 4, true},
                                 [CN_GRU_SEQUENCE] = {3, 4, 3, false},
                                 [CN_GRU_BEFORE_SEQUENCE] = {3, 4, 2, false}};

/* What both directions run by. */
typedef struct sizes {
    int64_t batch, time, units;
    int64_t element;      /* bytes */
    int64_t rows, pieces; /* each piece takes so many samples through the whole sequence */
    cn_dtype dtype;
    attributes attributes;
    int64_t width, kept, first; /* columns, as in `layout` */
    bool has_cells, has_reset;
    bool shared; /* one piece, of whose steps each is shared by the threads */
    bool small;  /* the products are those of the step kernels */
    bool packed; /* weights may be packed once for all steps */
    bool lstm8;  /* all steps are one kernel's */
    int64_t product_workspace, weights_workspace;
    bool small_gradient; /* of the weights */
    cn_small_gemm gradient;
    int64_t weights_steps; /* whose gradients of the weights are added at once */
} sizes;

enum { SMALL_UNITS = 32, SMALL_ROWS = 64, LARGE_ROWS = 16, PACKED_STEPS = 4, CACHED_BYTES = 384 * 1024 };
/* Of a step that several threads share, and of the sums of steps in the gradient of the weights. */
enum { STEP_ROWS = 8, SHARED_PIECES = 16, WEIGHTS_ROWS = 1024 };

static const double nanoseconds_of_packing = 0.1; /* a byte */

static int64_t aligned(int64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static sizes sizes_of(const attributes *a, cn_dtype dtype, int64_t batch, int64_t time, int64_t units)
{
    const layout *l = &layouts[a->kind];
    sizes s = {.batch = batch,
               .time = time,
               .units = units,
               .element = (int64_t)cn_dtype_size(dtype),
               .dtype = dtype,
               .attributes = *a,
               .width = l->weights * units,
               .kept = l->kept * units,
               .first = l->first * units,
               .has_cells = l->has_cells,
               .has_reset = l->first < l->weights,
               .small = units <= SMALL_UNITS};
    /* While the recurrent weights fit a core's cache each thread takes samples of its own through all steps, without
     * meeting the others; with larger ones the threads share each step. */
    bool cached = units * s.width * s.element <= CACHED_BYTES;
    s.shared = !s.small && !cached;
    s.packed = !s.small && time >= PACKED_STEPS;
    s.lstm8 = a->kind == CN_LSTM_SEQUENCE && units == 8 && dtype == CN_F32 && a->activation == CN_GATE_TANH &&
              a->recurrent_activation == CN_GATE_SIGMOID && !a->has_mask && cn_kernels_now()->lstm8->forward;
    s.rows = s.small ? SMALL_ROWS : s.shared ? batch : LARGE_ROWS;
    if (s.rows > batch || s.rows < 1)
        s.rows = batch > 0 ? batch : 1;
    s.pieces = cn_divide_up(batch, s.rows);
    /* One piece can add as it goes, and needs less room for what it adds up. */
    const int64_t steps = s.shared ? cn_least(time, cn_divide_up(WEIGHTS_ROWS, s.rows)) : time;
    s.weights_steps = steps > 0 ? steps : 1;
    return s;
}

static sizes sizes_of_sequence(const cn_entry *entry)
{
    const cn_tensor *z = entry->input[0];
    return sizes_of(entry->attributes, z->dtype, z->shape.dim[0], z->shape.dim[1], entry->input[1]->shape.dim[0]);
}

cn_recurrent_way cn_recurrent_way_of(const cn_entry *sequence)
{
    const sizes s = sizes_of_sequence(sequence);
    return (cn_recurrent_way){s.small, s.shared, s.packed, s.lstm8, s.pieces, cn_divide_up(s.time, s.weights_steps)};
}

static double nanoseconds(const sizes *s)
{
    return (double)s->batch * (double)s->time * (double)s->width * (2 + (double)s->units / 8) / 4;
}

/* Of the gates of one step, without the products. */
static double step_nanoseconds(const sizes *s)
{
    return (double)s->batch * (double)s->width * 0.5;
}

static unsigned char *at(void *base, int64_t element, int64_t bytes)
{
    return base ? (unsigned char *)base + element * bytes : NULL;
}

static void set_state(unsigned char *to, unsigned char *from, size_t bytes)
{
    if (from)
        memcpy(to, from, bytes);
    else
        memset(to, 0, bytes);
}

/* c += a b, where a and c are row-major. */
typedef struct product {
    int64_t m, n, k, a_row, c_row;
} product;

/* b: element (i, j) at values[i * row + j * column], or in panels of two vectors of columns. */
typedef struct operand {
    const unsigned char *values;
    int64_t row, column;
    bool packed;
} operand;

static const cn_gemm_type_kernels *gemm_kernels(const sizes *s)
{
    return cn_kernels_now()->gemm->type[s->dtype == CN_F64];
}

static int64_t panel_columns(const sizes *s)
{
    return 2 * gemm_kernels(s)->width;
}

/* Weights are packed as the products of all steps read them fastest: in rows for the step kernels and for products of
 * one row, else in panels for the tiles of products. For a step or two that does not pay. */
static bool is_packed(const sizes *s, operand b)
{
    return s->small ? b.column != 1 : s->packed && (b.column != 1 || s->batch > 1);
}

static int64_t packed_bytes(const sizes *s, product p, operand b)
{
    int64_t columns = panel_columns(s);
    return is_packed(s, b) ? aligned(cn_divide_up(p.n, columns) * columns * p.k * s->element) : 0;
}

static operand packed_or_not(const sizes *s, product p, operand b, const unsigned char *packed)
{
    return is_packed(s, b) ? (operand){packed, s->small ? p.n : panel_columns(s), 1, true} : b;
}

static cn_gemm gemm_of(const sizes *s, product p, operand b)
{
    return (cn_gemm){.dtype = s->dtype,
                     .accumulate = true,
                     .batch = 1,
                     .m = p.m,
                     .n = p.n,
                     .k = p.k,
                     .a_row = p.a_row,
                     .a_column = 1,
                     .b_row = b.row,
                     .b_column = b.column,
                     .ldc = p.c_row};
}

/* A product by panels, some of them or all; or the packing of b into the panels c. */
typedef struct panels {
    const sizes *sizes;
    product product;
    const void *a;
    operand b;
    unsigned char *c;
    int64_t columns; /* of a panel */
    int64_t pieces;
} panels;

/* Where the threads share a step each has columns of its own, whose weights it packs itself: they stay in its cache. */
static panels panels_of(const sizes *s, product p, const void *a, operand b, unsigned char *c)
{
    const int64_t columns = s->small ? p.n : panel_columns(s);
    const int64_t pieces = s->shared ? cn_least(cn_divide_up(p.n, columns), SHARED_PIECES) : 1;
    return (panels){s, p, a, b, c, columns, pieces};
}

static cn_range part_of(const panels *job, int64_t piece)
{
    return cn_part(cn_divide_up(job->product.n, job->columns), job->pieces, piece);
}

static void pack_panels(void *context, int64_t piece)
{
    const panels *job = context;
    const product *p = &job->product;
    const int64_t columns = job->columns, e = job->sizes->element;
    const cn_range some = part_of(job, piece);
    for (int64_t j = some.first * columns; j < (some.first + some.count) * columns; j += columns)
        gemm_kernels(job->sizes)
            ->pack(cn_least(p->n - j, columns), p->k, job->b.values + j * job->b.column * e, job->b.column, job->b.row,
                   job->c + j * p->k * e, columns, columns);
}

static operand pack(const sizes *s, product p, operand b, unsigned char *room)
{
    panels job = panels_of(s, p, NULL, b, room);
    if (is_packed(s, b))
        cn_parallel(job.pieces, nanoseconds_of_packing * (double)(p.n * p.k * s->element), pack_panels, &job);
    return packed_or_not(s, p, b, room);
}

/* Whole panels as one batch, and the last one, which may be narrower. */
static void run_panels(void *context, int64_t piece)
{
    const panels *job = context;
    const product *p = &job->product;
    const int64_t columns = job->columns, e = job->sizes->element;
    const cn_range some = part_of(job, piece);
    const int64_t end = (some.first + some.count) * columns;
    const int64_t whole = end > p->n ? some.count - 1 : some.count, last = some.first + whole;
    cn_gemm gemm = gemm_of(job->sizes, *p, job->b);
    gemm.batch = whole;
    gemm.n = columns;
    gemm.b_batch = p->k * columns;
    gemm.c_batch = columns;
    if (whole > 0)
        cn_gemm_run(&gemm, job->a, job->b.values + some.first * gemm.b_batch * e, job->c + some.first * columns * e,
                    NULL, NULL, NULL);
    gemm.batch = 1;
    gemm.n = p->n - last * columns;
    if (end > p->n)
        cn_gemm_run(&gemm, job->a, job->b.values + last * gemm.b_batch * e, job->c + last * columns * e, NULL, NULL,
                    NULL);
}

static void multiply(const sizes *s, product p, const void *a, operand b, unsigned char *c, void *workspace)
{
    if (s->small) {
        cn_kernels_now()->recurrent->add_product[s->dtype](p.m, p.n, p.k, a, p.a_row, b.values, b.row, c, p.c_row);
    } else if (b.packed) {
        panels job = panels_of(s, p, a, b, c);
        cn_parallel(job.pieces, cn_gemm_nanoseconds(s->dtype, p.m, p.n, p.k), run_panels, &job);
    } else {
        cn_gemm gemm = gemm_of(s, p, b);
        cn_gemm_run(&gemm, a, b.values, c, workspace, NULL, NULL);
    }
}

static int64_t workspace_of(const sizes *s, product p, operand b)
{
    cn_gemm gemm = gemm_of(s, p, b);
    return s->small || is_packed(s, b) ? 0 : aligned((int64_t)cn_gemm_workspace(&gemm));
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Forwards */

typedef struct forward {
    const sizes *sizes;
    unsigned char *output[OUTPUTS];
    unsigned char *z, *recurrent, *bias, *h, *c;
    operand state_weights, reset_weights;
    const int32_t *mask;
    unsigned char *workspace;
    int64_t state_bytes, gates_bytes, piece_bytes; /* of one piece's workspace */
} forward;

/* The hidden state's part of the gates, and that of the reset state. */
static product state_product(const sizes *s, int64_t rows)
{
    return (product){.m = rows, .n = s->first, .k = s->units, .a_row = s->units, .c_row = s->kept};
}

static product reset_product(const sizes *s, int64_t rows)
{
    return (product){.m = rows, .n = s->units, .k = s->units, .a_row = s->kept, .c_row = s->kept};
}

/* The recurrent weights, and those of the reset state. */
static operand state_weights(const sizes *s, unsigned char *recurrent)
{
    return (operand){recurrent, s->width, 1, false};
}

static operand reset_weights(const sizes *s, unsigned char *recurrent)
{
    return (operand){at(recurrent, 2 * s->units, s->element), s->width, 1, false};
}

static operand transposed(operand b)
{
    return (operand){b.values, b.column, b.row, false};
}

typedef struct step_rows {
    const cn_recurrent_step *step;
    cn_recurrent_step_kernel *kernel;
} step_rows;

static void run_step_rows(void *context, int64_t piece)
{
    const step_rows *job = context;
    cn_recurrent_step part = *job->step;
    part.row = piece * STEP_ROWS;
    part.rows = part.rows - part.row < STEP_ROWS ? part.rows - part.row : STEP_ROWS;
    job->kernel(&part);
}

/* A step of all samples is shared by the threads, as its products are. */
static void run_step(const sizes *s, const cn_recurrent_step *step, cn_recurrent_step_kernel *kernel)
{
    step_rows job = {step, kernel};
    if (s->shared)
        cn_parallel(cn_divide_up(step->rows, STEP_ROWS), step_nanoseconds(s), run_step_rows, &job);
    else
        kernel(step);
}

/* Where a piece's states and gates of all steps are, or of the step alone where nobody wants the others. */
static unsigned char *kept_or(unsigned char *output, int64_t element, int64_t bytes, unsigned char *room)
{
    return output ? at(output, element, bytes) : room;
}

/* One piece's samples through the whole sequence. */
static void run_forward_piece(void *context, int64_t piece)
{
    const forward *f = context;
    const sizes *s = f->sizes;
    const cn_recurrent_kernels *kernels = cn_kernels_now()->recurrent;
    const cn_recurrence kind = s->attributes.kind;
    const int64_t u = s->units, e = s->element, first = piece * s->rows;
    const int64_t rows = s->batch - first < s->rows ? s->batch - first : s->rows;
    const size_t state = (size_t)(rows * u * e);
    unsigned char *room = f->workspace + piece * f->piece_bytes;
    unsigned char *scratch = room + 2 * f->state_bytes + f->gates_bytes;
    unsigned char *h = kept_or(f->output[HIDDEN], first * u, e, room);
    unsigned char *c = s->has_cells ? kept_or(f->output[CELLS], first * u, e, room + f->state_bytes) : NULL;
    unsigned char *gates = kept_or(f->output[GATES], first * s->kept, e, room + 2 * f->state_bytes);
    set_state(h, at(f->h, first * u, e), state);
    if (c)
        set_state(c, at(f->c, first * u, e), state);
    cn_recurrent_step step = {.rows = rows,
                              .units = u,
                              .activation = s->attributes.activation,
                              .recurrent_activation = s->attributes.recurrent_activation,
                              .bias = f->bias,
                              .z_row = s->time * s->width,
                              .y_row = s->time * u,
                              .mask_row = s->time};
    for (int64_t i = 0; i < s->time; i++) {
        int64_t t = s->attributes.backwards ? s->time - 1 - i : i;
        step.z = at(f->z, (first * s->time + t) * s->width, e);
        step.h_before = h;
        step.c_before = c;
        step.gates = gates;
        step.h = h = f->output[HIDDEN] ? at(h, s->batch * u, e) : h;
        step.c = c = s->has_cells && f->output[CELLS] ? at(c, s->batch * u, e) : c;
        step.y = at(f->output[SEQUENCE], (first * s->time + i) * u, e);
        step.mask = f->mask ? f->mask + first * s->time + t : NULL;
        run_step(s, &step, kernels->begin[kind][s->dtype]);
        multiply(s, state_product(s, rows), step.h_before, f->state_weights, gates, scratch);
        if (s->has_reset) {
            run_step(s, &step, kernels->reset[s->dtype]);
            multiply(s, reset_product(s, rows), at(gates, 2 * u, e), f->reset_weights, at(gates, 3 * u, e), scratch);
        }
        run_step(s, &step, kernels->end[kind][s->dtype]);
        gates = f->output[GATES] ? at(gates, s->batch * s->kept, e) : gates;
    }
    if (f->output[LAST_H])
        memcpy(at(f->output[LAST_H], first * u, e), h, state);
    if (f->output[LAST_C])
        memcpy(at(f->output[LAST_C], first * u, e), c, state);
}

static void set_forward_bytes(forward *f, const sizes *s)
{
    f->state_bytes = aligned(s->rows * s->units * s->element);
    f->gates_bytes = aligned(s->rows * s->kept * s->element);
    f->piece_bytes = 2 * f->state_bytes + f->gates_bytes + s->product_workspace;
}

/* Those of the reset state lie behind the others. */
static bool pack_weights(void *const *pointer, const void *prepared)
{
    const sizes *s = prepared;
    const product state = state_product(s, s->rows);
    const operand weights = state_weights(s, pointer[1]);
    pack(s, state, weights, pointer[0]);
    if (s->has_reset)
        pack(s, reset_product(s, s->rows), reset_weights(s, pointer[1]),
             (unsigned char *)pointer[0] + packed_bytes(s, state, weights));
    return true;
}

static void run_lstm8_piece(void *context, int64_t piece)
{
    const cn_lstm8 *sequence = context;
    const int64_t first = piece * SMALL_ROWS;
    cn_kernels_now()->lstm8->forward(sequence, first, cn_least(sequence->rows - first, SMALL_ROWS));
}

/* Where nobody wants the states of all steps, the last ones are where the first were. */
static void run_lstm8(const forward *f)
{
    const sizes *s = f->sizes;
    const bool backwards = s->attributes.backwards;
    const size_t state = (size_t)(s->batch * s->units * s->element);
    unsigned char *h = kept_or(f->output[HIDDEN], 0, 0, f->workspace);
    unsigned char *c = kept_or(f->output[CELLS], 0, 0, f->workspace + aligned((int64_t)state));
    set_state(h, f->h, state);
    set_state(c, f->c, state);
    cn_lstm8 sequence = {.rows = s->batch,
                         .time = s->time,
                         .recurrent = (const float *)f->recurrent,
                         .z = (const float *)at(f->z, backwards ? (s->time - 1) * s->width : 0, s->element),
                         .z_row = s->time * s->width,
                         .z_step = backwards ? -s->width : s->width,
                         .h = (float *)h,
                         .c = (float *)c,
                         .h_step = f->output[HIDDEN] ? s->batch * s->units : 0,
                         .c_step = f->output[CELLS] ? s->batch * s->units : 0,
                         .gates = (float *)f->output[GATES],
                         .gates_step = s->batch * s->kept,
                         .y = (float *)f->output[SEQUENCE],
                         .y_row = s->time * s->units};
    cn_parallel(s->pieces, nanoseconds(s), run_lstm8_piece, &sequence);
    if (f->output[LAST_H])
        memcpy(f->output[LAST_H], (float *)h + s->time * sequence.h_step, state);
    if (f->output[LAST_C])
        memcpy(f->output[LAST_C], (float *)c + s->time * sequence.c_step, state);
}

static bool run_forward(void *const *pointer, const void *prepared)
{
    const sizes *s = prepared;
    const attributes *a = &s->attributes;
    forward f = {.sizes = s};
    for (int i = 0; i < (s->has_cells ? OUTPUTS : LAST_C); i++)
        f.output[i] = *pointer++;
    f.z = *pointer++;
    f.recurrent = *pointer++;
    f.bias = a->has_bias ? *pointer++ : NULL;
    f.h = a->has_states ? *pointer++ : NULL;
    f.c = a->has_states && s->has_cells ? *pointer++ : NULL;
    f.mask = a->has_mask ? *pointer++ : NULL;
    f.workspace = *pointer++;
    if (s->lstm8) {
        run_lstm8(&f);
        return true;
    }
    set_forward_bytes(&f, s);
    const product state = state_product(s, s->rows);
    f.state_weights = state_weights(s, f.recurrent);
    const bool packed = is_packed(s, f.state_weights);
    const int64_t behind = packed_bytes(s, state, f.state_weights);
    if (s->has_reset)
        f.reset_weights = packed_or_not(s, reset_product(s, s->rows), reset_weights(s, f.recurrent),
                                        packed ? (unsigned char *)*pointer + behind : NULL);
    f.state_weights = packed_or_not(s, state, f.state_weights, packed ? *pointer : NULL);
    cn_parallel(s->pieces, nanoseconds(s), run_forward_piece, &f);
    return true;
}

static bool forward_infer(const cn_entry *entry, cn_type *output)
{
    const attributes *a = entry->attributes;
    const layout *l = &layouts[a->kind];
    const cn_tensor *z = entry->input[0], *recurrent = entry->input[1];
    const cn_shape *zs = &z->shape, *rs = &recurrent->shape;
    if (zs->rank != 3 || rs->rank != 2 || rs->dim[1] != l->weights * rs->dim[0] || zs->dim[2] != rs->dim[1] ||
        z->dtype == CN_I32 || recurrent->dtype != z->dtype)
        return cn_entry_fail(entry, CN_SHAPES, "needs (batch, time, %d units) and (units, %d units) of one float type",
                             l->weights, l->weights);
    int64_t batch = zs->dim[0], time = zs->dim[1], u = rs->dim[0];
    cn_shape state = CN_SHAPE(batch, u);
    int next = 2;
    if (a->has_bias) {
        const cn_tensor *bias = entry->input[next++];
        if (bias->dtype != z->dtype || !cn_shape_equal(bias->shape, CN_SHAPE(l->weights * u)))
            return cn_entry_fail(entry, CN_SHAPES, "the bias must be (%d units)", l->weights);
    }
    for (int i = 0; a->has_states && i < (l->has_cells ? 2 : 1); i++, next++)
        if (entry->input[next]->dtype != z->dtype || !cn_shape_equal(entry->input[next]->shape, state))
            return cn_entry_fail(entry, CN_SHAPES, "the initial states must be (batch, units)");
    const cn_tensor *mask = a->has_mask ? entry->input[next] : NULL;
    if (mask && (mask->dtype != CN_I32 || !cn_shape_equal(mask->shape, CN_SHAPE(batch, time))))
        return cn_entry_fail(entry, CN_SHAPES, "the mask must be int32 of shape (batch, time)");
    output[SEQUENCE] = (cn_type){z->dtype, CN_SHAPE(batch, time, u)};
    output[LAST_H] = (cn_type){z->dtype, state};
    output[HIDDEN] = (cn_type){z->dtype, CN_SHAPE(time + 1, batch, u)};
    output[GATES] = (cn_type){z->dtype, CN_SHAPE(time, batch, l->kept * u)};
    if (l->has_cells) {
        output[LAST_C] = output[LAST_H];
        output[CELLS] = output[HIDDEN];
    }
    return true;
}

static bool forward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    sizes *s = cn_prepared(preparation, sizeof *s);
    forward f;
    if (!s)
        return false;
    *s = sizes_of_sequence(entry);
    const product state = state_product(s, s->rows), reset = reset_product(s, s->rows);
    int64_t packed = packed_bytes(s, state, state_weights(s, NULL));
    s->product_workspace = workspace_of(s, state, state_weights(s, NULL));
    if (s->has_reset) {
        s->product_workspace = larger(s->product_workspace, workspace_of(s, reset, reset_weights(s, NULL)));
        packed += packed_bytes(s, reset, reset_weights(s, NULL));
    }
    set_forward_bytes(&f, s);
    preparation->workspace = (size_t)(larger(s->pieces, 1) * f.piece_bytes);
    preparation->packed = (size_t)packed;
    preparation->pack = packed > 0 ? pack_weights : NULL;
    preparation->packs = 1;
    preparation->flops = 2 * (double)(s->batch * s->time) * (double)cn_shape_size(entry->input[1]->shape);
    preparation->kernel = run_forward;
    return true;
}

/* Backwards: pointers are the gradients of z, of the recurrent weights, of the initial h, of what the products gave
 * (time, batch, columns), and of the initial c of an LSTM; then recurrent, hidden, gates, an LSTM's cells, and the
 * optional inputs. */

enum { DZ, DRECURRENT, DH, INNER, DC, GRADIENTS };

typedef struct back_rows {
    const cn_recurrent_back *back;
    cn_recurrent_back_kernel *kernel;
} back_rows;

static void run_back_rows(void *context, int64_t piece)
{
    const back_rows *job = context;
    cn_recurrent_back part = *job->back;
    part.row = piece * STEP_ROWS;
    part.rows = part.rows - part.row < STEP_ROWS ? part.rows - part.row : STEP_ROWS;
    job->kernel(&part);
}

static void run_back(const sizes *s, const cn_recurrent_back *back, cn_recurrent_back_kernel *kernel)
{
    back_rows job = {back, kernel};
    if (s->shared)
        cn_parallel(cn_divide_up(back->rows, STEP_ROWS), step_nanoseconds(s), run_back_rows, &job);
    else
        kernel(back);
}

typedef struct backward {
    const sizes *sizes;
    unsigned char *output[GRADIENTS];
    unsigned char *recurrent, *hidden, *cells, *gates, *dy, *dh, *dc;
    const int32_t *mask;
    operand state_weights, reset_weights; /* transposed */
    unsigned char *inner;                 /* of all steps as an output, else of `weights_steps` */
    unsigned char *pieces, *weights_workspace;
    int64_t state_bytes, piece_bytes;
} backward;

/* What the gates give back to the hidden state, and to the reset state. */
static product state_back_product(const sizes *s, int64_t rows)
{
    return (product){.m = rows, .n = s->units, .k = s->first, .a_row = s->width, .c_row = s->units};
}

static product reset_back_product(const sizes *s, int64_t rows)
{
    return (product){.m = rows, .n = s->units, .k = s->units, .a_row = s->width, .c_row = s->units};
}

/* The sum over some steps and all samples: hidden states before each step, transposed, times the gradients of what
 * they gave; and the same of the reset states. */
static cn_gemm state_gradient(const sizes *s)
{
    return (cn_gemm){.dtype = s->dtype,
                     .batch = 1,
                     .m = s->units,
                     .n = s->first,
                     .k = s->weights_steps * s->batch,
                     .a_row = 1,
                     .a_column = s->units,
                     .b_row = s->width,
                     .b_column = 1,
                     .ldc = s->width};
}

static cn_gemm reset_gradient(const sizes *s)
{
    cn_gemm gemm = state_gradient(s);
    gemm.n = s->units;
    gemm.a_column = s->kept;
    return gemm;
}

static unsigned char *inner_of(const backward *b, int64_t step)
{
    const sizes *s = b->sizes;
    return at(b->inner, (b->output[INNER] ? step : step % s->weights_steps) * s->batch * s->width, s->element);
}

/* Of the steps from `step` on that are added at once; the later ones have been added before. */
static void add_weights_gradient(const backward *b, int64_t step)
{
    const sizes *s = b->sizes;
    const int64_t e = s->element, steps = cn_least(s->weights_steps, s->time - step);
    unsigned char *inner = inner_of(b, step);
    cn_gemm gemm = state_gradient(s);
    gemm.k = steps * s->batch;
    gemm.accumulate = step + steps < s->time;
    const unsigned char *hidden = at(b->hidden, step * s->batch * s->units, e);
    if (s->small_gradient)
        cn_small_gemm_run(&gemm, &s->gradient, hidden, inner, b->output[DRECURRENT]);
    else
        cn_gemm_run(&gemm, hidden, inner, b->output[DRECURRENT], b->weights_workspace, NULL, NULL);
    if (s->has_reset) {
        const int64_t last = 2 * s->units;
        cn_gemm reset = reset_gradient(s);
        reset.k = gemm.k;
        reset.accumulate = gemm.accumulate;
        cn_gemm_run(&reset, at(b->gates, step * s->batch * s->kept + last, e), at(inner, last, e),
                    at(b->output[DRECURRENT], last, e), b->weights_workspace, NULL, NULL);
    }
}

static void run_backward_piece(void *context, int64_t piece)
{
    const backward *b = context;
    const sizes *s = b->sizes;
    const cn_recurrent_kernels *kernels = cn_kernels_now()->recurrent;
    const int64_t u = s->units, e = s->element, first = piece * s->rows;
    const int64_t rows = s->batch - first < s->rows ? s->batch - first : s->rows;
    const size_t state = (size_t)(rows * u * e);
    unsigned char *dh = b->pieces + piece * b->piece_bytes, *dc = dh + b->state_bytes, *d_reset = dc;
    unsigned char *scratch = dc + b->state_bytes;
    set_state(dh, at(b->dh, first * u, e), state);
    if (s->has_cells)
        set_state(dc, at(b->dc, first * u, e), state);
    cn_recurrent_back back = {.rows = rows,
                              .units = u,
                              .activation = s->attributes.activation,
                              .recurrent_activation = s->attributes.recurrent_activation,
                              .dy_row = s->time * u,
                              .dh = dh,
                              .dc = dc,
                              .d_reset = d_reset,
                              .dz_row = s->time * s->width,
                              .mask_row = s->time};
    for (int64_t i = s->time - 1; i >= 0; i--) {
        int64_t t = s->attributes.backwards ? s->time - 1 - i : i;
        back.gates = at(b->gates, (i * s->batch + first) * s->kept, e);
        back.h_before = at(b->hidden, (i * s->batch + first) * u, e);
        back.c_before = at(b->cells, (i * s->batch + first) * u, e);
        back.dy = at(b->dy, (first * s->time + i) * u, e);
        back.inner = at(inner_of(b, i), first * s->width, e);
        back.dz = at(b->output[DZ], (first * s->time + t) * s->width, e);
        back.mask = b->mask ? b->mask + first * s->time + t : NULL;
        run_back(s, &back, kernels->back[s->attributes.kind][s->dtype]);
        if (s->has_reset) {
            memset(d_reset, 0, state);
            multiply(s, reset_back_product(s, rows), at(back.inner, 2 * u, e), b->reset_weights, d_reset, scratch);
            run_back(s, &back, kernels->back_reset[s->dtype]);
        }
        multiply(s, state_back_product(s, rows), back.inner, b->state_weights, dh, scratch);
        if (s->shared && b->output[DRECURRENT] && i % s->weights_steps == 0)
            add_weights_gradient(b, i);
    }
    if (b->output[DH])
        memcpy(at(b->output[DH], first * u, e), dh, state);
    if (b->output[DC])
        memcpy(at(b->output[DC], first * u, e), dc, state);
}

static void run_lstm8_back_piece(void *context, int64_t piece)
{
    const cn_lstm8_back *sequence = context;
    const int64_t first = piece * SMALL_ROWS;
    cn_kernels_now()->lstm8->backward(sequence, first, cn_least(sequence->rows - first, SMALL_ROWS));
}

static void run_lstm8_back(const backward *b)
{
    const sizes *s = b->sizes;
    const bool backwards = s->attributes.backwards;
    const size_t state = (size_t)(s->batch * s->units * s->element);
    const int64_t last = s->time - 1, e = s->element;
    unsigned char *dh = kept_or(b->output[DH], 0, 0, b->pieces);
    unsigned char *dc = kept_or(b->output[DC], 0, 0, b->pieces + aligned((int64_t)state));
    set_state(dh, b->dh, state);
    set_state(dc, b->dc, state);
    cn_lstm8_back sequence = {.rows = s->batch,
                              .time = s->time,
                              .recurrent = (const float *)b->recurrent,
                              .gates = (const float *)at(b->gates, last * s->batch * s->kept, e),
                              .c_before = (const float *)at(b->cells, last * s->batch * s->units, e),
                              .gates_step = s->batch * s->kept,
                              .c_step = s->batch * s->units,
                              .dy = (const float *)at(b->dy, last * s->units, e),
                              .dy_row = s->time * s->units,
                              .dh = (float *)dh,
                              .dc = (float *)dc,
                              .inner = (float *)at(b->inner, last * s->batch * s->width, e),
                              .inner_step = s->batch * s->width,
                              .dz = (float *)at(b->output[DZ], backwards ? 0 : last * s->width, e),
                              .dz_row = s->time * s->width,
                              .dz_step = backwards ? -s->width : s->width};
    cn_parallel(s->pieces, 2 * nanoseconds(s), run_lstm8_back_piece, &sequence);
}

/* Where a plan leaves out the output. */
static int64_t inner_bytes(const sizes *s)
{
    return aligned(s->weights_steps * s->batch * s->width * s->element);
}

static void set_backward_bytes(backward *b, const sizes *s)
{
    b->state_bytes = aligned(s->rows * s->units * s->element);
    b->piece_bytes = 2 * b->state_bytes + s->product_workspace;
}

static bool run_backward(void *const *pointer, const void *prepared)
{
    const sizes *s = prepared;
    const attributes *a = &s->attributes;
    backward b = {.sizes = s};
    for (int i = 0; i < (s->has_cells ? GRADIENTS : DC); i++)
        b.output[i] = *pointer++;
    b.recurrent = *pointer++;
    b.hidden = *pointer++;
    b.gates = *pointer++;
    b.cells = s->has_cells ? *pointer++ : NULL;
    b.dy = a->has_dy ? *pointer++ : NULL;
    b.dh = a->has_dh ? *pointer++ : NULL;
    b.dc = a->has_dc ? *pointer++ : NULL;
    b.mask = a->has_mask ? *pointer++ : NULL;
    set_backward_bytes(&b, s);
    b.pieces = *pointer;
    b.weights_workspace = b.pieces + s->pieces * b.piece_bytes;
    unsigned char *room = b.weights_workspace + s->weights_workspace;
    b.inner = b.output[INNER] ? b.output[INNER] : room;
    if (s->lstm8) {
        run_lstm8_back(&b);
    } else {
        const product state = state_back_product(s, s->rows), reset = reset_back_product(s, s->rows);
        const operand state_rows = transposed(state_weights(s, b.recurrent));
        room += inner_bytes(s);
        b.state_weights = pack(s, state, state_rows, room);
        if (s->has_reset)
            b.reset_weights =
                pack(s, reset, transposed(reset_weights(s, b.recurrent)), room + packed_bytes(s, state, state_rows));
        cn_parallel(s->pieces, 2 * nanoseconds(s), run_backward_piece, &b);
    }
    if ((!s->shared || s->time == 0) && b.output[DRECURRENT])
        add_weights_gradient(&b, 0);
    return true;
}

static bool backward_infer(const cn_entry *entry, cn_type *output)
{
    const attributes *a = entry->attributes;
    const cn_tensor *recurrent = entry->input[0], *gates = entry->input[2];
    int64_t time = gates->shape.dim[0], batch = gates->shape.dim[1], width = recurrent->shape.dim[1];
    output[DZ] = (cn_type){gates->dtype, CN_SHAPE(batch, time, width)};
    output[DRECURRENT] = (cn_type){gates->dtype, recurrent->shape};
    output[DH] = (cn_type){gates->dtype, CN_SHAPE(batch, recurrent->shape.dim[0])};
    output[INNER] = (cn_type){gates->dtype, CN_SHAPE(time, batch, width)};
    if (layouts[a->kind].has_cells)
        output[DC] = output[DH];
    return true;
}

/* For all steps that are added at once, and for those that are left at the end. */
static int64_t gradient_workspace(const sizes *s, cn_gemm gemm)
{
    const int64_t most = (int64_t)cn_gemm_workspace(&gemm);
    gemm.k = s->time % s->weights_steps * s->batch;
    return aligned(larger(most, (int64_t)cn_gemm_workspace(&gemm)));
}

static bool backward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_tensor *recurrent = entry->input[0], *gates = entry->input[2];
    sizes *s = cn_prepared(preparation, sizeof *s);
    backward b;
    if (!s)
        return false;
    const int64_t time = gates->shape.dim[0], batch = gates->shape.dim[1];
    *s = sizes_of(entry->attributes, gates->dtype, batch, time, recurrent->shape.dim[0]);
    const cn_gemm weights = state_gradient(s);
    s->weights_workspace = gradient_workspace(s, weights);
    s->small_gradient = !s->shared && time > 0 && cn_small_gemm_prepare(&weights, &s->gradient);
    const product state = state_back_product(s, s->rows), reset = reset_back_product(s, s->rows);
    const operand state_rows = transposed(state_weights(s, NULL)), reset_rows = transposed(reset_weights(s, NULL));
    int64_t ready = packed_bytes(s, state, state_rows);
    s->product_workspace = workspace_of(s, state, state_rows);
    if (s->has_reset) {
        s->weights_workspace = larger(s->weights_workspace, gradient_workspace(s, reset_gradient(s)));
        s->product_workspace = larger(s->product_workspace, workspace_of(s, reset, reset_rows));
        ready += packed_bytes(s, reset, reset_rows);
    }
    set_backward_bytes(&b, s);
    preparation->workspace = (size_t)(s->pieces * b.piece_bytes + s->weights_workspace + inner_bytes(s) + ready);
    preparation->flops = 4 * (double)(batch * time) * (double)cn_shape_size(recurrent->shape);
    preparation->kernel = run_backward;
    return true;
}

static const cn_operation recurrent_sequence_grad = {.name = "recurrent_sequence_grad",
                                                     .attributes = sizeof(attributes),
                                                     .flags = CN_OPTIONAL_OUTPUTS,
                                                     .infer = backward_infer,
                                                     .prepare = backward_prepare};

static bool forward_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    attributes a = *(const attributes *)e->attributes;
    const bool has_cells = layouts[a.kind].has_cells;
    cn_tensor *inputs[9] = {e->input[1], e->output[HIDDEN], e->output[GATES]}, *gradients[GRADIENTS];
    int count = 3, next = 2;
    if (has_cells)
        inputs[count++] = e->output[CELLS];
    a.has_dy = dy[SEQUENCE] != NULL;
    a.has_dh = dy[LAST_H] != NULL;
    a.has_dc = has_cells && dy[LAST_C] != NULL;
    if (a.has_dy)
        inputs[count++] = dy[SEQUENCE];
    if (a.has_dh)
        inputs[count++] = dy[LAST_H];
    if (a.has_dc)
        inputs[count++] = dy[LAST_C];
    if (a.has_mask)
        inputs[count++] = e->input[e->input_count - 1];
    if (!cn_record_many(&recurrent_sequence_grad, &a, inputs, count, gradients, has_cells ? GRADIENTS : DC))
        return false;
    dx[0] = gradients[DZ];
    dx[1] = gradients[DRECURRENT];
    if (a.has_bias) {
        if (e->needed[next] && !(dx[next] = cn_sum(gradients[INNER], .axes = CN_AXES(0, 1))))
            return false;
        next++;
    }
    if (a.has_states) {
        dx[next++] = gradients[DH];
        if (has_cells)
            dx[next] = gradients[DC];
    }
    return true;
}

static const cn_operation recurrent_sequence = {.name = "recurrent_sequence",
                                                .attributes = sizeof(attributes),
                                                .flags = CN_OPTIONAL_OUTPUTS,
                                                .infer = forward_infer,
                                                .prepare = forward_prepare,
                                                .vjp = forward_vjp};

bool cn_recurrent_sequence(cn_recurrent_sequence_args args, cn_recurrent_results *results)
{
    const bool has_cells = layouts[args.kind].has_cells;
    attributes a = {.kind = args.kind,
                    .activation = args.activation,
                    .recurrent_activation = args.recurrent_activation,
                    .backwards = args.backwards,
                    .has_bias = args.bias != NULL,
                    .has_states = args.h != NULL,
                    .has_mask = args.mask != NULL};
    cn_tensor *inputs[6] = {args.z, args.recurrent}, *outputs[OUTPUTS] = {NULL};
    int count = 2;
    if (args.bias)
        inputs[count++] = args.bias;
    if (args.h)
        inputs[count++] = args.h;
    if (args.h && has_cells)
        inputs[count++] = args.c;
    if (args.mask)
        inputs[count++] = args.mask;
    bool done = cn_record_many(&recurrent_sequence, &a, inputs, count, outputs, has_cells ? OUTPUTS : LAST_C);
    *results = (cn_recurrent_results){outputs[SEQUENCE], outputs[LAST_H], outputs[LAST_C]};
    return done;
}

extern const cn_operation *const cn_recurrent_operations[];
const cn_operation *const cn_recurrent_operations[] = {&recurrent_sequence, &recurrent_sequence_grad, NULL};
