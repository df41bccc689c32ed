#include "core/engine.h"
#include "expect.h"
#include <stdio.h>
#include <string.h>

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

/* Tensordot, dot, batch_dot, outer, diagonal */

Test(product, tensordot_sums_over_the_paired_axes)
{
    cn_tensor *a = counting(CN_SHAPE(2, 3)), *b = counting(CN_SHAPE(3, 2));
    EXPECT(cn_tensordot(a, b, 1), CN_SHAPE(2, 2), 10, 13, 28, 40);
    EXPECT(cn_tensordot(a, a), CN_SHAPE(), 55);
    EXPECT(cn_tensordot(a, b, .axes_a = CN_AXES(1, 0), .axes_b = CN_AXES(0, -1)), CN_SHAPE(), 50);
    EXPECT(cn_tensordot(counting(CN_SHAPE(2)), counting(CN_SHAPE(2)), 0), CN_SHAPE(2, 2), 0, 0, 0, 1);
}

Test(product, dot_sums_over_the_last_axis_and_the_last_but_one)
{
    cn_tensor *a = counting(CN_SHAPE(2, 2)), *b = counting(CN_SHAPE(2, 2, 1));
    EXPECT(cn_dot(a, b), CN_SHAPE(2, 2, 1), 1, 3, 3, 13);
    EXPECT(cn_dot(b, counting(CN_SHAPE(1))), CN_SHAPE(2, 2), 0, 0, 0, 0);
    EXPECT(cn_dot(a, cn_scalar(a, 2)), CN_SHAPE(2, 2), 0, 2, 4, 6);
}

Test(product, batch_dot_takes_kerass_default_axes)
{
    cn_tensor *x = counting(CN_SHAPE(2, 2)), *y = counting(CN_SHAPE(2, 2, 1));
    EXPECT(cn_batch_dot(x, x), CN_SHAPE(2, 1), 1, 13);
    EXPECT(cn_batch_dot(x, y), CN_SHAPE(2, 1), 1, 13);
    EXPECT(cn_batch_dot(y, y, 1), CN_SHAPE(2, 1, 1), 1, 13);
    expect_error(!cn_batch_dot(x, y, 0), "batch_dot: axis 0 is the batch: (2, 2) x (2, 2, 1)");
}

Test(product, outer_multiplies_all_pairs)
{
    EXPECT(cn_outer(counting(CN_SHAPE(2)), counting(CN_SHAPE(1, 3))), CN_SHAPE(2, 3), 0, 0, 0, 0, 1, 2);
}

Test(product, diagonal_is_a_view_along_two_axes)
{
    cn_tensor *x = counting(CN_SHAPE(2, 3, 2)), *y = cn_diagonal(x, 0, -1);
    EXPECT(y, CN_SHAPE(3, 2), 0, 7, 2, 9, 4, 11);
    cr_assert_eq(cn_base(y), cn_base(x));
    expect_error(!cn_diagonal(x, 0, 1), "diagonal: axes 0 and 1 are not two of one size: (2, 3, 2)");
}

Test(product, contractions_refuse_what_does_not_fit)
{
    cn_tensor *a = counting(CN_SHAPE(2, 3)), *b = counting(CN_SHAPE(4, 5));
    expect_error(!cn_tensordot(a, b, 1), "tensordot: axes 1 and 0 have different sizes: (2, 3) x (4, 5)");
    expect_error(!cn_tensordot(a, b, 3), "tensordot: cannot sum over 3 axes: (2, 3) x (4, 5)");
    expect_error(!cn_tensordot(a, a, .axes_a = CN_AXES(0, 0), .axes_b = CN_AXES(0, 0)),
                 "tensordot: an axis is given twice: (2, 3) x (2, 3)");
    expect_error(!cn_tensordot(a, a, .axes_a = CN_AXES(2), .axes_b = CN_AXES(0)),
                 "tensordot: there is no axis 2 in a tensor of rank 2: (2, 3) x (2, 3)");
    expect_error(!cn_dot(a, b), "dot: axes -1 and 0 have different sizes: (2, 3) x (4, 5)");
}

/* Einsum */

