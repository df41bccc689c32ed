/* EinsumDense: its three forms of equations, the shapes of its weights, gradients, wrong use. */
#include "expect.h"
#include <string.h>

static void teardown(void)
{
    cn_clear_session();
}
TestSuite(einsum_dense, .fini = teardown);

typedef struct form {
    const char *equation, *bias_axes;
    cn_shape output, in, kernel, bias, out;
} form;

static const form forms[] = {
    {"ab,bc->ac", "c", {1, {5}}, {2, {2, 3}}, {2, {3, 5}}, {1, {5}}, {2, {2, 5}}},
    {"abc,cd->abd", "d", {2, {-1, 5}}, {3, {2, 4, 3}}, {2, {3, 5}}, {1, {5}}, {3, {2, 4, 5}}},
    {"abc,cde->abde", "de", {3, {-1, 5, 6}}, {3, {2, 4, 3}}, {3, {3, 5, 6}}, {2, {5, 6}}, {4, {2, 4, 5, 6}}},
    {"abc,cde->abde", "d", {3, {-1, 5, 6}}, {3, {2, 4, 3}}, {3, {3, 5, 6}}, {2, {5, 1}}, {4, {2, 4, 5, 6}}},
    {"abc,bcd->ad", "", {1, {5}}, {3, {2, 4, 3}}, {3, {4, 3, 5}}, {0}, {2, {2, 5}}},
    {"...x,xy->...y", "y", {1, {5}}, {4, {2, 4, 2, 3}}, {2, {3, 5}}, {1, {5}}, {4, {2, 4, 2, 5}}},
    {"...x,xy->...y", "y", {1, {5}}, {2, {2, 3}}, {2, {3, 5}}, {1, {5}}, {2, {2, 5}}},
    {"ab...,bc->ac...", "c", {1, {5}}, {4, {2, 3, 4, 2}}, {2, {3, 5}}, {3, {5, 1, 1}}, {4, {2, 5, 4, 2}}},
    {"abc,bd->abcd", "b", {3, {-1, -1, 5}}, {3, {2, 4, 3}}, {2, {4, 5}}, {3, {4, 1, 1}}, {4, {2, 4, 3, 5}}},
};

static cn_layer *layer_of(const form *f)
{
    cn_einsum_dense_args args = {.output_shape = f->output, .activation = cn_tanh};
    strcpy(args.equation, f->equation);
    strcpy(args.bias_axes, f->bias_axes);
    return cn_einsum_dense_with(args);
}

Test(einsum_dense, weights_and_outputs_have_the_shapes_of_the_equation)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const form *f = &forms[i];
        cn_tape *tape = cn_tape_new();
        cn_layer *layer = layer_of(f);
        cn_tensor *y = cn_call(layer, cn_ones(tape, f->in));
        cr_assert_not_null(y, "%s", cn_error_message());
        cr_expect(cn_shape_equal(cn_shape_of(y), f->out), "%s", f->equation);
        cr_expect(cn_shape_equal(cn_shape_of(cn_weight(layer, 0)), f->kernel), "%s", f->equation);
        cr_expect_eq(cn_weight_count(layer), f->bias.rank ? 2 : 1);
        if (f->bias.rank)
            cr_expect(cn_shape_equal(cn_shape_of(cn_weight(layer, 1)), f->bias), "%s", f->equation);
        cn_tape_free(tape);
    }
}

Test(einsum_dense, gradients)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        cr_expect(cn_gradient_check_layer(NULL, layer_of(&forms[i]), .input_count = 1, .inputs = {forms[i].in}),
                  "%s: %s", forms[i].equation, cn_error_message());
        cn_error_clear();
    }
}

Test(einsum_dense, is_dense_for_the_equation_of_dense)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = cn_einsum_dense("...x,xy->...y", CN_SHAPE(4), cn_relu, "y"), *dense = cn_dense(4, cn_relu);
    cn_tensor *x = cn_sample_normal(tape, CN_SHAPE(2, 5, 3), .seed = 1), *y = cn_call(layer, x);
    cr_assert(cn_build(dense, CN_SHAPE(2, 5, 3)));
    for (int i = 0; i < 2; i++)
        cr_assert(cn_assign(cn_weight(dense, i), cn_read(tape, cn_weight(layer, i))));
    cr_expect_lt(cn_item(cn_max(cn_absolute(cn_sub(y, cn_call(dense, x))))), 1e-6);
    cr_expect_str_eq(cn_layer_name(layer), "einsum_dense");
    cn_tape_free(tape);
}

