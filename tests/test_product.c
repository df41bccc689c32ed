#include "core/engine.h"
#include "expect.h"
#include <stdio.h>

static cn_tape *tape;

static void setup(void)
{
    tape = cn_tape_new();
}

static void teardown(void)
{
    cn_tape_free(tape);
}

TestSuite(product, .init = setup, .fini = teardown);

static cn_tensor *counting(cn_shape shape)
{
    return expect_counting(tape, shape);
}

/* Element (row, column) of a matrix that is given by its values in row-major order. */
static double sum_of_products(const double *a, const double *b, int64_t k, int64_t columns, int64_t row, int64_t column)
{
    double sum = 0;
    for (int64_t i = 0; i < k; i++)
        sum += a[row * k + i] * b[i * columns + column];
    return sum;
}

static void expect_values(cn_tensor *got, const double *wanted, const char *what)
{
    int64_t count = cn_shape_size(cn_shape_of(got));
    double *values = calloc((size_t)count + 1, sizeof *values);
    cr_assert(cn_values(got, cn_array_with(values, CN_ARRAY_F64, true, cn_shape_of(got))), "%s", cn_error_message());
    for (int64_t i = 0; i < count; i++)
        cr_assert_float_eq(values[i], wanted[i], 1e-9 * (1 + fabs(wanted[i])), "%s: element %lld is %g, not %g", what,
                           (long long)i, values[i], wanted[i]);
    free(values);
}

/* Matmul */

Test(product, matmul_multiplies_matrices)
{
    EXPECT(cn_matmul(counting(CN_SHAPE(2, 3)), counting(CN_SHAPE(3, 2))), CN_SHAPE(2, 2), 10, 13, 28, 40);
}

Test(product, matmul_takes_a_vector_as_a_row_or_a_column)
{
    cn_tensor *m = counting(CN_SHAPE(2, 3)), *two = counting(CN_SHAPE(2)), *three = counting(CN_SHAPE(3));
    EXPECT(cn_matmul(two, m), CN_SHAPE(3), 3, 4, 5);
    EXPECT(cn_matmul(m, three), CN_SHAPE(2), 5, 14);
    EXPECT(cn_matmul(three, three), CN_SHAPE(), 5);
    EXPECT(cn_matmul(counting(CN_SHAPE(2, 2, 3)), three), CN_SHAPE(2, 2), 5, 14, 23, 32);
    EXPECT(cn_matmul(two, counting(CN_SHAPE(2, 2, 2))), CN_SHAPE(2, 2), 2, 3, 6, 7);
}

