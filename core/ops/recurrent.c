#include "core/ops/recurrent.h"
#include "core/engine.h"
#include "core/gemm.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"
#include <string.h>

/* Outputs: what cn_lstm_sequence gives, then what the gradient needs: all hidden and cell states from before the first
 * step on, and the gates as the kernels keep them. */
enum { HIDDEN = CN_LSTM_RESULTS, CELLS, GATES, OUTPUTS };

typedef struct lstm_attributes {
    cn_gate activation, recurrent_activation;
    bool backwards, has_states, has_mask;
    bool has_dy, has_dh, has_dc; /* of the gradient: which of its optional inputs are there */
} lstm_attributes;

/* What both directions run by. */
typedef struct lstm_sizes {
    int64_t batch, time, units;
    int64_t element;      /* bytes */
    int64_t rows, pieces; /* each piece takes so many samples through the whole sequence */
    cn_dtype dtype;
    lstm_attributes attributes;
    bool small; /* the step kernels compute the recurrent product themselves */
    int64_t gemm_workspace;
    cn_gemm product; /* of one step, for `rows` samples */
    cn_gemm weights; /* backwards: the gradient of the recurrent weights */
    int64_t weights_workspace;
} lstm_sizes;

enum { SMALL_UNITS = 32, SMALL_ROWS = 64, LARGE_ROWS = 16, CACHED_BYTES = 384 * 1024 };

