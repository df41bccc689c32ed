#include "central_differences.h"
#include "core/engine.h"
#include "expect.h"

static cn_tape *tape;

static void setup(void)
{
    tape = cn_tape_new();
}

static void teardown(void)
{
    cn_tape_free(tape);
}

TestSuite(crossentropy, .init = setup, .fini = teardown);

static cn_tensor *scatter(cn_shape shape)
{
    double values[4096];
    for (int64_t i = 0; i < cn_shape_size(shape); i++)
        values[i] = fmod((double)(i * 7919 % 10007) * 0.61803, 6) - 3;
    return cn_constant_as(tape, cn_array_with(values, CN_ARRAY_F64, false, shape), CN_F64);
}

static cn_tensor *some_labels(int64_t rows, int32_t classes)
{
    int32_t labels[512];
    for (int i = 0; i < (int)rows; i++)
        labels[i] = i * 31 % classes;
    return cn_constant(tape, cn_array(labels, rows));
}

Test(crossentropy, agrees_with_log_softmax_for_rows_of_all_lengths)
{
    for (int32_t n = 1; n < 80; n += n < 36 ? 1 : 9) {
        cn_tensor *z = scatter(CN_SHAPE(21, n)), *t = cn_softmax(cn_negative(z)), *labels = some_labels(21, n);
        cn_tensor *wanted = cn_negative(cn_sum(cn_mul(t, cn_log_softmax(z)), .axis = -1));
        cn_tensor *one_hot = cn_one_hot(labels, n, -1, .dtype = CN_F64);
        expect_tensors_close(cn_softmax_crossentropy(z, NULL, t), wanted, 1e-14);
        expect_tensors_close(cn_softmax_crossentropy(z, cn_softmax(z), t), wanted, 1e-14);
        cn_tensor *dense = cn_softmax_crossentropy(z, NULL, one_hot);
        cn_tensor *sparse = cn_sparse_softmax_crossentropy(z, NULL, labels);
        expect_tensors_close(sparse, dense, 1e-14);
        expect_tensors_close(cn_grad(cn_sum(sparse), z), cn_grad(cn_sum(dense), z), 1e-14);
        expect_tensors_close(cn_grad(cn_sum(dense), z), cn_sub(cn_softmax(z), one_hot), 1e-14);
    }
}

Test(crossentropy, a_wrong_and_certain_answer_has_a_finite_loss)
{
    float logits[] = {500, -500}, target[] = {0, 1};
    cn_tensor *z = cn_constant(tape, cn_array(logits, 1, 2)), *t = cn_constant(tape, cn_array(target, 1, 2));
    cn_tensor *loss = cn_softmax_crossentropy(z, NULL, t);
    EXPECT(cn_cast(loss, CN_F64), CN_SHAPE(1), 1000);
    EXPECT(cn_cast(cn_grad(cn_sum(loss), z), CN_F64), CN_SHAPE(1, 2), 1, -1);
}

Test(crossentropy, an_impossible_class_that_is_not_wanted_costs_nothing)
{
    double logits[] = {0, -INFINITY, 0}, target[] = {1, 0, 0};
    cn_tensor *z = cn_constant_as(tape, cn_array(logits, 1, 3), CN_F64);
    cn_tensor *t = cn_constant_as(tape, cn_array(target, 1, 3), CN_F64);
    cr_assert_float_eq(cn_item(cn_softmax_crossentropy(z, NULL, t)), log(2), 1e-15);
}

Test(crossentropy, a_label_out_of_range_is_an_error_with_its_place)
{
    int32_t labels[] = {0, 2, 1, 3}, negative[] = {0, -1, 1, 2};
    cn_tensor *z = scatter(CN_SHAPE(2, 2, 3));
    expect_error(!cn_sparse_softmax_crossentropy(z, NULL, cn_constant(tape, cn_array(labels, 2, 2))),
                 "sparse_softmax_crossentropy_of: label 3 at (1, 1) is not one of 3 classes");
    expect_error(!cn_sparse_softmax_crossentropy(z, NULL, cn_constant(tape, cn_array(negative, 2, 2))),
                 "sparse_softmax_crossentropy_of: label -1 at (0, 1) is not one of 3 classes");
}

