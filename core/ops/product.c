#include "core/ops/product.h"
#include "core/chain.h"
#include "core/small_gemm.h"
#include "core/ops/arithmetic.h"
#include "core/ops/axis.h"
#include "core/ops/creation.h"
#include "core/ops/shaping.h"
#include <string.h>

/* Records a product; an operand of integers is converted to the float type of the other. */
static cn_tensor *record_product(const cn_operation *operation, const void *attributes, cn_tensor *a, cn_tensor *b)
{
    cn_tensor *operand[] = {a, b};
    if (cn_read_operands(operand, 2) && (a->dtype == CN_I32) != (b->dtype == CN_I32)) {
        int integer = b->dtype == CN_I32;
        operand[integer] = cn_cast(operand[integer], operand[!integer]->dtype);
    }
    return cn_record(operation, attributes, operand, 2);
}

static bool check_types(const cn_entry *entry)
{
    for (int i = 0; i < entry->input_count; i++)
        if (entry->input[i]->dtype == CN_I32 || entry->input[i]->dtype != entry->input[0]->dtype)
            return cn_entry_fail(entry, CN_TYPE, "needs operands of one float type, not %s with %s; cn_cast converts",
                                 cn_dtype_name(entry->input[0]->dtype), cn_dtype_name(entry->input[i]->dtype));
    return true;
}

/* Matmul */

/* An operand as a stack of matrices: a vector on the left is a row, on the right a column. */
typedef struct matrices {
    int batch_rank;
    int64_t rows, columns, row, column; /* sizes and strides */
} matrices;

static matrices left_matrices(const cn_tensor *a)
{
    int rank = a->shape.rank;
    if (rank == 1)
        return (matrices){0, 1, a->shape.dim[0], 0, a->stride[0]};
    return (matrices){rank - 2, a->shape.dim[rank - 2], a->shape.dim[rank - 1], a->stride[rank - 2],
                      a->stride[rank - 1]};
}

static matrices right_matrices(const cn_tensor *b)
{
    int rank = b->shape.rank;
    if (rank == 1)
        return (matrices){0, b->shape.dim[0], 1, b->stride[0], 0};
    return (matrices){rank - 2, b->shape.dim[rank - 2], b->shape.dim[rank - 1], b->stride[rank - 2],
                      b->stride[rank - 1]};
}

static bool matmul_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *a = entry->input[0], *b = entry->input[1];
    if (!check_types(entry))
        return false;
    if (a->shape.rank == 0 || b->shape.rank == 0)
        return cn_entry_fail(entry, CN_SHAPES, "a scalar is no matrix");
    matrices left = left_matrices(a), right = right_matrices(b);
    if (left.columns != right.rows)
        return cn_entry_fail(entry, CN_SHAPES, "inner sizes differ");
    cn_shape *shape = &output->shape;
    *output = (cn_type){a->dtype, {.rank = left.batch_rank > right.batch_rank ? left.batch_rank : right.batch_rank}};
    for (int d = 0; d < shape->rank; d++) {
        int in_a = d - shape->rank + left.batch_rank, in_b = d - shape->rank + right.batch_rank;
        int64_t size_a = in_a < 0 ? 1 : a->shape.dim[in_a], size_b = in_b < 0 ? 1 : b->shape.dim[in_b];
        if (size_a != size_b && size_a != 1 && size_b != 1)
            return cn_entry_fail(entry, CN_SHAPES, "leading dimensions cannot be broadcast");
        shape->dim[d] = size_a == 1 ? size_b : size_a;
    }
    if (a->shape.rank > 1)
        shape->dim[shape->rank++] = left.rows;
    if (b->shape.rank > 1)
        shape->dim[shape->rank++] = right.columns;
    return true;
}

/* One gemm, over the innermost of the leading dimensions, for every index of the others. */
typedef struct stacked_product {
    cn_epilogue epilogue;
    cn_gemm gemm;
    cn_small_gemm small;
    int element;                  /* bytes */
    bool swapped;                 /* input 1 is the gemm's left operand */
    bool is_small, may_be_packed; /* B, beforehand */
    int outer_rank;
    int64_t outer_count, outer_step; /* how many gemms; elements of the result from one to the next */
    int64_t dim[CN_MAX_RANK], a_stride[CN_MAX_RANK], b_stride[CN_MAX_RANK];
} stacked_product;