static int64_t aligned(int64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static lstm_sizes sizes_of(const lstm_attributes *attributes, cn_dtype dtype, int64_t batch, int64_t time,
                           int64_t units)
{
    lstm_sizes s = {.batch = batch, .time = time, .units = units, .dtype = dtype, .attributes = *attributes};
    s.element = (int64_t)cn_dtype_size(dtype);
    s.small = units <= SMALL_UNITS;
    /* While the recurrent weights fit a core's cache each thread takes samples of its own through all steps, without
     * meeting the others; larger ones are split inside the product of each step. */
    bool cached = units * 4 * units * s.element <= CACHED_BYTES;
    s.rows = s.small ? SMALL_ROWS : cached ? LARGE_ROWS : batch;
    if (s.rows > batch || s.rows < 1)
        s.rows = batch > 0 ? batch : 1;
    s.pieces = (batch + s.rows - 1) / s.rows;
    return s;
}

static double nanoseconds(const lstm_sizes *s)
{
    return (double)s->batch * (double)s->time * (double)s->units * (2 + (double)s->units / 8);
}

static unsigned char *at(void *base, int64_t element, int64_t bytes)
{
    return base ? (unsigned char *)base + element * bytes : NULL;
}

/* Forwards */

typedef struct forward {
    const lstm_sizes *sizes;
    unsigned char *output[OUTPUTS];
    unsigned char *z, *recurrent, *h, *c;
    const int32_t *mask;
    unsigned char *workspace;
    int64_t state_bytes, gates_bytes, piece_bytes; /* of one piece's workspace */
} forward;

/* One piece's samples through the whole sequence. */
static void run_forward_piece(void *context, int64_t piece)
{
    const forward *f = context;
    const lstm_sizes *s = f->sizes;
    const int64_t u = s->units, e = s->element, first = piece * s->rows;
    const int64_t rows = s->batch - first < s->rows ? s->batch - first : s->rows;
    const size_t state = (size_t)(rows * u * e);
    unsigned char *room = f->workspace + piece * f->piece_bytes;
    unsigned char *h = f->output[HIDDEN] ? at(f->output[HIDDEN], first * u, e) : room;
    unsigned char *c = f->output[CELLS] ? at(f->output[CELLS], first * u, e) : room + f->state_bytes;
    unsigned char *gates = f->output[GATES] ? at(f->output[GATES], first * 5 * u, e) : room + 2 * f->state_bytes;
    unsigned char *scratch = room + 2 * f->state_bytes + f->gates_bytes;
    if (f->h) {
        memcpy(h, at(f->h, first * u, e), state);
        memcpy(c, at(f->c, first * u, e), state);
    } else {
        memset(h, 0, state);
        memset(c, 0, state);
    }
    cn_lstm_step step = {.rows = rows,
                         .units = u,
                         .activation = s->attributes.activation,
                         .recurrent_activation = s->attributes.recurrent_activation,
                         .recurrent = s->small ? f->recurrent : NULL,
                         .z_row = s->time * 4 * u,
                         .y_row = s->time * u,
                         .mask_row = s->time};
    cn_gemm product = s->product;
    product.m = rows;
    for (int64_t i = 0; i < s->time; i++) {
        int64_t t = s->attributes.backwards ? s->time - 1 - i : i;
        step.z = at(f->z, (first * s->time + t) * 4 * u, e);
        step.h_before = h;
        step.c_before = c;
        step.gates = gates;
        step.h = h = f->output[HIDDEN] ? at(h, s->batch * u, e) : h;
        step.c = c = f->output[CELLS] ? at(c, s->batch * u, e) : c;
        step.y = at(f->output[CN_LSTM_SEQUENCE], (first * s->time + i) * u, e);
        step.mask = f->mask ? f->mask + first * s->time + t : NULL;
        if (!s->small) {
            for (int64_t r = 0; r < rows; r++)
                memcpy(at(gates, r * 5 * u, e), (const unsigned char *)step.z + r * step.z_row * e,
                       (size_t)(4 * u * e));
            step.z = NULL;
            cn_gemm_run(&product, step.h_before, f->recurrent, gates, scratch, NULL, NULL);
        }
        cn_kernels_now()->recurrent->lstm_step[s->dtype](&step);
        gates = f->output[GATES] ? at(gates, s->batch * 5 * u, e) : gates;
    }
    if (f->output[CN_LSTM_H])
        memcpy(at(f->output[CN_LSTM_H], first * u, e), h, state);
    if (f->output[CN_LSTM_C])
        memcpy(at(f->output[CN_LSTM_C], first * u, e), c, state);
}

static bool run_forward(void *const *pointer, const void *prepared)
{
    const lstm_sizes *s = prepared;
    forward f = {.sizes = s};
    for (int i = 0; i < OUTPUTS; i++)
        f.output[i] = pointer[i];
    void *const *input = pointer + OUTPUTS;
    f.z = *input++;
    f.recurrent = *input++;
    if (s->attributes.has_states) {
        f.h = *input++;
        f.c = *input++;
    }
    if (s->attributes.has_mask)
        f.mask = *input++;
    f.workspace = *input;
    f.state_bytes = aligned(s->rows * s->units * s->element);
    f.gates_bytes = aligned(s->rows * 5 * s->units * s->element);
    f.piece_bytes = 2 * f.state_bytes + f.gates_bytes + s->gemm_workspace;
    cn_parallel(s->pieces, nanoseconds(s), run_forward_piece, &f);
    return true;
}

static bool forward_infer(const cn_entry *entry, cn_type *output)
{
    const lstm_attributes *attributes = entry->attributes;
    const cn_tensor *z = entry->input[0], *recurrent = entry->input[1];
    const cn_shape *zs = &z->shape, *rs = &recurrent->shape;
    if (zs->rank != 3 || rs->rank != 2 || rs->dim[1] != 4 * rs->dim[0] || zs->dim[2] != rs->dim[1] ||
        z->dtype == CN_I32 || recurrent->dtype != z->dtype)
        return cn_entry_fail(entry, CN_SHAPES, "needs (batch, time, 4 units) and (units, 4 units) of one float type");
    int64_t batch = zs->dim[0], time = zs->dim[1], u = rs->dim[0];
    cn_shape state = CN_SHAPE(batch, u);
    for (int i = 2; attributes->has_states && i < 4; i++)
        if (entry->input[i]->dtype != z->dtype || !cn_shape_equal(entry->input[i]->shape, state))
            return cn_entry_fail(entry, CN_SHAPES, "the initial states must be (batch, units)");
    const cn_tensor *mask = attributes->has_mask ? entry->input[entry->input_count - 1] : NULL;
    if (mask && (mask->dtype != CN_I32 || !cn_shape_equal(mask->shape, CN_SHAPE(batch, time))))
        return cn_entry_fail(entry, CN_SHAPES, "the mask must be int32 of shape (batch, time)");
    output[CN_LSTM_SEQUENCE] = (cn_type){z->dtype, CN_SHAPE(batch, time, u)};
    output[CN_LSTM_H] = output[CN_LSTM_C] = (cn_type){z->dtype, state};
    output[HIDDEN] = output[CELLS] = (cn_type){z->dtype, CN_SHAPE(time + 1, batch, u)};
    output[GATES] = (cn_type){z->dtype, CN_SHAPE(time, batch, 5 * u)};
    return true;
}

static bool forward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_shape *z = &entry->input[0]->shape;
    lstm_sizes *s = cn_prepared(preparation, sizeof *s);
    if (!s)
        return false;
    *s = sizes_of(entry->attributes, entry->input[0]->dtype, z->dim[0], z->dim[1], z->dim[2] / 4);
    const int64_t u = s->units;
    s->product = (cn_gemm){.dtype = s->dtype,
                           .accumulate = true,
                           .batch = 1,
                           .m = s->rows,
                           .n = 4 * u,
                           .k = u,
                           .a_row = u,
                           .a_column = 1,
                           .b_row = 4 * u,
                           .b_column = 1,
                           .ldc = 5 * u};
    s->gemm_workspace = s->small ? 0 : aligned((int64_t)cn_gemm_workspace(&s->product));
    preparation->workspace = (size_t)(s->pieces * (2 * aligned(s->rows * u * s->element) +
                                                   aligned(s->rows * 5 * u * s->element) + s->gemm_workspace));
    preparation->kernel = run_forward;
    return true;
}

