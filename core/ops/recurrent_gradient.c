#include "core/engine.h"
#include "core/ops/recurrent_sequence.h"

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

static void run_back(const cn_recurrent_sizes *s, const cn_recurrent_back *back, cn_recurrent_back_kernel *kernel)
{
    back_rows job = {back, kernel};
    if (s->shared)
        cn_parallel(cn_divide_up(back->rows, STEP_ROWS), cn_recurrent_step_nanoseconds(s), run_back_rows, &job);
    else
        kernel(back);
}

typedef struct backward {
    const cn_recurrent_sizes *sizes;
    unsigned char *output[GRADIENTS];
    unsigned char *recurrent, *hidden, *cells, *gates, *dy, *dh, *dc;
    const int32_t *mask;
    cn_recurrent_operand state_weights, reset_weights; /* transposed */
    unsigned char *inner;                              /* of all steps as an output, else of `weights_steps` */
    unsigned char *pieces;
    int64_t state_bytes, piece_bytes;
} backward;

/* What the gates give back to the hidden state, and to the reset state. */
static cn_recurrent_product state_back_product(const cn_recurrent_sizes *s, int64_t rows)
{
    return (cn_recurrent_product){.m = rows, .n = s->units, .k = s->first, .a_row = s->width, .c_row = s->units};
}

static cn_recurrent_product reset_back_product(const cn_recurrent_sizes *s, int64_t rows)
{
    return (cn_recurrent_product){.m = rows, .n = s->units, .k = s->units, .a_row = s->width, .c_row = s->units};
}

/* The sum over some steps and all samples: hidden states before each step, transposed, times the gradients of what
 * they gave; and the same of the reset states. */
static cn_gemm state_gradient(const cn_recurrent_sizes *s)
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

static cn_gemm reset_gradient(const cn_recurrent_sizes *s)
{
    cn_gemm gemm = state_gradient(s);
    gemm.n = s->units;
    gemm.a_column = s->kept;
    return gemm;
}

static unsigned char *inner_of(const backward *b, int64_t step)
{
    const cn_recurrent_sizes *s = b->sizes;
    return cn_recurrent_at(b->inner, (b->output[INNER] ? step : step % s->weights_steps) * s->batch * s->width,
                           s->element);
}

/* Of the steps from `step` on that are added at once; the later ones have been added before. */
static void add_weights_gradient(const backward *b, int64_t step)
{
    const cn_recurrent_sizes *s = b->sizes;
    const int64_t e = s->element, steps = cn_least(s->weights_steps, s->time - step);
    unsigned char *inner = inner_of(b, step);
    cn_gemm gemm = state_gradient(s);
    gemm.k = steps * s->batch;
    gemm.accumulate = step + steps < s->time;
    const unsigned char *hidden = cn_recurrent_at(b->hidden, step * s->batch * s->units, e);
    if (s->small_gradient)
        cn_small_gemm_run(&gemm, &s->gradient, hidden, inner, b->output[DRECURRENT]);
    else
        cn_gemm_run(&gemm, hidden, inner, b->output[DRECURRENT], NULL, NULL);
    if (s->has_reset) {
        const int64_t last = 2 * s->units;
        cn_gemm reset = reset_gradient(s);
        reset.k = gemm.k;
        reset.accumulate = gemm.accumulate;
        cn_gemm_run(&reset, cn_recurrent_at(b->gates, step * s->batch * s->kept + last, e),
                    cn_recurrent_at(inner, last, e), cn_recurrent_at(b->output[DRECURRENT], last, e), NULL, NULL);
    }
}

