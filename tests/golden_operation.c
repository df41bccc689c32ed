/* The groups `ops` and `activations`: one operation, its values and its gradients. */
#include "golden.h"
#include <string.h>

enum { MAX_TENSORS = 16 };

/* clang-format off */
static const golden_operation rows[] = {
    {"ops.add", .binary = cn_add},
    {"ops.divide", .binary = cn_div},
    {"ops.multiply", .binary = cn_mul},
    {"ops.negative", .unary = cn_negative},
    {"ops.square", .unary = cn_square},
    {"ops.subtract", .binary = cn_sub},
    {.name = NULL},
};
/* clang-format on */

static const golden_operation *row_of(const char *name)
{
    const golden_operation *const lists[] = {rows, golden_arithmetic, golden_reduction, golden_shaping};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const golden_operation *row = lists[i]; row->name; row++)
            if (!strcmp(row->name, name))
                return row;
    return NULL;
}

static int call_operation(const golden_operation *row, const golden_case *c, cn_tensor *const *x, int count,
                          cn_tensor **y)
{
    if (row->call)
        return row->call(c, x, count, y);
    y[0] = row->unary ? row->unary(x[0]) : row->binary(x[0], x[1]);
    return count == (row->unary ? 1 : 2);
}

/* The gradients of the sum over outputs of sum(y * dy) that the case has. */
static void compare_gradients(golden_case *c, cn_tensor *const *x, int x_count, cn_tensor *const *y, int y_count)
{
    cn_tensor *outputs[MAX_TENSORS], *upstream[MAX_TENSORS], *wanted[MAX_TENSORS], *gradients[MAX_TENSORS];
    int output_count = 0, wanted_count = 0, number[MAX_TENSORS];
    for (int i = 0; i < y_count; i++)
        if (golden_find(c, "dy", i)) {
            outputs[output_count] = y[i];
            upstream[output_count++] = golden_input(c, "dy", i);
        }
    for (int i = 0; i < x_count; i++)
        if (golden_find(c, "dx", i)) {
            number[wanted_count] = i;
            wanted[wanted_count++] = x[i];
        }
    if (wanted_count && cn_vjp(outputs, upstream, output_count, wanted, wanted_count, gradients))
        for (int i = 0; i < wanted_count; i++)
            golden_compare(c, "dx", number[i], gradients[i]);
}

bool golden_run_operation(golden_case *c)
{
    const golden_operation *row = row_of(c->layer);
    int x_count = golden_count(c, "x");
    cn_tensor *x[MAX_TENSORS], *y[MAX_TENSORS];
    if (!row || x_count > MAX_TENSORS)
        return false;
    for (int i = 0; i < x_count; i++)
        x[i] = golden_input(c, "x", i);
    int y_count = call_operation(row, c, x, x_count, y);
    for (int i = 0; i < y_count; i++)
        golden_compare(c, "y", i, y[i]);
    compare_gradients(c, x, x_count, y, y_count);
    return y_count > 0;
}