enum { LETTERS = 26 };

/* The sum over all indices, as the equation says it: operands of counting numbers, letters i to p of sizes 2, 3, 2, ...
 */
static int64_t size_of(char letter)
{
    return 2 + (letter - 'i') % 2;
}

static cn_shape shape_of_term(const char *term, size_t length)
{
    cn_shape shape = {.rank = (int)length};
    for (size_t i = 0; i < length; i++)
        shape.dim[i] = size_of(term[i]);
    return shape;
}

static int64_t place(const char *term, size_t length, const int64_t *index)
{
    int64_t at = 0;
    for (size_t i = 0; i < length; i++)
        at = at * size_of(term[i]) + index[term[i] - 'a'];
    return at;
}

static void expect_einsum(const char *equation)
{
    const char *term[4] = {equation}, *output = strstr(equation, "->") + 2;
    size_t length[4];
    int count = 0;
    for (bool more = true; more; count++) {
        length[count] = strcspn(term[count], ",-");
        more = term[count][length[count]] == ',';
        if (more)
            term[count + 1] = term[count] + length[count] + 1;
    }
    cn_tensor *operand[4];
    char used[LETTERS] = "";
    for (int i = 0; i < count; i++) {
        operand[i] = counting(shape_of_term(term[i], length[i]));
        for (size_t j = 0; j < length[i]; j++)
            if (!strchr(used, term[i][j]))
                used[strlen(used)] = term[i][j];
    }
    double wanted[256] = {0};
    int64_t index[LETTERS] = {0}, all = 1;
    for (size_t i = 0; i < strlen(used); i++)
        all *= size_of(used[i]);
    for (int64_t n = 0; n < all; n++) {
        int64_t rest = n;
        double product = 1;
        for (size_t i = 0; i < strlen(used); i++) {
            index[used[i] - 'a'] = rest % size_of(used[i]);
            rest /= size_of(used[i]);
        }
        for (int i = 0; i < count; i++)
            product *= (double)place(term[i], length[i], index);
        wanted[place(output, strlen(output), index)] += product;
    }
    cn_tensor *got = cn_einsum_with(equation, operand, count);
    cr_assert_not_null(got, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cn_shape_of(got), shape_of_term(output, strlen(output))), "%s", equation);
    expect_values(got, wanted, equation);
}

Test(product, einsum_sums_what_its_equation_says)
{
    const char *const equations[] = {"ij,jk->ik",   "ij,jk->ki",     "ij->ji",         "ij->",          "ii->i",
                                     "ii->",        "iij->j",        "iji,j->i",       "i,j->ij",       "ij,ij->",
                                     "ijk,ikl->jl", "ijk,lkm->ijlm", "ijkl,jkml->iml", "ijk,jik->kij",  "ij,jk,kl->il",
                                     "i,i,i->i",    "ij,k->k",       "ijk,jk,k->ij",   "ij,kj,lj->ikl", "ik,jk->"};
    for (size_t i = 0; i < sizeof equations / sizeof *equations; i++)
        expect_einsum(equations[i]);
}

static void expect_same(cn_tensor *a, cn_tensor *b)
{
    cr_assert(a && b, "%s", cn_error_message());
    double values[256];
    cr_assert(cn_shape_equal(cn_shape_of(a), cn_shape_of(b)));
    cr_assert(cn_values(b, cn_array_with(values, CN_ARRAY_F64, true, cn_shape_of(b))));
    expect_values(a, values, "einsum");
}

Test(product, einsum_broadcasts_what_the_ellipsis_stands_for)
{
    cn_tensor *a = counting(CN_SHAPE(2, 3, 4)), *b = counting(CN_SHAPE(4, 2)), *one = counting(CN_SHAPE(2, 1, 2, 4));
    expect_same(cn_einsum("...ij,jk->...ik", a, b), cn_matmul(a, b));
    expect_same(cn_einsum("...ij,...kj->...ik", one, a), cn_matmul(one, cn_swapaxes(a, -1, -2)));
    expect_same(cn_einsum("i...->...i", a), cn_moveaxis(a, 0, -1));
    cn_shape kept = cn_shape_of(cn_einsum("...j,j->...", one, counting(CN_SHAPE(4))));
    cr_assert(cn_shape_equal(kept, CN_SHAPE(2, 1, 2)));
}