static void run_backward_piece(void *context, int64_t piece)
{
    const backward *b = context;
    const cn_recurrent_sizes *s = b->sizes;
    const cn_recurrent_kernels *kernels = cn_kernels_now()->recurrent[s->dtype];
    const int64_t u = s->units, e = s->element, first = piece * s->rows;
    const int64_t rows = s->batch - first < s->rows ? s->batch - first : s->rows;
    const size_t state = (size_t)(rows * u * e);
    unsigned char *dh = b->pieces + piece * b->piece_bytes, *dc = dh + b->state_bytes, *d_reset = dc;
    cn_recurrent_set_state(dh, cn_recurrent_at(b->dh, first * u, e), state);
    if (s->has_cells)
        cn_recurrent_set_state(dc, cn_recurrent_at(b->dc, first * u, e), state);
    cn_recurrent_back back = {.rows = rows,
                              .units = u,
                              .gates_row = s->kept,
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
        back.gates = cn_recurrent_at(b->gates, (i * s->batch + first) * s->kept, e);
        back.h_before = cn_recurrent_at(b->hidden, (i * s->batch + first) * u, e);
        back.c_before = cn_recurrent_at(b->cells, (i * s->batch + first) * u, e);
        back.c = cn_recurrent_at(b->cells, ((i + 1) * s->batch + first) * u, e);
        back.dy = cn_recurrent_at(b->dy, (first * s->time + i) * u, e);
        back.inner = cn_recurrent_at(inner_of(b, i), first * s->width, e);
        back.dz = cn_recurrent_at(b->output[DZ], (first * s->time + t) * s->width, e);
        back.mask = b->mask ? b->mask + first * s->time + t : NULL;
        run_back(s, &back, kernels->back[s->attributes.kind]);
        if (s->has_reset) {
            memset(d_reset, 0, state);
            cn_recurrent_multiply(s, reset_back_product(s, rows), cn_recurrent_at(back.inner, 2 * u, e),
                                  b->reset_weights, d_reset);
            run_back(s, &back, kernels->back_reset);
        }
        cn_recurrent_multiply(s, state_back_product(s, rows), back.inner, b->state_weights, dh);
        if (s->shared && b->output[DRECURRENT] && i % s->weights_steps == 0)
            add_weights_gradient(b, i);
    }
    if (b->output[DH])
        memcpy(cn_recurrent_at(b->output[DH], first * u, e), dh, state);
    if (b->output[DC])
        memcpy(cn_recurrent_at(b->output[DC], first * u, e), dc, state);
}

static void run_lstm8_back_piece(void *context, int64_t piece)
{
    const cn_lstm8_back *sequence = context;
    const int64_t first = piece * SMALL_ROWS;
    cn_kernels_now()->lstm8->backward(sequence, first, cn_least(sequence->rows - first, SMALL_ROWS));
}

static void run_lstm8_back(const backward *b)
{
    const cn_recurrent_sizes *s = b->sizes;
    const bool backwards = s->attributes.backwards;
    const size_t state = (size_t)(s->batch * s->units * s->element);
    const int64_t last = s->time - 1, e = s->element;
    unsigned char *dh = cn_recurrent_kept_or(b->output[DH], 0, 0, b->pieces);
    unsigned char *dc = cn_recurrent_kept_or(b->output[DC], 0, 0, b->pieces + cn_recurrent_aligned((int64_t)state));
    cn_recurrent_set_state(dh, b->dh, state);
    cn_recurrent_set_state(dc, b->dc, state);
    cn_lstm8_back sequence = {.rows = s->batch,
                              .time = s->time,
                              .recurrent = (const float *)b->recurrent,
                              .gates = (const float *)cn_recurrent_at(b->gates, last * s->batch * s->kept, e),
                              .c_before = (const float *)cn_recurrent_at(b->cells, last * s->batch * s->units, e),
                              .gates_step = s->batch * s->kept,
                              .c_step = s->batch * s->units,
                              .dy = (const float *)cn_recurrent_at(b->dy, last * s->units, e),
                              .dy_row = s->time * s->units,
                              .dh = (float *)dh,
                              .dc = (float *)dc,
                              .inner = (float *)cn_recurrent_at(b->inner, last * s->batch * s->width, e),
                              .inner_step = s->batch * s->width,
                              .dz = (float *)cn_recurrent_at(b->output[DZ], backwards ? 0 : last * s->width, e),
                              .dz_row = s->time * s->width,
                              .dz_step = backwards ? -s->width : s->width};
    cn_parallel(s->pieces, 2 * cn_recurrent_nanoseconds(s), run_lstm8_back_piece, &sequence);
}

/* Where a plan leaves out the output. */
static int64_t inner_bytes(const cn_recurrent_sizes *s)
{
    return cn_recurrent_aligned(s->weights_steps * s->batch * s->width * s->element);
}

