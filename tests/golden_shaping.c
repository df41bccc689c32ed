/* How the golden cases of shaping, joining, indexing and sorting are called. */
#include "golden.h"
#include <string.h>

static cn_axes axes_of(const golden_case *c, const char *key)
{
    cn_shape ints = golden_ints(c, key);
    cn_axes axes = {.count = ints.rank};
    for (int i = 0; i < ints.rank; i++)
        axes.axis[i] = (int)ints.dim[i];
    return axes;
}

static const char *text_of(const golden_case *c, const char *key)
{
    return json_string_value(json_object_get(c->config, key));
}

/* CALL(name, inputs, expression): one output, of x, x[0]. */
#define CALL(name, inputs, ...)                                                          \
    static int name(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y) \
    {                                                                                    \
        (void)c;                                                                         \
        y[0] = __VA_ARGS__;                                                              \
        return count == (inputs);                                                        \
    }
CALL(argsort, 1, cn_argsort(x[0], golden_int(c, "axis", CN_NONE)))
CALL(concatenate, count, cn_concatenate_many(x, count, golden_int(c, "axis", 0)))
CALL(expand_dims, 1, cn_expand_dims(x[0], golden_int(c, "axis", 0)))
CALL(flip, 1, cn_flip(x[0], .axes = axes_of(c, "axis")))
CALL(moveaxis, 1, cn_moveaxis(x[0], .sources = axes_of(c, "source"), .destinations = axes_of(c, "destination")))
CALL(one_hot, 1, cn_one_hot(x[0], golden_int(c, "num_classes", 0), golden_int(c, "axis", -1), .dtype = c->dtype))
CALL(repeat, 1, cn_repeat(x[0], golden_int(c, "repeats", 0), golden_int(c, "axis", CN_NONE)))
CALL(reshape, 1, cn_reshape(x[0], golden_ints(c, "newshape")))
CALL(roll, 1, cn_roll(x[0], golden_int(c, "shift", 0), golden_int(c, "axis", CN_NONE)))
CALL(segment_sum, 2, cn_segment_sum(x[0], x[1], golden_int(c, "num_segments", 0)))
CALL(slice, 1, cn_slice(x[0], golden_ints(c, "start_indices"), golden_ints(c, "shape")))
CALL(sort, 1, cn_sort(x[0], golden_int(c, "axis", CN_NONE)))
CALL(squeeze, 1, cn_squeeze(x[0], .axes = axes_of(c, "axis")))
CALL(stack, count, cn_stack_many(x, count, golden_int(c, "axis", 0)))
CALL(swapaxes, 1, cn_swapaxes(x[0], golden_int(c, "axis1", 0), golden_int(c, "axis2", 0)))
CALL(take, 2, cn_take(x[0], x[1], golden_int(c, "axis", CN_NONE)))
CALL(take_along_axis, 2, cn_take_along_axis(x[0], x[1], golden_int(c, "axis", CN_NONE)))
CALL(tile, 1, cn_tile(x[0], golden_ints(c, "repeats")))
CALL(transpose, 1, cn_transpose(x[0], .axes = axes_of(c, "axes")))
CALL(tril, 1, cn_tril(x[0], golden_int(c, "k", 0)))
CALL(triu, 1, cn_triu(x[0], golden_int(c, "k", 0)))
#undef CALL

static int64_t end_of(const json_t *value)
{
    return json_is_integer(value) ? json_integer_value(value) : CN_NONE;
}

static int getitem(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    cn_getitem_args args = {.x = x[0]};
    const json_t *slices = json_object_get(c->config, "slices");
    for (size_t i = 0; i < json_array_size(slices) && i < CN_MAX_RANK; i++) {
        const json_t *slice = json_array_get(slices, i), *step = json_array_get(slice, 2);
        args.index[i] = json_is_integer(slice)
                            ? CN_AT(json_integer_value(slice))
                            : CN_RANGE(end_of(json_array_get(slice, 0)), end_of(json_array_get(slice, 1)),
                                       json_is_integer(step) ? json_integer_value(step) : 1);
    }
    y[0] = cn_getitem_with(args);
    return count == 1;
}

static int pad(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    const char *mode = text_of(c, "mode");
    cn_pad_args args = {.x = x[0],
                        .value = golden_number(c, "constant_values", 0),
                        .mode = !mode || !strcmp(mode, "constant") ? CN_PAD_CONSTANT
                                : !strcmp(mode, "reflect")         ? CN_PAD_REFLECT
                                                                   : CN_PAD_SYMMETRIC};
    const json_t *widths = json_object_get(c->config, "pad_width");
    for (size_t i = 0; i < json_array_size(widths) && i < CN_MAX_RANK; i++)
        for (size_t j = 0; j < 2; j++)
            args.width[i][j] = json_integer_value(json_array_get(json_array_get(widths, i), j));
    y[0] = cn_pad_with(args);
    return count == 1;
}

static int give(cn_tensors tensors, cn_tensor **y)
{
    memcpy(y, tensors.item, (size_t)tensors.count * sizeof *y);
    return tensors.count;
}

static int split(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    cn_split_args args = {.x = x[0], .axis = golden_int(c, "axis", 0)};
    args.sections = golden_int(c, "indices_or_sections", 0);
    cn_shape points = golden_ints(c, "indices_or_sections");
    args.points.count = args.sections ? 0 : points.rank;
    memcpy(args.points.at, points.dim, sizeof points.dim);
    return count == 1 ? give(cn_split_with(args), y) : 0;
}

static int top_k(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    return count == 1 ? give(cn_top_k(x[0], golden_int(c, "k", 0), .sorted = golden_bool(c, "sorted")), y) : 0;
}

/* clang-format off */
const golden_operation golden_shaping[] = {
    {"ops.argsort", .call = argsort},
    {"ops.concatenate", .call = concatenate},
    {"ops.expand_dims", .call = expand_dims},
    {"ops.flip", .call = flip},
    {"ops.getitem", .call = getitem},
    {"ops.moveaxis", .call = moveaxis},
    {"ops.one_hot", .call = one_hot},
    {"ops.pad", .call = pad},
    {"ops.repeat", .call = repeat},
    {"ops.reshape", .call = reshape},
    {"ops.roll", .call = roll},
    {"ops.segment_sum", .call = segment_sum},
    {"ops.slice", .call = slice},
    {"ops.sort", .call = sort},
    {"ops.split", .call = split},
    {"ops.squeeze", .call = squeeze},
    {"ops.stack", .call = stack},
    {"ops.swapaxes", .call = swapaxes},
    {"ops.take", .call = take},
    {"ops.take_along_axis", .call = take_along_axis},
    {"ops.tile", .call = tile},
    {"ops.top_k", .call = top_k},
    {"ops.transpose", .call = transpose},
    {"ops.tril", .call = tril},
    {"ops.triu", .call = triu},
    {.name = NULL},
};
/* clang-format on */
