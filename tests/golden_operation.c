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
    const golden_operation *const lists[] = {rows, golden_arithmetic, golden_product, golden_reduction, golden_shaping};
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

bool golden_run_operation(golden_case *c)
{
    const golden_operation *row = row_of(c->layer);
    int x_count = golden_count(c, "x");
    cn_tensor *x[MAX_TENSORS], *y[MAX_TENSORS];
    if (!row || x_count > MAX_TENSORS)
        return false;
    golden_function f = {.y_count = 0};
    for (int i = 0; i < x_count; i++)
        golden_add_input(c, &f, "x", i, x[i] = golden_input(c, "x", i));
    int y_count = call_operation(row, c, x, x_count, y);
    for (int i = 0; i < y_count; i++)
        golden_add_output(c, &f, i, y[i]);
    golden_compare_gradients(c, &f);
    return y_count > 0;
}
