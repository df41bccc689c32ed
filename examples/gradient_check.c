/* An operation of one's own, y = x³, and its gradient held against differences: once as it should be, once with a
 * mistake in it, which the check finds. */
#include <cornet/cornet.h>
#include <stdio.h>

static bool infer(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){cn_dtype_of(entry->input[0]), cn_shape_of(entry->input[0])};
    return true;
}

static bool cube_f64(void *const *pointer, const void *prepared)
{
    double *y = pointer[0];
    const double *x = pointer[1];
    int64_t count = *(const int64_t *)prepared;
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] * x[i] * x[i];
    return true;
}

static bool cube_f32(void *const *pointer, const void *prepared)
{
    float *y = pointer[0];
    const float *x = pointer[1];
    int64_t count = *(const int64_t *)prepared;
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] * x[i] * x[i];
    return true;
}

static bool prepare(const cn_entry *entry, cn_preparation *preparation)
{
    int64_t *count = cn_prepared(preparation, sizeof *count);
    if (!count)
        return false;
    *count = cn_shape_size(cn_shape_of(entry->input[0]));
    preparation->kernel = cn_dtype_of(entry->input[0]) == CN_F64 ? cube_f64 : cube_f32;
    return cn_dtype_of(entry->input[0]) != CN_I32;
}

/* dx = factor x² dy. Written with operations, so that it has a gradient again. */
static cn_tensor *slope(const cn_entry *entry, cn_tensor *dy, double factor)
{
    return cn_mul(dy, cn_mul(cn_scalar(dy, factor), cn_square(entry->input[0])));
}

static bool right_vjp(const cn_entry *entry, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = slope(entry, dy[0], 3)) != NULL;
}

static bool wrong_vjp(const cn_entry *entry, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = slope(entry, dy[0], 2)) != NULL;
}

static const cn_operation cube = {
    .name = "cube", .flags = CN_IN_PLACE, .infer = infer, .prepare = prepare, .vjp = right_vjp};
static const cn_operation wrong_cube = {
    .name = "wrong_cube", .flags = CN_IN_PLACE, .infer = infer, .prepare = prepare, .vjp = wrong_vjp};

/* What is checked: cube(a) b, whose gradients go through the new operation and through built-in ones. */
static cn_tensor *function(cn_tape *tape, cn_tensor *const *inputs, void *operation)
{
    (void)tape;
    return cn_mul(cn_record(operation, NULL, &inputs[0], 1), inputs[1]);
}

static bool check(const cn_operation *operation)
{
    cn_gradient_report report;
    bool passed = cn_gradient_check(&report, function, .context = (void *)(uintptr_t)operation, .input_count = 2,
                                    .inputs = {CN_SHAPE(2, 3), CN_SHAPE(3)});
    printf("%s: %s\n", operation->name, report.text);
    cn_error_clear();
    return passed;
}

int main(void)
{
    bool right = check(&cube), wrong = check(&wrong_cube);
    return right && !wrong ? 0 : 1;
}