/* Backwards: pointers are dz, the gradient of the recurrent weights, those of the initial states; then recurrent,
 * hidden, cells, gates, and the optional inputs. */

enum { DZ, DRECURRENT, DH, DC, GRADIENTS };

typedef struct backward {
    const lstm_sizes *sizes;
    unsigned char *output[GRADIENTS];
    unsigned char *recurrent, *hidden, *cells, *gates, *dy, *dh, *dc;
    const int32_t *mask;
    unsigned char *dz;     /* in the order of time, (time, batch, 4 units) */
    unsigned char *turned; /* the recurrent weights transposed */
    unsigned char *workspace;
    int64_t state_bytes, piece_bytes;
} backward;

static void begin_state(unsigned char *to, unsigned char *from, size_t bytes)
{
    if (from)
        memcpy(to, from, bytes);
    else
        memset(to, 0, bytes);
}

static void run_backward_piece(void *context, int64_t piece)
{
    const backward *b = context;
    const lstm_sizes *s = b->sizes;
    const int64_t u = s->units, e = s->element, first = piece * s->rows;
    const int64_t rows = s->batch - first < s->rows ? s->batch - first : s->rows;
    const size_t state = (size_t)(rows * u * e);
    unsigned char *dh = b->workspace + piece * b->piece_bytes, *dc = dh + b->state_bytes;
    unsigned char *scratch = dc + b->state_bytes;
    begin_state(dh, at(b->dh, first * u, e), state);
    begin_state(dc, at(b->dc, first * u, e), state);
    cn_lstm_back back = {.rows = rows,
                         .units = u,
                         .activation = s->attributes.activation,
                         .recurrent_activation = s->attributes.recurrent_activation,
                         .turned = s->small ? b->turned : NULL,
                         .dy_row = s->time * u,
                         .dh = dh,
                         .dc = dc,
                         .dz_copy_row = s->time * 4 * u,
                         .mask_row = s->time};
    cn_gemm product = s->product;
    product.m = rows;
    for (int64_t i = s->time - 1; i >= 0; i--) {
        int64_t t = s->attributes.backwards ? s->time - 1 - i : i;
        back.gates = at(b->gates, (i * s->batch + first) * 5 * u, e);
        back.c_before = at(b->cells, (i * s->batch + first) * u, e);
        back.dy = at(b->dy, (first * s->time + i) * u, e);
        back.dz = at(b->dz, (i * s->batch + first) * 4 * u, e);
        back.dz_copy = at(b->output[DZ], (first * s->time + t) * 4 * u, e);
        back.mask = b->mask ? b->mask + first * s->time + t : NULL;
        cn_kernels_now()->recurrent->lstm_back[s->dtype](&back);
        if (!s->small)
            cn_gemm_run(&product, back.dz, b->recurrent, dh, scratch, NULL, NULL);
    }
    if (b->output[DH])
        memcpy(at(b->output[DH], first * u, e), dh, state);
    if (b->output[DC])
        memcpy(at(b->output[DC], first * u, e), dc, state);
}