Test(product, einsum_without_an_output_takes_labels_that_occur_once)
{
    cn_tensor *a = counting(CN_SHAPE(2, 3)), *b = counting(CN_SHAPE(3, 2));
    expect_same(cn_einsum("ij , jk", a, b), cn_matmul(a, b));
    expect_same(cn_einsum("ba", a), cn_transpose(a));
    expect_same(cn_einsum("bA", a), cn_transpose(a));
    expect_same(cn_einsum("...j,jk", a, b), cn_matmul(a, b));
}

Test(product, einsum_reads_operands_where_they_lie)
{
    cn_tensor *q = counting(CN_SHAPE(2, 3, 2, 4)), *k = counting(CN_SHAPE(2, 5, 2, 4));
    cn_tensor *scores = cn_einsum("bqhd,bkhd->bhqk", q, k);
    cr_assert_not_null(scores, "%s", cn_error_message());
    cr_assert_str_eq(scores->entry->operation->name, "matmul");
    cr_assert_eq(cn_base(scores->entry->input[0]), cn_base(q));
    cr_assert_eq(cn_base(scores->entry->input[1]), cn_base(k));
}

Test(product, einsum_refuses_what_makes_no_sense)
{
    cn_tensor *a = counting(CN_SHAPE(2, 3)), *b = counting(CN_SHAPE(4, 5));
    expect_error(!cn_einsum("ij,jk->ik", a, b), "einsum: ij,jk->ik: j has the sizes 3 and 4: (2, 3) x (4, 5)");
    expect_error(!cn_einsum("ijk->i", a), "einsum: ijk->i: 3 labels for 2 axes: (2, 3)");
    expect_error(!cn_einsum("ij->ik", a), "einsum: ij->ik: no operand has k: (2, 3)");
    expect_error(!cn_einsum("ij->ii", a), "einsum: ij->ii: the output has i twice: (2, 3)");
    expect_error(!cn_einsum("ij,jk", a), "einsum: ij,jk: has more terms than operands: (2, 3)");
    expect_error(!cn_einsum("ij", a, b), "einsum: ij: has fewer terms than operands: (2, 3) x (4, 5)");
    expect_error(!cn_einsum("i1->i", a), "einsum: i1->i: unexpected '1': (2, 3)");
    expect_error(!cn_einsum("ij-", a), "einsum: ij-: what follows the operands is not ->output: (2, 3)");
    expect_error(!cn_einsum("i...->i", a), "einsum: i...->i: the output lacks ...: (2, 3)");
    expect_error(!cn_einsum("...,...->...", a, b),
                 "einsum: ...,...->...: the dimensions of ... cannot be broadcast: (2, 3) x (4, 5)");
}

Test(product, einsum_takes_as_many_scalars_as_the_equation_has_room_for)
{
    enum { SCALARS = 125 };
    char equation[SCALARS + 2] = "";
    cn_tensor *scalar[SCALARS], *two = cn_full(tape, CN_SHAPE(), 2, .dtype = CN_F64);
    for (int i = 0; i < SCALARS; i++) {
        scalar[i] = two;
        equation[i] = ',';
    }
    strcpy(equation + SCALARS - 1, "->");
    cr_assert_eq(cn_item(cn_einsum_with(equation, scalar, SCALARS)), ldexp(1, SCALARS), "%s", cn_error_message());
    expect_error(!cn_einsum_with("->", NULL, 1), "einsum: there are no operands");
}

Test(product, an_int32_variable_takes_the_float_type_of_the_other_operand)
{
    const int32_t counts[] = {1, 2, 3};
    cn_tensor *n = cn_variable_new(CN_SHAPE(3), .dtype = CN_I32);
    cn_variable_set(n, cn_array(counts, 3));
    EXPECT(cn_matmul(counting(CN_SHAPE(2, 3)), n), CN_SHAPE(2), 8, 26);
    cn_variable_free(n);
}