typedef struct finished_rows {
    const cn_chain *chain;
    void *const *pointer;
    int64_t first, rows; /* of the whole result: the first row of this gemm, and the rows of one matrix */
} finished_rows;

static void finish_block(void *context, void *c, int64_t ldc, int64_t batch, int64_t row, int64_t rows, int64_t column,
                         int64_t columns)
{
    const finished_rows *finished = context;
    (void)c, (void)ldc;
    cn_run_chain_block(finished->chain, finished->pointer, finished->first + batch * finished->rows + row, rows, column,
                       columns);
}

static bool run_stacked_product(void *const *pointer, const void *prepared)
{
    const stacked_product *p = prepared;
    const char *a = pointer[1 + p->swapped], *b = pointer[2 - p->swapped];
    char *c = pointer[0];
    const void *packed = p->may_be_packed ? pointer[3] : NULL;
    finished_rows finished = {.rows = p->gemm.m};
    if (p->epilogue.chain) {
        finished.chain = (const cn_chain *)(const void *)((const char *)prepared + p->epilogue.chain);
        finished.pointer = pointer + p->epilogue.pointer;
    }
    int64_t index[CN_MAX_RANK] = {0};
    for (int64_t i = 0; i < p->outer_count; i++) {
        if (p->is_small) {
            cn_small_gemm_run(&p->gemm, &p->small, a, b, c);
        } else {
            cn_gemm gemm = p->gemm;
            gemm.b_packed = packed != NULL;
            cn_gemm_run(&gemm, a, packed ? packed : b, c, finished.chain ? finish_block : NULL, &finished);
        }
        finished.first += p->gemm.batch * p->gemm.m;
        c += p->outer_step * p->element;
        for (int d = p->outer_rank - 1; d >= 0; d--) {
            a += p->a_stride[d] * p->element;
            b += p->b_stride[d] * p->element;
            if (++index[d] < p->dim[d])
                break;
            a -= p->dim[d] * p->a_stride[d] * p->element;
            b -= p->dim[d] * p->b_stride[d] * p->element;
            index[d] = 0;
        }
    }
    if (p->is_small && finished.chain)
        cn_run_chain_block(finished.chain, pointer + p->epilogue.pointer, 0, finished.first, 0, p->gemm.n);
    return true;
}

static bool pack_right(void *const *pointer, const void *prepared)
{
    const stacked_product *p = prepared;
    cn_gemm_prepack(&p->gemm, pointer[1], pointer[0]);
    return true;
}

/* The stride of a leading dimension of the result in an operand whose own leading dimensions are fewer or repeated. */
static int64_t leading_stride(const cn_tensor *operand, int operand_rank, int rank, int d)
{
    int own = d - rank + operand_rank;
    return own < 0 || operand->shape.dim[own] == 1 ? 0 : operand->stride[own];
}