Test(crossentropy, shapes_and_types_must_fit)
{
    cn_tensor *z = scatter(CN_SHAPE(2, 3));
    expect_error(!cn_softmax_crossentropy(z, NULL, scatter(CN_SHAPE(2, 2))),
                 "softmax_crossentropy_of: logits, probabilities and target do not fit: (2, 3) x (2, 3) x (2, 2)");
    expect_error(!cn_sparse_softmax_crossentropy(z, NULL, some_labels(3, 3)),
                 "sparse_softmax_crossentropy_of: logits, probabilities and target do not fit: (2, 3) x (2, 3) x (3,)");
    expect_error(!cn_sparse_softmax_crossentropy(z, NULL, z),
                 "sparse_softmax_crossentropy: labels are int32, not float64: (2, 3) x (2, 3)");
}

Test(crossentropy, logits_are_found_behind_probabilities)
{
    cn_tensor *z = scatter(CN_SHAPE(2, 3));
    cr_assert_eq(cn_softmax_logits(cn_softmax(z)), z);
    cr_assert_null(cn_softmax_logits(cn_softmax(z, .axis = 0)));
    cr_assert_null(cn_softmax_logits(z));
    cr_assert_eq(cn_sigmoid_logits(cn_sigmoid(z)), z);
    cr_assert_null(cn_sigmoid_logits(cn_softmax(z)));
    cr_assert(!cn_failed());
}

Test(crossentropy, sigmoid_form_is_exact_for_certain_answers)
{
    double logits[] = {40, -40, 40, -40, 0}, target[] = {1, 0, 0, 1, 1};
    cn_tensor *z = cn_constant_as(tape, cn_array(logits, 5), CN_F64);
    cn_tensor *loss = cn_sigmoid_crossentropy(z, cn_constant_as(tape, cn_array(target, 5), CN_F64));
    double wanted[] = {exp(-40), exp(-40), 40, 40, log(2)}, slope[] = {-exp(-40), exp(-40), 1, -1, -0.5};
    double got[5];
    cr_assert(cn_values(loss, cn_array(got, 5)));
    for (int i = 0; i < 5; i++)
        cr_assert_float_eq(got[i], wanted[i], 1e-14 * wanted[i]);
    cr_assert(cn_values(cn_grad(cn_sum(loss), z), cn_array(got, 5)));
    for (int i = 0; i < 5; i++)
        cr_assert_float_eq(got[i], slope[i], 1e-14 * fabs(slope[i]));
}

static cn_tensor *dense_loss(cn_tensor *const *x)
{
    return cn_softmax_crossentropy(x[0], NULL, x[1]);
}

static cn_tensor *dense_loss_of_given(cn_tensor *const *x)
{
    cn_tensor *p = cn_softmax(x[0]);
    return cn_mul(cn_softmax_crossentropy(cn_softmax_logits(p), p, x[1]), cn_sum(cn_square(p), .axis = -1));
}

static cn_tensor *sparse_loss(cn_tensor *const *x)
{
    int32_t labels[] = {2, 0, 1};
    cn_tensor *loss = cn_sparse_softmax_crossentropy(x[0], NULL, cn_constant(cn_tape_of(x[0]), cn_array(labels, 3)));
    return cn_square(loss);
}

static cn_tensor *sigmoid_loss(cn_tensor *const *x)
{
    return cn_sigmoid_crossentropy(x[0], x[1]);
}

Test(crossentropy, gradients_agree_with_central_differences)
{
    tested_inputs inputs = {.count = 2, .shape = {CN_SHAPE(3, 4), CN_SHAPE(3, 4)}};
    for (int i = 0; i < 12; i++) {
        inputs.value[0][i] = fmod(i * 2.71828, 4) - 2;
        inputs.value[1][i] = fmod(i * 0.61803, 1);
    }
    expect_gradients("softmax", dense_loss, 3, inputs);
    expect_gradients("softmax with probabilities", dense_loss_of_given, 2, inputs);
    expect_gradients("sigmoid", sigmoid_loss, 2, inputs);
    inputs.count = 1;
    expect_gradients("sparse softmax", sparse_loss, 3, inputs);
}

Test(crossentropy, of_a_sigmoid_needs_a_target_of_the_shape_of_the_logits)
{
    cr_assert_null(cn_sigmoid_crossentropy(cn_full(tape, CN_SHAPE(3, 1)), cn_full(tape, CN_SHAPE(3))));
    cr_expect_str_eq(cn_error_message(), "sigmoid_crossentropy: logits and target do not fit: (3, 1) x (3,)");
    cn_error_clear();
}
