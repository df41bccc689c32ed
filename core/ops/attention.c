/* Attention, tile by tile: some queries of a head against all keys that they may see. The scores of a tile stay in the
 * cache; kept is only the log of each row's sum of exponentials, from which the gradient computes them again (Dao and
 * others, 2022). */
#include "core/ops/attention.h"
#include "core/engine.h"
#include "core/gemm.h"
#include "core/kernels/kernels.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention_unfused.h"
#include "core/ops/creation.h"
#include "core/ops/reduction.h"
#include "core/ops/softmax.h"
#include "core/pieces.h"
#include <math.h>
#include <string.h>

/* Also those of cn_dot_product_attention, scale being 0 for the usual one there. */
typedef struct attention_attributes {
    double scale;
    int64_t window;
    bool is_causal;
} attention_attributes;

enum { QUERY, KEY, VALUE, OPERANDS };
enum { RESULT, LOGSUMEXP, OUTPUTS };

/* Strides of (batch, place, head, element); of a mask (batch, query, head, key). */
typedef struct attention_strides {
    int64_t batch, place, head, element;
} attention_strides;

typedef struct attention_sizes {
    cn_dtype dtype;
    bool has_mask;
    int64_t element; /* bytes */
    int64_t batch, queries, keys, heads, groups, size, width;
    double scale;
    int64_t behind, ahead; /* as in cn_attention_tile */
    int64_t rows, tiles;   /* queries in a tile, tiles of a head */
    int64_t row;           /* elements between rows of scores */
    int64_t units, pieces; /* units of work are shared out evenly among pieces */
    int64_t scores_bytes;  /* of a tile */
    attention_strides query, key, value, result, mask;
} attention_sizes;

/* A tile's scores stay in L2, beside their gradients. Shorter ones than LEAST_ROWS would read keys and values too
 * often. CAUSAL_TILES skip most of the keys that no query of theirs sees. */
enum { TILE_BYTES = 256 * 1024, MOST_ROWS = 64, LEAST_ROWS = 16, CAUSAL_TILES = 4, MOST_PIECES = 64, ALIGNMENT = 64 };
static const double flops_of_a_piece = 500e3, flops_per_nanosecond = 40;

static int64_t aligned(int64_t bytes)
{
    return cn_divide_up(bytes, ALIGNMENT) * ALIGNMENT;
}

static attention_strides strides_of(const cn_tensor *x)
{
    return (attention_strides){x->stride[0], x->stride[1], x->stride[2], x->stride[3]};
}

/* Types */

static bool check_operands(const cn_entry *entry)
{
    const cn_tensor *query = entry->input[QUERY];
    for (int i = 0; i < OPERANDS; i++) {
        const cn_tensor *x = entry->input[i];
        if (x->dtype == CN_I32 || x->dtype != query->dtype)
            return cn_entry_fail(entry, CN_TYPE, "needs query, key and value of one float type");
        if (x->shape.rank != 4)
            return cn_entry_fail(entry, CN_SHAPES, "needs query, key and value of shape (batch, places, heads, size)");
    }
    const int64_t *q = query->shape.dim, *k = entry->input[KEY]->shape.dim, *v = entry->input[VALUE]->shape.dim;
    if (k[0] != q[0] || v[0] != q[0])
        return cn_entry_fail(entry, CN_SHAPES, "query, key and value are batches of different sizes");
    if (k[1] != v[1] || k[2] != v[2])
        return cn_entry_fail(entry, CN_SHAPES, "there must be a value for each key");
    if (k[3] != q[3])
        return cn_entry_fail(entry, CN_SHAPES, "queries of size %lld do not fit keys of size %lld", (long long)q[3],
                             (long long)k[3]);
    if (k[2] < 1 || q[2] % k[2] != 0)
        return cn_entry_fail(entry, CN_SHAPES, "%lld heads of the query cannot share %lld of the key evenly",
                             (long long)q[2], (long long)k[2]);
    return k[1] > 0 || cn_entry_fail(entry, CN_SHAPES, "there are no keys");
}

