#include "core/engine.h"
#include "core/ops/recurrent_sequence.h"
#include "core/ops/reduction.h"

static cn_recurrent_sizes sizes_of_sequence(const cn_entry *entry)
{
    const cn_tensor *z = entry->input[0];
    return cn_recurrent_sizes_of(entry->attributes, z->dtype, z->shape.dim[0], z->shape.dim[1],
                                 entry->input[1]->shape.dim[0]);
}

cn_recurrent_way cn_recurrent_way_of(const cn_entry *sequence)
{
    const cn_recurrent_sizes s = sizes_of_sequence(sequence);
    return (cn_recurrent_way){s.small, s.shared, s.packed, s.lstm8, s.pieces, cn_divide_up(s.time, s.weights_steps)};
}
typedef struct forward {
    const cn_recurrent_sizes *sizes;
    unsigned char *output[OUTPUTS];
    unsigned char *z, *recurrent, *bias, *h, *c;
    cn_recurrent_operand state_weights, reset_weights;
    const int32_t *mask;
    unsigned char *workspace;
    int64_t state_bytes, gates_bytes, piece_bytes; /* of one piece's workspace */
} forward;

/* The hidden state's part of the gates, and that of the reset state. */
static cn_recurrent_product state_product(const cn_recurrent_sizes *s, int64_t rows)
{
    return (cn_recurrent_product){.m = rows, .n = s->first, .k = s->units, .a_row = s->units, .c_row = s->kept};
}

