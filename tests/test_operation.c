/* Operations of the user's own: rows on equal terms with the built-in ones. */
#include "expect.h"

/* y = x^3, with what a row needs and nothing else. */

typedef struct cube_sizes {
    int64_t count;
} cube_sizes;

static bool cube_infer(const cn_entry *entry, cn_type *output)
{
    if (cn_dtype_of(entry->input[0]) != CN_F64)
        return cn_fail(CN_TYPE, "cube: takes float64");
    *output = (cn_type){CN_F64, cn_shape_of(entry->input[0])};
    return true;
}

static bool cube_kernel(void *const *pointer, const void *prepared)
{
    double *y = pointer[0];
    const double *x = pointer[1];
    for (int64_t i = 0; i < ((const cube_sizes *)prepared)->count; i++)
        y[i] = x[i] * x[i] * x[i];
    return true;
}

static bool cube_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    cube_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    if (!sizes)
        return false;
    sizes->count = cn_shape_size(cn_shape_of(entry->input[0]));
    preparation->kernel = cube_kernel;
    return true;
}

static bool cube_vjp(const cn_entry *entry, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *x = entry->input[0];
    dx[0] = cn_mul(dy[0], cn_mul(cn_scalar(x, 3), cn_square(x)));
    return dx[0] != NULL;
}

static const cn_operation cube = {
    .name = "cube", .flags = CN_IN_PLACE, .infer = cube_infer, .prepare = cube_prepare, .vjp = cube_vjp};

static cn_tensor *cube_of(cn_tape *tape, cn_tensor *const *inputs, void *context)
{
    (void)tape;
    (void)context;
    return cn_record(&cube, NULL, &inputs[0], 1);
}

Test(operation, of_the_user_computes_and_has_gradients)
{
    cr_expect(cn_gradient_check(NULL, cube_of, .input_count = 1, .inputs = {CN_SHAPE(2, 3)}), "%s", cn_error_message());
}

/* The same with a wrong factor in its gradient. */
static bool wrong_vjp(const cn_entry *entry, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *x = entry->input[0];
    dx[0] = cn_mul(dy[0], cn_mul(cn_scalar(x, 2.999), cn_square(x)));
    return dx[0] != NULL;
}

static cn_tensor *wrong_cube_of(cn_tape *tape, cn_tensor *const *inputs, void *context)
{
    static const cn_operation wrong = {
        .name = "wrong_cube", .infer = cube_infer, .prepare = cube_prepare, .vjp = wrong_vjp};
    (void)tape;
    (void)context;
    return cn_record(&wrong, NULL, &inputs[0], 1);
}

Test(operation, wrong_gradient_is_caught)
{
    cn_gradient_report report;
    cr_expect_not(cn_gradient_check(&report, wrong_cube_of, .input_count = 1, .inputs = {CN_SHAPE(2, 3)}));
    cr_expect_eq(cn_error_code(), CN_GRADIENT);
    cr_expect_eq(report.order, 1);
    cn_error_clear();
}

Test(operation, of_the_user_is_planned)
{
    double x[4] = {1, -2, 0.5, 3}, y[4];
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *in = cn_feed(tape, CN_SHAPE(4), .dtype = CN_F64);
    cn_tensor *out = cn_negative(cn_record(&cube, NULL, &in, 1));
    cn_plan *plan = cn_plan_new(tape, {out});
    cn_tape_free(tape);
    cr_assert(cn_run(plan, {cn_array(x, 4)}, {cn_array(y, 4)}), "%s", cn_error_message());
    for (int i = 0; i < 4; i++)
        cr_expect_float_eq(y[i], -x[i] * x[i] * x[i], 0);
    cn_plan_free(plan);
}

Test(operation, of_the_user_is_a_node_of_a_model)
{
    cn_set_default_dtype(CN_F64);
    cn_tensor *in = cn_input(2);
    cn_model *model = cn_model_new({in}, {cn_record(&cube, NULL, &in, 1)});
    double x[2] = {2, 3}, y[2];
    cr_assert(cn_predict(model, {cn_array(x, 1, 2)}, {cn_array(y, 1, 2)}), "%s", cn_error_message());
    cr_expect(y[0] == 8 && y[1] == 27);
    cn_model_free(model);
    cn_clear_session();
    cn_set_default_dtype(CN_F32);
}

Test(operation, is_found_by_its_name_once_registered)
{
    static const cn_operation other = {.name = "cube"}, nameless = {.name = ""};
    cr_expect_null(cn_operation_named("cube"));
    cr_expect(cn_register_operation(&cube));
    cr_expect(cn_register_operation(&cube), "again is fine");
    cr_expect_eq(cn_operation_named("cube"), &cube);
    expect_error(!cn_register_operation(&other), "register_operation: there is one named cube already");
    expect_error(!cn_register_operation(&nameless), "register_operation: an operation needs a name");
    cr_expect_not_null(cn_operation_named("matmul"));
}

Test(operation, without_kernel_for_a_type_is_an_error)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(2));
    expect_error(!cn_record(&cube, NULL, &x, 1), "cube: takes float64");
    cn_tape_free(tape);
}

/* A kernel that refuses values ends the run before any variable has changed. */

static bool refuse_kernel(void *const *pointer, const void *prepared)
{
    (void)prepared;
    *(double *)pointer[0] = *(const double *)pointer[1];
    return *(const double *)pointer[1] >= 0 ? true : cn_fail(CN_VALUE, "refuse: %g is negative", *(double *)pointer[1]);
}

static bool refuse_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    (void)entry;
    preparation->kernel = refuse_kernel;
    return true;
}

Test(operation, check_that_fails_leaves_variables_as_they_were)
{
    static const cn_operation refuse = {
        .name = "refuse", .flags = CN_CHECKS, .infer = cube_infer, .prepare = refuse_prepare};
    cn_tensor *w = cn_variable_new(CN_SHAPE(1), .dtype = CN_F64, .name = "w");
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *in = cn_feed(tape, CN_SHAPE(1), .dtype = CN_F64);
    cr_assert(cn_assign(w, cn_add(w, cn_scalar(in, 1))));
    cn_plan *plan = cn_plan_new(tape, {cn_record(&refuse, NULL, &in, 1)});
    cn_tape_free(tape);
    double good = 1, bad = -1, y;
    cr_assert(cn_run(plan, {cn_array(&good, 1)}, {cn_array(&y, 1)}));
    expect_error(!cn_run(plan, {cn_array(&bad, 1)}, {cn_array(&y, 1)}), "refuse: -1 is negative");
    cr_expect_eq(cn_item(w), 1);
    cr_assert(cn_run(plan, {cn_array(&good, 1)}, {cn_array(&y, 1)}));
    cr_expect_eq(cn_item(w), 2);
    cn_plan_free(plan);
    cn_variable_free(w);
}