static cn_shape scores_shape(const cn_entry *entry)
{
    const int64_t *q = entry->input[QUERY]->shape.dim;
    return CN_SHAPE(q[0], q[2], q[1], entry->input[KEY]->shape.dim[1]);
}

static bool attention_infer(const cn_entry *entry, cn_type *output)
{
    if (!check_operands(entry))
        return false;
    cn_dtype dtype = entry->input[QUERY]->dtype;
    const int64_t *q = entry->input[QUERY]->shape.dim;
    output[RESULT] = (cn_type){dtype, CN_SHAPE(q[0], q[1], q[2], entry->input[VALUE]->shape.dim[3])};
    output[LOGSUMEXP] = (cn_type){dtype, CN_SHAPE(q[0], q[2], q[1])};
    return true;
}

/* Sizes */

static void choose_tiles(attention_sizes *s)
{
    /* An odd number of vectors: rows a multiple of a page apart would fall on the same lines of L1. */
    s->row = (cn_divide_up(s->keys, CN_ATTENTION_LANES) | 1) * CN_ATTENTION_LANES;
    s->rows = TILE_BYTES / (s->row * s->element);
    s->rows = cn_least(s->rows, MOST_ROWS);
    if (s->ahead == 0)
        s->rows = cn_least(s->rows, cn_divide_up(s->queries, CAUSAL_TILES));
    s->rows = s->rows < LEAST_ROWS ? LEAST_ROWS : s->rows;
    if (s->rows > s->queries)
        s->rows = s->queries > 0 ? s->queries : 1;
    s->tiles = cn_divide_up(s->queries, s->rows);
    s->scores_bytes = aligned(s->rows * s->row * s->element);
}

static double flops(const attention_sizes *s)
{
    return 2.0 * (double)(s->batch * s->heads) * (double)s->queries * (double)s->keys * (double)(s->size + s->width);
}

static void choose_pieces(attention_sizes *s, int64_t units)
{
    s->units = units;
    s->pieces = units < 1 ? 0 : cn_least(cn_pieces_of(flops(s), flops_of_a_piece, MOST_PIECES), units);
}

static attention_sizes sizes_of(const cn_entry *entry, const cn_tensor *mask)
{
    const attention_attributes *attributes = entry->attributes;
    const cn_tensor *query = entry->input[QUERY], *key = entry->input[KEY], *value = entry->input[VALUE];
    const int64_t *q = query->shape.dim, *k = key->shape.dim;
    attention_sizes s = {.dtype = query->dtype,
                         .has_mask = mask != NULL,
                         .element = (int64_t)cn_dtype_size(query->dtype),
                         .batch = q[0],
                         .queries = q[1],
                         .heads = q[2],
                         .size = q[3],
                         .keys = k[1],
                         .groups = k[2],
                         .width = value->shape.dim[3],
                         .scale = attributes->scale,
                         .query = strides_of(query),
                         .key = strides_of(key),
                         .value = strides_of(value)};
    int64_t far = s.queries + s.keys;
    s.behind = attributes->window > 0 ? cn_least(attributes->window - 1, far) : far;
    s.ahead = attributes->is_causal ? 0 : s.behind;
    if (mask)
        s.mask = (attention_strides){mask->stride[0], mask->stride[2], mask->stride[1], mask->stride[3]};
    choose_tiles(&s);
    return s;
}

/* Tiles */

typedef struct attention_job {
    const attention_sizes *sizes;
    const char *query, *key, *value, *result_gradient;
    const int32_t *mask;
    char *result, *logsumexp, *query_gradient, *key_gradient, *value_gradient;
    char *workspace;
    int64_t piece_bytes;
} attention_job;

/* The elements of one sample's head that begin at a place. */
static char *at(const attention_sizes *s, const void *base, const attention_strides *stride, int64_t batch,
                int64_t head, int64_t place)
{
    int64_t offset = batch * stride->batch + head * stride->head + place * stride->place;
    return (char *)(uintptr_t)base + offset * s->element;
}