static cn_recurrent_product reset_product(const cn_recurrent_sizes *s, int64_t rows)
{
    return (cn_recurrent_product){.m = rows, .n = s->units, .k = s->units, .a_row = s->kept, .c_row = s->kept};
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
static void run_step(const cn_recurrent_sizes *s, const cn_recurrent_step *step, cn_recurrent_step_kernel *kernel)
{
    step_rows job = {step, kernel};
    if (s->shared)
        cn_parallel(cn_divide_up(step->rows, STEP_ROWS), cn_recurrent_step_nanoseconds(s), run_step_rows, &job);
    else
        kernel(step);
}

/* One piece's samples through the whole sequence. */
static void run_forward_piece(void *context, int64_t piece)
{
    const forward *f = context;
    const cn_recurrent_sizes *s = f->sizes;
    const cn_recurrent_kernels *kernels = cn_kernels_now()->recurrent[s->dtype];
    const cn_recurrence kind = s->attributes.kind;
    const int64_t u = s->units, e = s->element, first = piece * s->rows;
    const int64_t rows = s->batch - first < s->rows ? s->batch - first : s->rows;
    const size_t state = (size_t)(rows * u * e);
    unsigned char *room = f->workspace + piece * f->piece_bytes;
    unsigned char *h = cn_recurrent_kept_or(f->output[HIDDEN], first * u, e, room);
    unsigned char *c =
        s->has_cells ? cn_recurrent_kept_or(f->output[CELLS], first * u, e, room + f->state_bytes) : NULL;
    unsigned char *gates = cn_recurrent_kept_or(f->output[GATES], first * s->kept, e, room + 2 * f->state_bytes);
    cn_recurrent_set_state(h, cn_recurrent_at(f->h, first * u, e), state);
    if (c)
        cn_recurrent_set_state(c, cn_recurrent_at(f->c, first * u, e), state);
    cn_recurrent_step step = {.rows = rows,
                              .units = u,
                              .gates_row = s->kept,
                              .activation = s->attributes.activation,
                              .recurrent_activation = s->attributes.recurrent_activation,
                              .bias = f->bias,
                              .z_row = s->time * s->width,
                              .y_row = s->time * u,
                              .mask_row = s->time};
    for (int64_t i = 0; i < s->time; i++) {
        int64_t t = s->attributes.backwards ? s->time - 1 - i : i;
        step.z = cn_recurrent_at(f->z, (first * s->time + t) * s->width, e);
        step.h_before = h;
        step.c_before = c;
        step.gates = gates;
        step.h = h = f->output[HIDDEN] ? cn_recurrent_at(h, s->batch * u, e) : h;
        step.c = c = s->has_cells && f->output[CELLS] ? cn_recurrent_at(c, s->batch * u, e) : c;
        step.y = cn_recurrent_at(f->output[SEQUENCE], (first * s->time + i) * u, e);
        step.mask = f->mask ? f->mask + first * s->time + t : NULL;
        run_step(s, &step, kernels->begin[kind]);
        cn_recurrent_multiply(s, state_product(s, rows), step.h_before, f->state_weights, gates);
        if (s->has_reset) {
            run_step(s, &step, kernels->reset);
            cn_recurrent_multiply(s, reset_product(s, rows), cn_recurrent_at(gates, 2 * u, e), f->reset_weights,
                                  cn_recurrent_at(gates, 3 * u, e));
        }
        run_step(s, &step, kernels->end[kind]);
        gates = f->output[GATES] ? cn_recurrent_at(gates, s->batch * s->kept, e) : gates;
    }
    if (f->output[LAST_H])
        memcpy(cn_recurrent_at(f->output[LAST_H], first * u, e), h, state);
    if (f->output[LAST_C])
        memcpy(cn_recurrent_at(f->output[LAST_C], first * u, e), c, state);
}

static void set_forward_bytes(forward *f, const cn_recurrent_sizes *s)
{
    f->state_bytes = cn_recurrent_aligned(s->rows * s->units * s->element);
    f->gates_bytes = cn_recurrent_aligned(s->rows * s->kept * s->element);
    f->piece_bytes = 2 * f->state_bytes + f->gates_bytes;
}

/* Those of the reset state lie behind the others. */
static bool pack_weights(void *const *pointer, const void *prepared)
{
    const cn_recurrent_sizes *s = prepared;
    const cn_recurrent_product state = state_product(s, s->rows);
    const cn_recurrent_operand weights = cn_recurrent_state_weights(s, pointer[1]);
    cn_recurrent_pack(s, state, weights, pointer[0]);
    if (s->has_reset)
        cn_recurrent_pack(s, reset_product(s, s->rows), cn_recurrent_reset_weights(s, pointer[1]),
                          (unsigned char *)pointer[0] + cn_recurrent_packed_bytes(s, state, weights));
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
    const cn_recurrent_sizes *s = f->sizes;
    const bool backwards = s->attributes.backwards;
    const size_t state = (size_t)(s->batch * s->units * s->element);
    unsigned char *h = cn_recurrent_kept_or(f->output[HIDDEN], 0, 0, f->workspace);
    unsigned char *c =
        cn_recurrent_kept_or(f->output[CELLS], 0, 0, f->workspace + cn_recurrent_aligned((int64_t)state));
    cn_recurrent_set_state(h, f->h, state);
    cn_recurrent_set_state(c, f->c, state);
    cn_lstm8 sequence = {.rows = s->batch,
                         .time = s->time,
                         .recurrent = (const float *)f->recurrent,
                         .z =
                             (const float *)cn_recurrent_at(f->z, backwards ? (s->time - 1) * s->width : 0, s->element),
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
    cn_parallel(s->pieces, cn_recurrent_nanoseconds(s), run_lstm8_piece, &sequence);
    if (f->output[LAST_H])
        memcpy(f->output[LAST_H], (float *)h + s->time * sequence.h_step, state);
    if (f->output[LAST_C])
        memcpy(f->output[LAST_C], (float *)c + s->time * sequence.c_step, state);
}

static bool run_forward(void *const *pointer, const void *prepared)
{
    const cn_recurrent_sizes *s = prepared;
    const cn_recurrent_attributes *a = &s->attributes;
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
    const cn_recurrent_product state = state_product(s, s->rows);
    f.state_weights = cn_recurrent_state_weights(s, f.recurrent);
    const bool packed = cn_recurrent_is_packed(s, f.state_weights);
    const int64_t behind = cn_recurrent_packed_bytes(s, state, f.state_weights);
    if (s->has_reset)
        f.reset_weights =
            cn_recurrent_packed_or_not(s, reset_product(s, s->rows), cn_recurrent_reset_weights(s, f.recurrent),
                                       packed ? (unsigned char *)*pointer + behind : NULL);
    f.state_weights = cn_recurrent_packed_or_not(s, state, f.state_weights, packed ? *pointer : NULL);
    cn_parallel(s->pieces, cn_recurrent_nanoseconds(s), run_forward_piece, &f);
    return true;
}

static bool forward_infer(const cn_entry *entry, cn_type *output)
{
    const cn_recurrent_attributes *a = entry->attributes;
    const cn_recurrent_layout *l = &cn_recurrent_layouts[a->kind];
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
    output[GATES] = (cn_type){z->dtype, CN_SHAPE(time, batch, cn_recurrent_kept(a->kind, z->dtype, u))};
    if (l->has_cells) {
        output[LAST_C] = output[LAST_H];
        output[CELLS] = output[HIDDEN];
    }
    return true;
}

static bool forward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    cn_recurrent_sizes *s = cn_prepared(preparation, sizeof *s);
    forward f;
    if (!s)
        return false;
    *s = sizes_of_sequence(entry);
    const cn_recurrent_product state = state_product(s, s->rows), reset = reset_product(s, s->rows);
    int64_t packed = cn_recurrent_packed_bytes(s, state, cn_recurrent_state_weights(s, NULL));
    if (s->has_reset) {
        packed += cn_recurrent_packed_bytes(s, reset, cn_recurrent_reset_weights(s, NULL));
    }
    set_forward_bytes(&f, s);
    preparation->workspace = (size_t)(cn_most(s->pieces, 1) * f.piece_bytes);
    preparation->packed = (size_t)packed;
    preparation->pack = packed > 0 ? pack_weights : NULL;
    preparation->packs = 1;
    preparation->flops = 2 * (double)(s->batch * s->time) * (double)cn_shape_size(entry->input[1]->shape);
    preparation->kernel = run_forward;
    return true;
}

static bool forward_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_recurrent_attributes a = *(const cn_recurrent_attributes *)e->attributes;
    const bool has_cells = cn_recurrent_layouts[a.kind].has_cells;
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
    if (!cn_record_many(&cn_recurrent_sequence_grad, &a, inputs, count, gradients, has_cells ? GRADIENTS : DC))
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
                                                .attributes = sizeof(cn_recurrent_attributes),
                                                .flags = CN_OPTIONAL_OUTPUTS,
                                                .infer = forward_infer,
                                                .prepare = forward_prepare,
                                                .vjp = forward_vjp};

bool cn_recurrent_sequence(cn_recurrent_sequence_args args, cn_recurrent_results *results)
{
    const bool has_cells = cn_recurrent_layouts[args.kind].has_cells;
    cn_recurrent_attributes a = {.kind = args.kind,
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
const cn_operation *const cn_recurrent_operations[] = {&recurrent_sequence, &cn_recurrent_sequence_grad, NULL};
