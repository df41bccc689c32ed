/* How the golden cases of products are called. */
#include "golden.h"

static cn_axes axes_in(const json_t *list)
{
    cn_axes axes = {.count = 0};
    for (size_t i = 0; i < json_array_size(list) && i < CN_MAX_RANK; i++)
        axes.axis[axes.count++] = (int)json_integer_value(json_array_get(list, i));
    return axes;
}

static int tensordot(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    const json_t *axes = json_object_get(c->config, "axes");
    cn_tensordot_args args = {.a = x[0], .b = x[1], .axes = golden_int(c, "axes", 2)};
    if (json_is_array(axes)) {
        args.axes_a = axes_in(json_array_get(axes, 0));
        args.axes_b = axes_in(json_array_get(axes, 1));
    }
    y[0] = cn_tensordot_with(args);
    return count == 2;
}

static int batch_dot(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    cn_shape axes = golden_ints(c, "axes");
    y[0] = cn_batch_dot(x[0], x[1], (int)axes.dim[0], (int)axes.dim[1]);
    return count == 2 && axes.rank == 2;
}

static int einsum(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    y[0] = cn_einsum_with(json_string_value(json_object_get(c->config, "subscripts")), x, count);
    return 1;
}

/* clang-format off */
const golden_operation golden_product[] = {
    {"backend.batch_dot", .call = batch_dot},
    {"backend.dot", .binary = cn_dot},
    {"ops.einsum", .call = einsum},
    {"ops.matmul", .binary = cn_matmul},
    {"ops.outer", .binary = cn_outer},
    {"ops.tensordot", .call = tensordot},
    {.name = NULL},
};
/* clang-format on */