/* The queries from `first` on against the keys that they may see: all if one of them sees none. */
static cn_attention_tile tile_of(const attention_job *job, int64_t batch, int64_t head, int64_t first)
{
    const attention_sizes *s = job->sizes;
    cn_attention_tile tile = {.queries = cn_least(s->rows, s->queries - first),
                              .keys = s->keys,
                              .row = s->row,
                              .query = first,
                              .behind = s->behind,
                              .ahead = s->ahead,
                              .mask_query = s->mask.place,
                              .mask_key = s->mask.element,
                              .scale = s->scale};
    if (job->mask)
        tile.mask = job->mask + batch * s->mask.batch + head * s->mask.head + first * s->mask.place;
    for (int64_t i = 0; i < tile.queries; i++)
        if (!cn_attention_sees_any(tile.mask ? tile.mask + i * tile.mask_query : NULL, tile.mask_key,
                                   cn_attention_range_of(&tile, i)))
            return tile;
    int64_t begin = first - s->behind, end = first + tile.queries + s->ahead;
    tile.key = begin > 0 ? begin : 0;
    tile.keys = cn_least(s->keys, end) - tile.key;
    if (tile.mask)
        tile.mask += tile.key * tile.mask_key;
    return tile;
}

/* scores = query key^T, or the gradient of the weights, result gradient value^T. */
static void score(const attention_job *job, const cn_attention_tile *tile, const char *left,
                  const attention_strides *left_stride, const char *right, const attention_strides *right_stride,
                  int64_t size, char *scores)
{
    cn_gemm product = {.dtype = job->sizes->dtype,
                       .batch = 1,
                       .m = tile->queries,
                       .n = tile->keys,
                       .k = size,
                       .a_row = left_stride->place,
                       .a_column = left_stride->element,
                       .b_row = right_stride->element,
                       .b_column = right_stride->place,
                       .ldc = tile->row};
    cn_gemm_run(&product, left, right, scores, NULL, NULL);
}

/* to = scores x, of the tile's keys. */
static void mix(const attention_job *job, const cn_attention_tile *tile, const char *scores, const char *x,
                const attention_strides *x_stride, int64_t width, char *to, int64_t to_row)
{
    cn_gemm product = {.dtype = job->sizes->dtype,
                       .batch = 1,
                       .m = tile->queries,
                       .n = width,
                       .k = tile->keys,
                       .a_row = tile->row,
                       .a_column = 1,
                       .b_row = x_stride->place,
                       .b_column = x_stride->element,
                       .ldc = to_row};
    cn_gemm_run(&product, scores, x, to, NULL, NULL);
}

/* to += scores^T x, of the tile's queries. */
static void spread(const attention_job *job, const cn_attention_tile *tile, const char *scores, const char *x,
                   const attention_strides *x_stride, int64_t width, char *to, int64_t to_row)
{
    cn_gemm product = {.dtype = job->sizes->dtype,
                       .accumulate = true,
                       .batch = 1,
                       .m = tile->keys,
                       .n = width,
                       .k = tile->queries,
                       .a_row = 1,
                       .a_column = tile->row,
                       .b_row = x_stride->place,
                       .b_column = x_stride->element,
                       .ldc = to_row};
    cn_gemm_run(&product, scores, x, to, NULL, NULL);
}

/* Forwards */

static void run_forward_unit(const attention_job *job, int64_t unit, char *workspace)
{
    const attention_sizes *s = job->sizes;
    int64_t first = unit % s->tiles * s->rows, head = unit / s->tiles % s->heads, batch = unit / s->tiles / s->heads;
    int64_t group = head * s->groups / s->heads;
    cn_attention_tile tile = tile_of(job, batch, head, first);
    char *scores = workspace, *logsumexp = scores + s->scores_bytes;
    if (job->logsumexp)
        logsumexp = job->logsumexp + ((batch * s->heads + head) * s->queries + first) * s->element;
    score(job, &tile, at(s, job->query, &s->query, batch, head, first), &s->query,
          at(s, job->key, &s->key, batch, group, tile.key), &s->key, s->size, scores);
    cn_kernels_now()->attention[s->dtype]->weigh(&tile, scores, logsumexp);
    if (job->result)
        mix(job, &tile, scores, at(s, job->value, &s->value, batch, group, tile.key), &s->value, s->width,
            at(s, job->result, &s->result, batch, head, first), s->result.place);
}