static bool matmul_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_tensor *a = entry->input[0], *b = entry->input[1], *c = entry->output[0];
    matrices left = left_matrices(a), right = right_matrices(b);
    stacked_product *p = cn_prepared(preparation, sizeof *p);
    if (!p)
        return false;
    int rank = left.batch_rank > right.batch_rank ? left.batch_rank : right.batch_rank;
    for (int d = 0; d < rank; d++) {
        if (c->shape.dim[d] == 1)
            continue;
        int64_t a_stride = leading_stride(a, left.batch_rank, rank, d);
        int64_t b_stride = leading_stride(b, right.batch_rank, rank, d);
        int last = p->outer_rank - 1;
        if (last >= 0 && p->a_stride[last] == c->shape.dim[d] * a_stride &&
            p->b_stride[last] == c->shape.dim[d] * b_stride) {
            p->dim[last] *= c->shape.dim[d];
            p->a_stride[last] = a_stride;
            p->b_stride[last] = b_stride;
            continue;
        }
        p->dim[p->outer_rank] = c->shape.dim[d];
        p->a_stride[p->outer_rank] = a_stride;
        p->b_stride[p->outer_rank++] = b_stride;
    }
    /* The rows of a result by a vector are those of its leading dimensions: the vector is the left operand then, and
     * what it meets is transposed, so that blocks of the gemm are blocks of the result. */
    bool swapped = p->swapped = b->shape.rank == 1 && a->shape.rank > 1;
    cn_gemm *gemm = &p->gemm;
    gemm->dtype = a->dtype;
    gemm->k = left.columns;
    gemm->m = swapped ? 1 : left.rows;
    gemm->n = swapped ? left.rows : right.columns;
    gemm->a_row = swapped ? 0 : left.row;
    gemm->a_column = swapped ? right.row : left.column;
    gemm->b_row = swapped ? left.column : right.row;
    gemm->b_column = swapped ? left.row : right.column;
    gemm->batch = 1;
    if (swapped)
        for (int d = 0; d < p->outer_rank; d++) {
            p->b_stride[d] = p->a_stride[d];
            p->a_stride[d] = 0;
        }
    int last = p->outer_rank - 1;
    /* One matrix on the right for many on the left that lie evenly: one product with more rows. */
    if (last >= 0 && p->b_stride[last] == 0 && (gemm->m == 1 || p->a_stride[last] == gemm->m * gemm->a_row)) {
        gemm->a_row = gemm->m == 1 ? p->a_stride[last] : gemm->a_row;
        gemm->m *= p->dim[last];
        last = --p->outer_rank - 1;
    }
    if (last >= 0) {
        gemm->batch = p->dim[last];
        gemm->a_batch = p->a_stride[last];
        gemm->b_batch = p->b_stride[last];
        p->outer_rank--;
    }
    gemm->ldc = gemm->n;
    gemm->c_batch = gemm->m * gemm->n;
    p->outer_step = gemm->batch * gemm->c_batch;
    p->outer_count = cn_shape_size(c->shape) ? 1 : 0;
    for (int d = 0; d < p->outer_rank; d++)
        p->outer_count *= p->dim[d];
    p->element = (int)cn_dtype_size(a->dtype);
    preparation->flops =
        2 * (double)(p->outer_count * gemm->batch) * (double)gemm->m * (double)gemm->n * (double)gemm->k;
    p->is_small = cn_small_gemm_prepare(gemm, &p->small);
    if (!p->is_small && p->outer_count == 1 && cn_gemm_wants_packed(gemm)) {
        preparation->packed = cn_gemm_packed_bytes(gemm);
        p->may_be_packed = preparation->if_kept = true;
        preparation->pack = pack_right;
        preparation->packs = 1;
    }
    preparation->kernel = run_stacked_product;
    return true;
}

/* Whether a matrix is one that lies in memory transposed. */
static bool lies_transposed(const cn_tensor *x)
{
    const int64_t *stride = x->stride + x->shape.rank - 2;
    return stride[0] == 1 && stride[1] > 1;
}

static cn_tensor *transposed(cn_tensor *x)
{
    return cn_swapaxes(x, -1, -2);
}

/* x y, as the transpose of its transpose where that is how it should lie in memory. */
static cn_tensor *product_like(const cn_tensor *model, cn_tensor *x, cn_tensor *y)
{
    return lies_transposed(model) ? transposed(cn_matmul(transposed(y), transposed(x))) : cn_matmul(x, y);
}

/* dy x b^T and a^T x dy, lying as a and b do: what they were transposed from takes its gradient without a copy. Vectors
 * become matrices first. */