static void set_backward_bytes(backward *b, const cn_recurrent_sizes *s)
{
    b->state_bytes = cn_recurrent_aligned(s->rows * s->units * s->element);
    b->piece_bytes = 2 * b->state_bytes;
}

static bool run_backward(void *const *pointer, const void *prepared)
{
    const cn_recurrent_sizes *s = prepared;
    const cn_recurrent_attributes *a = &s->attributes;
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
    unsigned char *room = b.pieces + s->pieces * b.piece_bytes;
    b.inner = b.output[INNER] ? b.output[INNER] : room;
    if (s->lstm8) {
        run_lstm8_back(&b);
    } else {
        const cn_recurrent_product state = state_back_product(s, s->rows), reset = reset_back_product(s, s->rows);
        const cn_recurrent_operand state_rows = cn_recurrent_transposed(cn_recurrent_state_weights(s, b.recurrent));
        room += inner_bytes(s);
        b.state_weights = cn_recurrent_pack(s, state, state_rows, room);
        if (s->has_reset)
            b.reset_weights =
                cn_recurrent_pack(s, reset, cn_recurrent_transposed(cn_recurrent_reset_weights(s, b.recurrent)),
                                  room + cn_recurrent_packed_bytes(s, state, state_rows));
        cn_parallel(s->pieces, 2 * cn_recurrent_nanoseconds(s), run_backward_piece, &b);
    }
    if ((!s->shared || s->time == 0) && b.output[DRECURRENT])
        add_weights_gradient(&b, 0);
    return true;
}

static bool backward_infer(const cn_entry *entry, cn_type *output)
{
    const cn_recurrent_attributes *a = entry->attributes;
    const cn_tensor *recurrent = entry->input[0], *gates = entry->input[2];
    int64_t time = gates->shape.dim[0], batch = gates->shape.dim[1], width = recurrent->shape.dim[1];
    output[DZ] = (cn_type){gates->dtype, CN_SHAPE(batch, time, width)};
    output[DRECURRENT] = (cn_type){gates->dtype, recurrent->shape};
    output[DH] = (cn_type){gates->dtype, CN_SHAPE(batch, recurrent->shape.dim[0])};
    output[INNER] = (cn_type){gates->dtype, CN_SHAPE(time, batch, width)};
    if (cn_recurrent_layouts[a->kind].has_cells)
        output[DC] = output[DH];
    return true;
}

static bool backward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_tensor *recurrent = entry->input[0], *gates = entry->input[2];
    cn_recurrent_sizes *s = cn_prepared(preparation, sizeof *s);
    backward b;
    if (!s)
        return false;
    const int64_t time = gates->shape.dim[0], batch = gates->shape.dim[1];
    *s = cn_recurrent_sizes_of(entry->attributes, gates->dtype, batch, time, recurrent->shape.dim[0]);
    const cn_gemm weights = state_gradient(s);
    s->small_gradient = !s->shared && time > 0 && cn_small_gemm_prepare(&weights, &s->gradient);
    const cn_recurrent_product state = state_back_product(s, s->rows), reset = reset_back_product(s, s->rows);
    const cn_recurrent_operand state_rows = cn_recurrent_transposed(cn_recurrent_state_weights(s, NULL)),
                               reset_rows = cn_recurrent_transposed(cn_recurrent_reset_weights(s, NULL));
    int64_t ready = cn_recurrent_packed_bytes(s, state, state_rows);
    if (s->has_reset) {
        ready += cn_recurrent_packed_bytes(s, reset, reset_rows);
    }
    set_backward_bytes(&b, s);
    preparation->workspace = (size_t)(s->pieces * b.piece_bytes + inner_bytes(s) + ready);
    preparation->flops = 4 * (double)(batch * time) * (double)cn_shape_size(recurrent->shape);
    preparation->kernel = run_backward;
    return true;
}

const cn_operation cn_recurrent_sequence_grad = {.name = "recurrent_sequence_grad",
                                                 .attributes = sizeof(cn_recurrent_attributes),
                                                 .flags = CN_OPTIONAL_OUTPUTS,
                                                 .infer = backward_infer,
                                                 .prepare = backward_prepare};