static void run_units(const attention_job *job, int64_t piece,
                      void (*run)(const attention_job *job, int64_t unit, char *workspace))
{
    const attention_sizes *s = job->sizes;
    const cn_range part = cn_part(s->units, s->pieces, piece);
    for (int64_t unit = part.first; unit < part.first + part.count; unit++)
        run(job, unit, job->workspace + piece * job->piece_bytes);
}

static void run_forward_piece(void *job, int64_t piece)
{
    run_units(job, piece, run_forward_unit);
}

static int64_t forward_bytes(const attention_sizes *s)
{
    return s->scores_bytes + aligned(s->rows * s->element);
}

static bool run_forward(void *const *pointer, const void *prepared)
{
    const attention_sizes *s = prepared;
    void *const *input = pointer + OUTPUTS;
    attention_job job = {.sizes = s,
                         .result = pointer[RESULT],
                         .logsumexp = pointer[LOGSUMEXP],
                         .query = input[QUERY],
                         .key = input[KEY],
                         .value = input[VALUE],
                         .mask = s->has_mask ? input[OPERANDS] : NULL,
                         .workspace = input[OPERANDS + s->has_mask],
                         .piece_bytes = forward_bytes(s)};
    if (job.result || job.logsumexp)
        cn_parallel(s->pieces, flops(s) / flops_per_nanosecond, run_forward_piece, &job);
    return true;
}

/* The strides of a dense tensor (batch, places, heads, width). */
static attention_strides dense_strides(int64_t places, int64_t heads, int64_t width)
{
    return (attention_strides){places * heads * width, heads * width, width, 1};
}

static bool attention_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    attention_sizes *s = cn_prepared(preparation, sizeof *s);
    if (!s)
        return false;
    *s = sizes_of(entry, entry->input_count > OPERANDS ? entry->input[OPERANDS] : NULL);
    s->result = dense_strides(s->queries, s->heads, s->width);
    choose_pieces(s, s->batch * s->heads * s->tiles);
    preparation->workspace = (size_t)(s->pieces * forward_bytes(s));
    preparation->flops = flops(s);
    preparation->kernel = run_forward;
    return true;
}

/* Backwards: the inputs are query, key, value, logsumexp, the gradient of the result and the mask, if any; the outputs
 * the gradients of the first three. A unit is a group of a sample, whose heads share the gradients of key and value. */

enum { LOGSUMEXP_IN = OPERANDS, GRADIENT_IN, MASK_IN };

static void clear(const attention_sizes *s, char *x, int64_t places, int64_t row, int64_t width)
{
    for (int64_t i = 0; x && i < places; i++)
        memset(x + i * row * s->element, 0, (size_t)(width * s->element));
}

static char *at_or_null(const attention_sizes *s, char *base, const attention_strides *stride, int64_t batch,
                        int64_t head, int64_t place)
{
    return base ? at(s, base, stride, batch, head, place) : NULL;
}