static bool matmul_vjp(const cn_entry *e, cn_tensor *const *dy_, cn_tensor **dx)
{
    cn_tensor *a = e->input[0], *b = e->input[1], *dy = dy_[0];
    const cn_shape *a_shape = &e->input[0]->shape, *b_shape = &e->input[1]->shape;
    if (b_shape->rank == 1) {
        b = cn_expand_dims(b, 1);
        dy = cn_expand_dims(dy, -1);
    }
    if (a_shape->rank == 1) {
        a = cn_expand_dims(a, 0);
        dy = cn_expand_dims(dy, -2);
    }
    if (!a || !b || !dy)
        return false;
    cn_tensor *da = NULL, *db = NULL;
    if (e->needed[0]) {
        da = cn_sum_to(product_like(a, dy, transposed(b)), a->shape);
        dx[0] = a_shape->rank == 1 ? cn_reshape(da, *a_shape) : da;
    }
    if (e->needed[1]) {
        /* One matrix for many: their rows are summed over in one product. */
        if (b->shape.rank == 2 && a->shape.rank > 2) {
            int64_t rows = cn_span(&a->shape, 0, a->shape.rank - 1);
            a = cn_reshape(a, CN_SHAPE(rows, b->shape.dim[0]));
            dy = cn_reshape(dy, CN_SHAPE(rows, b->shape.dim[1]));
        }
        db = cn_sum_to(product_like(b, transposed(a), dy), b->shape);
        dx[1] = b_shape->rank == 1 ? cn_reshape(db, *b_shape) : db;
    }
    return !cn_failed();
}

static const cn_operation matmul = {.name = "matmul",
                                    .flags = CN_STRIDED | CN_PRODUCT,
                                    .infer = matmul_infer,
                                    .prepare = matmul_prepare,
                                    .vjp = matmul_vjp};

cn_tensor *cn_matmul(cn_tensor *a, cn_tensor *b)
{
    return record_product(&matmul, NULL, a, b);
}

/* Diagonal */

static bool diagonal_axes(const cn_entry *entry, int *axis)
{
    const int *given = entry->attributes;
    int rank = entry->input[0]->shape.rank;
    return cn_axis_of(entry, given[0], rank, &axis[0]) && cn_axis_of(entry, given[1], rank, &axis[1]);
}

static bool diagonal_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *x = entry->input[0];
    int axis[2];
    if (!diagonal_axes(entry, axis))
        return false;
    if (axis[0] == axis[1] || x->shape.dim[axis[0]] != x->shape.dim[axis[1]])
        return cn_entry_fail(entry, CN_SHAPES, "axes %d and %d are not two of one size", axis[0], axis[1]);
    *output = (cn_type){x->dtype, {.rank = 0}};
    for (int d = 0; d < x->shape.rank; d++)
        if (d != axis[0] && d != axis[1])
            output->shape.dim[output->shape.rank++] = x->shape.dim[d];
    output->shape.dim[output->shape.rank++] = x->shape.dim[axis[0]];
    return true;
}

static bool diagonal_view(const cn_entry *entry, int64_t *stride, int64_t *offset)
{
    const cn_tensor *x = entry->input[0];
    int axis[2], to = 0;
    if (!diagonal_axes(entry, axis))
        return false;
    *offset = 0;
    for (int d = 0; d < x->shape.rank; d++)
        if (d != axis[0] && d != axis[1])
            stride[to++] = x->stride[d];
    stride[to] = x->stride[axis[0]] + x->stride[axis[1]];
    return true;
}

static bool diagonal_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    int axis[2];
    if (!diagonal_axes(e, axis))
        return false;
    cn_tensor *eye = cn_eye(dy[0]->tape, e->input[0]->shape.dim[axis[0]], .dtype = dy[0]->dtype);
    dx[0] = cn_moveaxis(cn_mul(cn_expand_dims(dy[0], -1), eye), .sources = CN_AXES(-2, -1),
                        .destinations = CN_AXES(axis[0], axis[1]));
    return dx[0] != NULL;
}

static const cn_operation diagonal = {.name = "diagonal",
                                      .attributes = sizeof(int[2]),
                                      .infer = diagonal_infer,
                                      .view = diagonal_view,
                                      .vjp = diagonal_vjp};

cn_tensor *cn_diagonal(cn_tensor *x, int axis1, int axis2)
{
    return cn_record(&diagonal, (int[]){axis1, axis2}, &x, 1);
}

extern const cn_operation *const cn_product_operations[];
const cn_operation *const cn_product_operations[] = {&matmul, &diagonal, NULL};