#define TURN(T, name)                                        \
    static void turn_##name(int64_t u, const T *from, T *to) \
    {                                                        \
        for (int64_t j = 0; j < 4 * u; j++)                  \
            for (int64_t i = 0; i < u; i++)                  \
                to[j * u + i] = from[i * 4 * u + j];         \
    }
TURN(float, f32)
TURN(double, f64)

static bool run_backward(void *const *pointer, const void *prepared)
{
    const lstm_sizes *s = prepared;
    const lstm_attributes *a = &s->attributes;
    backward b = {.sizes = s};
    for (int i = 0; i < GRADIENTS; i++)
        b.output[i] = pointer[i];
    void *const *input = pointer + GRADIENTS;
    b.recurrent = *input++;
    b.hidden = *input++;
    b.cells = *input++;
    b.gates = *input++;
    b.dy = a->has_dy ? *input++ : NULL;
    b.dh = a->has_dh ? *input++ : NULL;
    b.dc = a->has_dc ? *input++ : NULL;
    b.mask = a->has_mask ? *input++ : NULL;
    b.dz = *input;
    b.turned = b.dz + aligned(s->time * s->batch * 4 * s->units * s->element);
    b.workspace = b.turned + (s->small ? aligned(4 * s->units * s->units * s->element) : 0);
    b.state_bytes = aligned(s->rows * s->units * s->element);
    b.piece_bytes = 2 * b.state_bytes + s->gemm_workspace;
    if (s->small && s->dtype == CN_F32)
        turn_f32(s->units, (const float *)(const void *)b.recurrent, (float *)(void *)b.turned);
    else if (s->small)
        turn_f64(s->units, (const double *)(const void *)b.recurrent, (double *)(void *)b.turned);
    cn_parallel(s->pieces, 2 * nanoseconds(s), run_backward_piece, &b);
    if (b.output[DRECURRENT])
        cn_gemm_run(&s->weights, b.hidden, b.dz, b.output[DRECURRENT], b.workspace + s->pieces * b.piece_bytes, NULL,
                    NULL);
    return true;
}

static bool backward_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *recurrent = entry->input[0], *gates = entry->input[3];
    int64_t time = gates->shape.dim[0], batch = gates->shape.dim[1], u = recurrent->shape.dim[0];
    output[DZ] = (cn_type){gates->dtype, CN_SHAPE(batch, time, 4 * u)};
    output[DRECURRENT] = (cn_type){gates->dtype, recurrent->shape};
    output[DH] = output[DC] = (cn_type){gates->dtype, CN_SHAPE(batch, u)};
    return true;
}