static void run_backward_tile(const attention_job *job, int64_t batch, int64_t head, int64_t first, char *workspace)
{
    const attention_sizes *s = job->sizes;
    const attention_strides of_query = dense_strides(s->queries, s->heads, s->size);
    const attention_strides of_key = dense_strides(s->keys, s->groups, s->size);
    const attention_strides of_value = dense_strides(s->keys, s->groups, s->width);
    int64_t group = head * s->groups / s->heads;
    cn_attention_tile tile = tile_of(job, batch, head, first);
    char *weights = workspace, *gradients = weights + s->scores_bytes;
    const char *query = at(s, job->query, &s->query, batch, head, first);
    const char *key = at(s, job->key, &s->key, batch, group, tile.key);
    const char *value = at(s, job->value, &s->value, batch, group, tile.key);
    const char *dy = at(s, job->result_gradient, &s->result, batch, head, first);
    char *dq = at_or_null(s, job->query_gradient, &of_query, batch, head, first);
    char *dk = at_or_null(s, job->key_gradient, &of_key, batch, group, tile.key);
    char *dv = at_or_null(s, job->value_gradient, &of_value, batch, group, tile.key);
    char *logsumexp = job->logsumexp + ((batch * s->heads + head) * s->queries + first) * s->element;
    bool below = dq || dk;
    score(job, &tile, query, &s->query, key, &s->key, s->size, weights);
    if (below)
        score(job, &tile, dy, &s->result, value, &s->value, s->width, gradients);
    cn_kernels_now()->attention[s->dtype]->differentiate(&tile, logsumexp, weights, below ? gradients : NULL);
    if (dv)
        spread(job, &tile, weights, dy, &s->result, s->width, dv, of_value.place);
    if (dk)
        spread(job, &tile, gradients, query, &s->query, s->size, dk, of_key.place);
    if (dq)
        mix(job, &tile, gradients, key, &s->key, s->size, dq, of_query.place);
}

static void run_backward_unit(const attention_job *job, int64_t unit, char *workspace)
{
    const attention_sizes *s = job->sizes;
    const attention_strides of_key = dense_strides(s->keys, s->groups, s->size);
    const attention_strides of_value = dense_strides(s->keys, s->groups, s->width);
    int64_t group = unit % s->groups, batch = unit / s->groups, shared = s->heads / s->groups;
    clear(s, at_or_null(s, job->key_gradient, &of_key, batch, group, 0), s->keys, of_key.place, s->size);
    clear(s, at_or_null(s, job->value_gradient, &of_value, batch, group, 0), s->keys, of_value.place, s->width);
    for (int64_t head = group * shared; head < (group + 1) * shared; head++)
        for (int64_t first = 0; first < s->queries; first += s->rows)
            run_backward_tile(job, batch, head, first, workspace);
}

static void run_backward_piece(void *job, int64_t piece)
{
    run_units(job, piece, run_backward_unit);
}

static int64_t backward_bytes(const attention_sizes *s)
{
    return 2 * s->scores_bytes;
}

static bool run_backward(void *const *pointer, const void *prepared)
{
    const attention_sizes *s = prepared;
    void *const *input = pointer + OPERANDS;
    attention_job job = {.sizes = s,
                         .query_gradient = pointer[QUERY],
                         .key_gradient = pointer[KEY],
                         .value_gradient = pointer[VALUE],
                         .query = input[QUERY],
                         .key = input[KEY],
                         .value = input[VALUE],
                         .logsumexp = input[LOGSUMEXP_IN],
                         .result_gradient = input[GRADIENT_IN],
                         .mask = s->has_mask ? input[MASK_IN] : NULL,
                         .workspace = input[MASK_IN + s->has_mask],
                         .piece_bytes = backward_bytes(s)};
    cn_parallel(s->pieces, 2.5 * flops(s) / flops_per_nanosecond, run_backward_piece, &job);
    return true;
}

static bool backward_infer(const cn_entry *entry, cn_type *output)
{
    for (int i = 0; i < OPERANDS; i++)
        output[i] = (cn_type){entry->input[i]->dtype, entry->input[i]->shape};
    return true;
}

static bool backward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    attention_sizes *s = cn_prepared(preparation, sizeof *s);
    if (!s)
        return false;
    *s = sizes_of(entry, entry->input_count > MASK_IN ? entry->input[MASK_IN] : NULL);
    s->result = strides_of(entry->input[GRADIENT_IN]);
    choose_pieces(s, s->batch * s->groups);
    preparation->workspace = (size_t)(s->pieces * backward_bytes(s));
    preparation->flops = 2.5 * flops(s); /* the scores are computed again */
    preparation->kernel = run_backward;
    return true;
}

