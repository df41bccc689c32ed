#include "core/ops/recurrent_sequence.h"

const cn_recurrent_layout cn_recurrent_layouts[] = {[CN_SIMPLE_RNN_SEQUENCE] = {1, 1, 1, false},
                                                    [CN_LSTM_SEQUENCE] = {4, 4, 4, true},
                                                    [CN_GRU_SEQUENCE] = {3, 4, 3, false},
                                                    [CN_GRU_BEFORE_SEQUENCE] = {3, 4, 2, false}};

enum { SMALL_UNITS = 32, LARGE_ROWS = 16, PACKED_STEPS = 4, CACHED_BYTES = 384 * 1024 };
/* Of a product that several threads share, and of the sums of steps in the gradient of the weights. */
enum { SHARED_PIECES = 16, WEIGHTS_ROWS = 1024 };

static const double nanoseconds_of_packing = 0.1; /* a byte */

/* Rows a page apart would fall on the same lines of L1. */
int64_t cn_recurrent_kept(cn_recurrence kind, cn_dtype dtype, int64_t units)
{
    enum { PAGE = 4096, LINE = 64 };
    const int64_t element = (int64_t)cn_dtype_size(dtype), columns = cn_recurrent_layouts[kind].kept * units;
    return columns * element % PAGE == 0 ? columns + LINE / element : columns;
}

cn_recurrent_sizes cn_recurrent_sizes_of(const cn_recurrent_attributes *a, cn_dtype dtype, int64_t batch, int64_t time,
                                         int64_t units)
{
    const cn_recurrent_layout *l = &cn_recurrent_layouts[a->kind];
    cn_recurrent_sizes s = {.batch = batch,
                            .time = time,
                            .units = units,
                            .element = (int64_t)cn_dtype_size(dtype),
                            .dtype = dtype,
                            .attributes = *a,
                            .width = l->weights * units,
                            .kept = cn_recurrent_kept(a->kind, dtype, units),
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

static const cn_gemm_type_kernels *gemm_kernels(const cn_recurrent_sizes *s)
{
    return cn_kernels_now()->gemm->type[s->dtype == CN_F64];
}

static int64_t panel_columns(const cn_recurrent_sizes *s)
{
    return 2 * gemm_kernels(s)->width;
}

bool cn_recurrent_is_packed(const cn_recurrent_sizes *s, cn_recurrent_operand b)
{
    return s->small ? b.column != 1 : s->packed && (b.column != 1 || s->batch > 1);
}

int64_t cn_recurrent_packed_bytes(const cn_recurrent_sizes *s, cn_recurrent_product p, cn_recurrent_operand b)
{
    int64_t columns = panel_columns(s);
    return cn_recurrent_is_packed(s, b) ? cn_recurrent_aligned(cn_divide_up(p.n, columns) * columns * p.k * s->element)
                                        : 0;
}

cn_recurrent_operand cn_recurrent_packed_or_not(const cn_recurrent_sizes *s, cn_recurrent_product p,
                                                cn_recurrent_operand b, const unsigned char *packed)
{
    return cn_recurrent_is_packed(s, b) ? (cn_recurrent_operand){packed, s->small ? p.n : panel_columns(s), 1, true}
                                        : b;
}

static cn_gemm gemm_of(const cn_recurrent_sizes *s, cn_recurrent_product p, cn_recurrent_operand b)
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
    const cn_recurrent_sizes *sizes;
    cn_recurrent_product product;
    const void *a;
    cn_recurrent_operand b;
    unsigned char *c;
    int64_t columns; /* of a panel */
    int64_t pieces;
} panels;

/* Where the threads share a step each has columns of its own, whose weights it packs itself: they stay in its cache. */
static panels panels_of(const cn_recurrent_sizes *s, cn_recurrent_product p, const void *a, cn_recurrent_operand b,
                        unsigned char *c)
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
    const cn_recurrent_product *p = &job->product;
    const int64_t columns = job->columns, e = job->sizes->element;
    const cn_range some = part_of(job, piece);
    for (int64_t j = some.first * columns; j < (some.first + some.count) * columns; j += columns)
        gemm_kernels(job->sizes)
            ->pack(cn_least(p->n - j, columns), p->k, job->b.values + j * job->b.column * e, job->b.column, job->b.row,
                   job->c + j * p->k * e, columns, columns);
}

cn_recurrent_operand cn_recurrent_pack(const cn_recurrent_sizes *s, cn_recurrent_product p, cn_recurrent_operand b,
                                       unsigned char *room)
{
    panels job = panels_of(s, p, NULL, b, room);
    if (cn_recurrent_is_packed(s, b))
        cn_parallel(job.pieces, nanoseconds_of_packing * (double)(p.n * p.k * s->element), pack_panels, &job);
    return cn_recurrent_packed_or_not(s, p, b, room);
}

/* Whole panels as one batch, and the last one, which may be narrower. */
static void run_panels(void *context, int64_t piece)
{
    const panels *job = context;
    const cn_recurrent_product *p = &job->product;
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
                    NULL, NULL);
    gemm.batch = 1;
    gemm.n = p->n - last * columns;
    if (end > p->n)
        cn_gemm_run(&gemm, job->a, job->b.values + last * gemm.b_batch * e, job->c + last * columns * e, NULL, NULL);
}

void cn_recurrent_multiply(const cn_recurrent_sizes *s, cn_recurrent_product p, const void *a, cn_recurrent_operand b,
                           unsigned char *c)
{
    if (s->small) {
        cn_kernels_now()->recurrent[s->dtype]->add_product(p.m, p.n, p.k, a, p.a_row, b.values, b.row, c, p.c_row);
    } else if (b.packed) {
        panels job = panels_of(s, p, a, b, c);
        cn_parallel(job.pieces, cn_gemm_nanoseconds(s->dtype, p.m, p.n, p.k), run_panels, &job);
    } else {
        cn_gemm gemm = gemm_of(s, p, b);
        cn_gemm_run(&gemm, a, b.values, c, NULL, NULL);
    }
}