static bool backward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_tensor *gates = entry->input[3];
    lstm_sizes *s = cn_prepared(preparation, sizeof *s);
    if (!s)
        return false;
    const int64_t time = gates->shape.dim[0], batch = gates->shape.dim[1], u = gates->shape.dim[2] / 5;
    *s = sizes_of(entry->attributes, gates->dtype, batch, time, u);
    /* dh += dz R^T, where masked samples hold what passes them by. */
    s->product = (cn_gemm){.dtype = s->dtype,
                           .accumulate = true,
                           .batch = 1,
                           .m = s->rows,
                           .n = u,
                           .k = 4 * u,
                           .a_row = 4 * u,
                           .a_column = 1,
                           .b_row = 1,
                           .b_column = 4 * u,
                           .ldc = u};
    /* The sum over all steps and samples at once: hidden states before each step, transposed, times dz. */
    s->weights = (cn_gemm){.dtype = s->dtype,
                           .batch = 1,
                           .m = u,
                           .n = 4 * u,
                           .k = time * batch,
                           .a_row = 1,
                           .a_column = u,
                           .b_row = 4 * u,
                           .b_column = 1,
                           .ldc = 4 * u};
    s->gemm_workspace = s->small ? 0 : aligned((int64_t)cn_gemm_workspace(&s->product));
    s->weights_workspace = aligned((int64_t)cn_gemm_workspace(&s->weights));
    int64_t turned = s->small ? aligned(4 * u * u * s->element) : 0;
    preparation->workspace =
        (size_t)(aligned(time * batch * 4 * u * s->element) + turned +
                 s->pieces * (2 * aligned(s->rows * u * s->element) + s->gemm_workspace) + s->weights_workspace);
    preparation->kernel = run_backward;
    return true;
}

static const cn_operation lstm_sequence_grad = {.name = "lstm_sequence_grad",
                                                .attributes = sizeof(lstm_attributes),
                                                .flags = CN_OPTIONAL_OUTPUTS,
                                                .infer = backward_infer,
                                                .prepare = backward_prepare};

static bool forward_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    lstm_attributes attributes = *(const lstm_attributes *)e->attributes;
    cn_tensor *inputs[8] = {e->input[1], e->output[HIDDEN], e->output[CELLS], e->output[GATES]};
    int count = 4;
    attributes.has_dy = dy[CN_LSTM_SEQUENCE] != NULL;
    attributes.has_dh = dy[CN_LSTM_H] != NULL;
    attributes.has_dc = dy[CN_LSTM_C] != NULL;
    for (int i = 0; i < CN_LSTM_RESULTS; i++)
        if (dy[i])
            inputs[count++] = dy[i];
    if (attributes.has_mask)
        inputs[count++] = e->input[e->input_count - 1];
    cn_tensor *gradients[GRADIENTS];
    if (!cn_record_many(&lstm_sequence_grad, &attributes, inputs, count, gradients, GRADIENTS))
        return false;
    dx[0] = gradients[DZ];
    dx[1] = gradients[DRECURRENT];
    if (attributes.has_states) {
        dx[2] = gradients[DH];
        dx[3] = gradients[DC];
    }
    return true;
}

static const cn_operation lstm_sequence = {.name = "lstm_sequence",
                                           .attributes = sizeof(lstm_attributes),
                                           .flags = CN_OPTIONAL_OUTPUTS,
                                           .infer = forward_infer,
                                           .prepare = forward_prepare,
                                           .vjp = forward_vjp};

bool cn_lstm_sequence(cn_lstm_sequence_args args, cn_tensor *results[CN_LSTM_RESULTS])
{
    lstm_attributes attributes = {.activation = args.activation,
                                  .recurrent_activation = args.recurrent_activation,
                                  .backwards = args.backwards,
                                  .has_states = args.h != NULL,
                                  .has_mask = args.mask != NULL};
    cn_tensor *inputs[5] = {args.z, args.recurrent}, *outputs[OUTPUTS];
    int count = 2;
    if (args.h) {
        inputs[count++] = args.h;
        inputs[count++] = args.c;
    }
    if (args.mask)
        inputs[count++] = args.mask;
    bool done = cn_record_many(&lstm_sequence, &attributes, inputs, count, outputs, OUTPUTS);
    memcpy(results, outputs, CN_LSTM_RESULTS * sizeof *results);
    return done;
}

extern const cn_operation *const cn_recurrent_operations[];
const cn_operation *const cn_recurrent_operations[] = {&lstm_sequence, &lstm_sequence_grad, NULL};