static const cn_operation attention_grad = {.name = "attention_grad",
                                            .attributes = sizeof(attention_attributes),
                                            .flags = CN_STRIDED | CN_OPTIONAL_OUTPUTS,
                                            .infer = backward_infer,
                                            .prepare = backward_prepare};

static bool attention_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *inputs[] = {e->input[QUERY], e->input[KEY], e->input[VALUE], e->output[LOGSUMEXP], dy[RESULT], NULL};
    if (!dy[RESULT])
        return true;
    if (e->input_count > OPERANDS)
        inputs[MASK_IN] = e->input[OPERANDS];
    return cn_record_many(&attention_grad, e->attributes, inputs, MASK_IN + (e->input_count > OPERANDS), dx, OPERANDS);
}

static const cn_operation attention = {.name = "attention",
                                       .attributes = sizeof(attention_attributes),
                                       .flags = CN_STRIDED | CN_OPTIONAL_OUTPUTS,
                                       .infer = attention_infer,
                                       .prepare = attention_prepare,
                                       .vjp = attention_vjp};

/* The public operation */

static cn_tensor *unfused(const cn_entry *entry, cn_tape *tape, const attention_attributes *attributes, cn_tensor *mask)
{
    cn_tensor *seen, *query = entry->input[QUERY], *key = entry->input[KEY];
    if (!cn_attention_seen(tape, query->shape.dim[1], key->shape.dim[1], mask, attributes->is_causal,
                           attributes->window, &seen))
        return NULL;
    cn_tensor *scores = cn_attention_scores(query, key, attributes->scale);
    if (seen && scores)
        scores = cn_where(seen, scores, cn_full_like(scores, scores->dtype == CN_F64 ? -1e300 : -1e38));
    return cn_attention_mix(cn_softmax(scores), entry->input[VALUE]);
}

static bool dot_product_attention_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    attention_attributes attributes = *(const attention_attributes *)entry->attributes;
    cn_tensor *mask = entry->input_count > OPERANDS ? entry->input[OPERANDS] : NULL;
    if (!check_operands(entry))
        return false;
    if (attributes.window < 0)
        return cn_entry_fail(entry, CN_ARGUMENT, "sliding_window must be positive, not %lld",
                             (long long)attributes.window);
    if (attributes.scale == 0)
        attributes.scale = 1 / sqrt((double)entry->input[QUERY]->shape.dim[3]);
    if (mask) {
        cn_shape shape = scores_shape(entry);
        int more = shape.rank - mask->shape.rank;
        for (int d = 0; d < mask->shape.rank; d++)
            if (more < 0 || (mask->shape.dim[d] != 1 && mask->shape.dim[d] != shape.dim[d + more]))
                return cn_entry_fail(entry, CN_SHAPES, "the mask does not fit (batch, heads, queries, keys)");
        if (mask->dtype != CN_I32)
            mask = cn_not_equal(mask, cn_scalar(mask, 0));
        if (!(mask = cn_broadcast_to(mask, shape)))
            return false;
    }
    if (tape->second_order)
        return (*output = unfused(entry, tape, &attributes, mask)) != NULL;
    cn_tensor *inputs[] = {entry->input[QUERY], entry->input[KEY], entry->input[VALUE], mask}, *outputs[OUTPUTS];
    bool done = cn_record_many(&attention, &attributes, inputs, OPERANDS + (mask != NULL), outputs, OUTPUTS);
    *output = outputs[RESULT];
    return done;
}

static const cn_operation dot_product_attention = {.name = "dot_product_attention",
                                                   .attributes = sizeof(attention_attributes),
                                                   .expand = dot_product_attention_expand};

cn_tensor *cn_dot_product_attention_with(cn_dot_product_attention_args args)
{
    cn_tensor *inputs[] = {args.query, args.key, args.value, args.mask};
    return cn_record(&dot_product_attention, &(attention_attributes){args.scale, args.sliding_window, args.is_causal},
                     inputs, OPERANDS + (args.mask != NULL));
}

extern const cn_operation *const cn_attention_operations[];
const cn_operation *const cn_attention_operations[] = {&attention, &attention_grad, &dot_product_attention, NULL};