Test(einsum_dense, open_dimensions_stay_open)
{
    cn_tensor *y = cn_call(cn_einsum_dense("abc,cd->abd", CN_SHAPE(-1, 64)), cn_input(-1, 32));
    cr_assert_not_null(y, "%s", cn_error_message());
    cr_expect(cn_shape_equal(cn_shape_of(y), CN_SHAPE(-1, -1, 64)));
}

/* Glorot's limit for a kernel of 4 * 3 inputs and 36 outputs. */
Test(einsum_dense, kernel_is_drawn_by_the_fans_of_the_equation)
{
    cn_layer *layer = cn_einsum_dense("abc,bcd->ad", CN_SHAPE(36));
    cr_assert(cn_build(layer, CN_SHAPE(2, 4, 3)));
    static double values[4 * 3 * 36];
    cr_assert(cn_values(cn_weight(layer, 0), cn_array(values, 4, 3, 36)));
    double largest = 0, limit = sqrt(6.0 / (12 + 36));
    for (int i = 0; i < 4 * 3 * 36; i++)
        largest = fmax(largest, fabs(values[i]));
    cr_expect(largest <= limit && largest > 0.95 * limit, "%g of %g", largest, limit);
}

Test(einsum_dense, equations_of_other_forms_are_refused)
{
    static const char *const wrong[] = {"",
                                        "ab,bc",
                                        "ab->ac",
                                        "ab,bc,cd->ad",
                                        "ab,bc->ac!",
                                        "aa,ab->b",
                                        "...ab,bc->ac",
                                        "ab,...bc->ac",
                                        "a...b,bc->a...c",
                                        "...ab...,bc->...ac...",
                                        "ab...,bc->...ac"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cn_einsum_dense_args args = {.output_shape = CN_SHAPE(4), .name = "e"};
        char message[160];
        strcpy(args.equation, wrong[i]);
        snprintf(message, sizeof message,
                 "e: the equation \"%s\" is not of the form \"ab,bc->ac\", \"...x,xy->...y\" or \"ab...,bc->ac...\"",
                 wrong[i]);
        expect_failure(!cn_einsum_dense_with(args), CN_ARGUMENT, message);
    }
    expect_failure(!cn_einsum_dense("ab,bc->ad", CN_SHAPE(4), .name = "e"), CN_ARGUMENT,
                   "e: no operand of \"ab,bc->ad\" has d");
    expect_failure(!cn_einsum_dense("ab,bcd->ac", CN_SHAPE(4), .name = "e"), CN_ARGUMENT,
                   "e: neither input nor output of \"ab,bcd->ac\" has the kernel's d");
    expect_failure(!cn_einsum_dense("ab,bc->ac", CN_SHAPE(4), .bias_axes = "b", .name = "e"), CN_ARGUMENT,
                   "e: bias_axes: the output of \"ab,bc->ac\" has no b");
}

Test(einsum_dense, shapes_that_do_not_fit_are_refused_before_a_weight_is_made)
{
    cn_layer *layer = cn_einsum_dense("abc,cd->abd", CN_SHAPE(-1, 4), .name = "e");
    expect_failure(!cn_build(layer, CN_SHAPE(2, 3)), CN_SHAPES,
                   "e: the equation \"abc,cd->abd\" does not fit an input of shape (None, 3)");
    expect_failure(!cn_build(layer, CN_SHAPE(2, 3, -1)), CN_SHAPES,
                   "e: the kernel's c of \"abc,cd->abd\" must be known");
    expect_failure(!cn_build(cn_einsum_dense("abc,cd->abd", CN_SHAPE(4), .name = "f"), CN_SHAPE(2, 3, 5)), CN_SHAPES,
                   "f: output_shape (4,) must have 2 dimensions for \"abc,cd->abd\"");
    expect_failure(!cn_build(cn_einsum_dense("abc,cd->abd", CN_SHAPE(7, 4), .name = "g"), CN_SHAPE(2, 3, 5)), CN_SHAPES,
                   "g: b of \"abc,cd->abd\" is 3 in the input and 7 in output_shape");
    cr_expect_eq(cn_weight_count(layer), 0);
    cr_expect(cn_build(layer, CN_SHAPE(2, 3, 5)), "%s", cn_error_message());
}