/* Every way in which leading dimensions may meet, also through strides. */
Test(product, matmul_broadcasts_leading_dimensions)
{
    struct {
        cn_shape a, b;
        bool transposed;
    } cases[] = {
        {CN_SHAPE(3, 2, 4), CN_SHAPE(4, 5), false},          {CN_SHAPE(2, 4), CN_SHAPE(3, 4, 5), false},
        {CN_SHAPE(3, 1, 2, 4), CN_SHAPE(3, 4, 5), false},    {CN_SHAPE(2, 3, 2, 4), CN_SHAPE(3, 4, 5), false},
        {CN_SHAPE(2, 1, 3, 4), CN_SHAPE(1, 3, 4, 5), false}, {CN_SHAPE(2, 1, 1, 2, 4), CN_SHAPE(3, 2, 4, 1), false},
        {CN_SHAPE(3, 2, 4), CN_SHAPE(4, 5), true},           {CN_SHAPE(2, 1, 3, 4), CN_SHAPE(2, 3, 4, 5), true},
        {CN_SHAPE(2, 3, 1, 4), CN_SHAPE(4, 5), false},       {CN_SHAPE(2, 0, 4), CN_SHAPE(4, 5), false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cn_tensor *a = counting(cases[i].a), *b = counting(cases[i].b);
        if (cases[i].transposed) {
            int last = cases[i].a.rank - 1;
            a = cn_swapaxes(cn_reshape(a, cn_shape_of(cn_swapaxes(a, -1, -2))), last, last - 1);
            b = cn_swapaxes(cn_reshape(b, cn_shape_of(cn_swapaxes(b, -1, -2))), -1, -2);
        }
        cn_tensor *c = cn_matmul(a, b);
        cr_assert_not_null(c, "%s", cn_error_message());
        cn_shape lead = cn_shape_of(c);
        int64_t m = lead.dim[lead.rank - 2], n = lead.dim[lead.rank - 1], k = 4, batch = 1;
        cn_shape whole_a = lead, whole_b = lead;
        whole_a.dim[lead.rank - 1] = whole_b.dim[lead.rank - 2] = k;
        for (int d = 0; d < lead.rank - 2; d++)
            batch *= lead.dim[d];
        double *av = calloc((size_t)(batch * m * k) + 1, sizeof *av),
               *bv = calloc((size_t)(batch * k * n) + 1, sizeof *bv);
        double *wanted = calloc((size_t)(batch * m * n) + 1, sizeof *wanted);
        cr_assert(cn_values(cn_broadcast_to(a, whole_a), cn_array_with(av, CN_ARRAY_F64, true, whole_a)));
        cr_assert(cn_values(cn_broadcast_to(b, whole_b), cn_array_with(bv, CN_ARRAY_F64, true, whole_b)));
        for (int64_t e = 0; e < batch * m * n; e++)
            wanted[e] = sum_of_products(av + e / (m * n) * m * k, bv + e / (m * n) * k * n, k, n, e / n % m, e % n);
        char what[16];
        snprintf(what, sizeof what, "case %zu", i);
        expect_values(c, wanted, what);
        free(av);
        free(bv);
        free(wanted);
    }
}

Test(product, matmul_of_nothing_is_zero)
{
    EXPECT(cn_matmul(counting(CN_SHAPE(2, 0)), counting(CN_SHAPE(0, 2))), CN_SHAPE(2, 2), 0, 0, 0, 0);
}

Test(product, matmul_reads_transposed_operands_where_they_lie)
{
    cn_tensor *a = cn_transpose(counting(CN_SHAPE(3, 2))), *b = counting(CN_SHAPE(3, 2));
    cn_tensor *c = cn_matmul(a, b);
    EXPECT(c, CN_SHAPE(2, 2), 20, 26, 26, 35);
    cr_assert_eq(c->entry->input[0], a);
}

Test(product, matmul_refuses_what_does_not_fit)
{
    cn_tensor *a = counting(CN_SHAPE(2, 3));
    expect_error(!cn_matmul(a, counting(CN_SHAPE(4, 5))), "matmul: inner sizes differ: (2, 3) x (4, 5)");
    expect_error(!cn_matmul(a, counting(CN_SHAPE(2))), "matmul: inner sizes differ: (2, 3) x (2,)");
    expect_error(!cn_matmul(counting(CN_SHAPE()), a), "matmul: a scalar is no matrix: () x (2, 3)");
    expect_error(!cn_matmul(counting(CN_SHAPE(2, 1, 3)), counting(CN_SHAPE(3, 3, 1))),
                 "matmul: leading dimensions cannot be broadcast: (2, 1, 3) x (3, 3, 1)");
    cn_tensor *single = cn_zeros(tape, CN_SHAPE(3, 1), .dtype = CN_F32);
    expect_error(!cn_matmul(a, single), "matmul: needs operands of one float type, not float64 with float32; cn_cast "
                                        "converts: (2, 3) x (3, 1)");
}

/* Operands cut out of one tensor, so that both get gradients. */
static cn_tensor *part(cn_tensor *x, int64_t first, cn_shape shape)
{
    return cn_reshape(cn_slice(x, CN_SHAPE(first), CN_SHAPE(cn_shape_size(shape))), shape);
}

#define PRODUCT_OF(name, operation, size_a, ...)                       \
    static cn_tensor *name(cn_tensor *x)                               \
    {                                                                  \
        cn_shape a = size_a, b = __VA_ARGS__;                          \
        return operation(part(x, 0, a), part(x, cn_shape_size(a), b)); \
    }

PRODUCT_OF(matrix_by_matrix, cn_matmul, CN_SHAPE(2, 3), CN_SHAPE(3, 2))
PRODUCT_OF(stack_by_matrix, cn_matmul, CN_SHAPE(2, 2, 3), CN_SHAPE(3, 2))
PRODUCT_OF(matrix_by_stack, cn_matmul, CN_SHAPE(2, 3), CN_SHAPE(2, 3, 2))
PRODUCT_OF(stack_by_stack, cn_matmul, CN_SHAPE(2, 1, 2, 2), CN_SHAPE(3, 2, 2))
PRODUCT_OF(matrix_by_vector, cn_matmul, CN_SHAPE(2, 3), CN_SHAPE(3))
PRODUCT_OF(stack_by_vector, cn_matmul, CN_SHAPE(2, 2, 3), CN_SHAPE(3))
PRODUCT_OF(vector_by_matrix, cn_matmul, CN_SHAPE(3), CN_SHAPE(3, 2))
PRODUCT_OF(vector_by_stack, cn_matmul, CN_SHAPE(3), CN_SHAPE(2, 3, 2))
PRODUCT_OF(vector_by_vector, cn_matmul, CN_SHAPE(4), CN_SHAPE(4))

static const struct {
    const char *name;
    expect_function *f;
    int64_t size;
} products[] = {{"matrix by matrix", matrix_by_matrix, 12}, {"stack by matrix", stack_by_matrix, 18},
                {"matrix by stack", matrix_by_stack, 18},   {"stack by stack", stack_by_stack, 20},
                {"matrix by vector", matrix_by_vector, 9},  {"stack by vector", stack_by_vector, 15},
                {"vector by matrix", vector_by_matrix, 9},  {"vector by stack", vector_by_stack, 15},
                {"vector by vector", vector_by_vector, 8}};

Test(product, matmul_has_both_derivatives)
{
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        expect_derivatives(products[i].name, products[i].f, CN_SHAPE(products[i].size));
}

static expect_function *inner;

/* What a plan makes an epilogue of: a bias for every column, then functions of each element. */
static cn_tensor *with_epilogue(cn_tensor *x)
{
    cn_tensor *y = inner(x);
    cn_shape shape = cn_shape_of(y);
    int64_t columns = shape.rank ? shape.dim[shape.rank - 1] : 1;
    cn_tensor *bias = cn_slice(x, CN_SHAPE(1), CN_SHAPE(columns));
    return cn_negative(cn_square(cn_add(y, shape.rank ? bias : cn_reshape(bias, CN_SHAPE()))));
}

Test(product, matmul_gives_the_same_bits_planned_with_an_epilogue)
{
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        inner = products[i].f;
        expect_planned(products[i].name, with_epilogue, CN_SHAPE(products[i].size));
    }
}

Test(product, a_plan_runs_what_follows_a_product_as_its_epilogue)
{
    cn_tape *deferred = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(deferred, CN_SHAPE(2, 3, 4)), *w = cn_feed(deferred, CN_SHAPE(4, 5));
    cn_tensor *b = cn_feed(deferred, CN_SHAPE(5));
    cn_plan *plan = cn_plan_new(deferred, {cn_negative(cn_add(cn_matmul(x, w), b))});
    cr_assert_not_null(plan, "%s", cn_error_message());
    cr_assert_eq(cn_plan_describe(plan).kernels, 1);
    cn_plan_free(plan);
    cn_tape_free(deferred);
}
