/* How the golden cases of element-wise arithmetic and of activations are called. */
#include "golden.h"
#include <math.h>

static int clip(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    y[0] = cn_clip(x[0], golden_number(c, "x_min", -INFINITY), golden_number(c, "x_max", INFINITY));
    return count == 1;
}

static int where(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    (void)c;
    y[0] = cn_where(x[0], x[1], x[2]);
    return count == 3;
}

static int relu(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    y[0] = cn_relu(x[0], .negative_slope = golden_number(c, "negative_slope", 0),
                   .max_value = golden_number(c, "max_value", INFINITY), .threshold = golden_number(c, "threshold", 0));
    return count == 1;
}

static int gelu(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    y[0] = cn_gelu(x[0], .approximate = golden_bool(c, "approximate"));
    return count == 1;
}

static int threshold(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y)
{
    y[0] = cn_threshold(x[0], golden_number(c, "threshold", 0), golden_number(c, "default_value", 0));
    return count == 1;
}

#define ONE_PARAMETER(name, parameter, otherwise)                                        \
    static int name(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y) \
    {                                                                                    \
        y[0] = cn_##name(x[0], golden_number(c, #parameter, otherwise));                 \
        return count == 1;                                                               \
    }
ONE_PARAMETER(celu, alpha, 1)
ONE_PARAMETER(elu, alpha, 1)
ONE_PARAMETER(hard_shrink, threshold, 0.5)
ONE_PARAMETER(leaky_relu, negative_slope, 0.2)
ONE_PARAMETER(soft_shrink, threshold, 0.5)
ONE_PARAMETER(squareplus, b, 4)

/* clang-format off */
const golden_operation golden_arithmetic[] = {
    {"activations.celu", .call = celu},
    {"activations.elu", .call = elu},
    {"activations.exponential", .unary = cn_exponential},
    {"activations.gelu", .call = gelu},
    {"activations.hard_shrink", .call = hard_shrink},
    {"activations.hard_sigmoid", .unary = cn_hard_sigmoid},
    {"activations.hard_silu", .unary = cn_hard_silu},
    {"activations.hard_tanh", .unary = cn_hard_tanh},
    {"activations.leaky_relu", .call = leaky_relu},
    {"activations.linear", .unary = cn_linear},
    {"activations.log_sigmoid", .unary = cn_log_sigmoid},
    {"activations.mish", .unary = cn_mish},
    {"activations.relu", .call = relu},
    {"activations.relu6", .unary = cn_relu6},
    {"activations.selu", .unary = cn_selu},
    {"activations.sigmoid", .unary = cn_sigmoid},
    {"activations.silu", .unary = cn_silu},
    {"activations.soft_shrink", .call = soft_shrink},
    {"activations.softplus", .unary = cn_softplus},
    {"activations.softsign", .unary = cn_softsign},
    {"activations.sparse_plus", .unary = cn_sparse_plus},
    {"activations.sparse_sigmoid", .unary = cn_sparse_sigmoid},
    {"activations.squareplus", .call = squareplus},
    {"activations.tanh", .unary = cn_tanh},
    {"activations.tanh_shrink", .unary = cn_tanh_shrink},
    {"activations.threshold", .call = threshold},
    {"ops.absolute", .unary = cn_absolute},
    {"ops.arccos", .unary = cn_arccos},
    {"ops.arccosh", .unary = cn_arccosh},
    {"ops.arcsin", .unary = cn_arcsin},
    {"ops.arcsinh", .unary = cn_arcsinh},
    {"ops.arctan", .unary = cn_arctan},
    {"ops.arctan2", .binary = cn_arctan2},
    {"ops.arctanh", .unary = cn_arctanh},
    {"ops.ceil", .unary = cn_ceil},
    {"ops.clip", .call = clip},
    {"ops.cos", .unary = cn_cos},
    {"ops.cosh", .unary = cn_cosh},
    {"ops.equal", .binary = cn_equal},
    {"ops.erf", .unary = cn_erf},
    {"ops.erfinv", .unary = cn_erfinv},
    {"ops.exp", .unary = cn_exp},
    {"ops.expm1", .unary = cn_expm1},
    {"ops.floor", .unary = cn_floor},
    {"ops.floor_divide", .binary = cn_floor_divide},
    {"ops.greater", .binary = cn_greater},
    {"ops.greater_equal", .binary = cn_greater_equal},
    {"ops.less", .binary = cn_less},
    {"ops.less_equal", .binary = cn_less_equal},
    {"ops.log", .unary = cn_log},
    {"ops.log10", .unary = cn_log10},
    {"ops.log1p", .unary = cn_log1p},
    {"ops.log2", .unary = cn_log2},
    {"ops.logaddexp", .binary = cn_logaddexp},
    {"ops.logical_and", .binary = cn_logical_and},
    {"ops.logical_not", .unary = cn_logical_not},
    {"ops.logical_or", .binary = cn_logical_or},
    {"ops.maximum", .binary = cn_maximum},
    {"ops.minimum", .binary = cn_minimum},
    {"ops.mod", .binary = cn_mod},
    {"ops.not_equal", .binary = cn_not_equal},
    {"ops.power", .binary = cn_power},
    {"ops.reciprocal", .unary = cn_reciprocal},
    {"ops.round", .unary = cn_round},
    {"ops.rsqrt", .unary = cn_rsqrt},
    {"ops.sigmoid", .unary = cn_sigmoid},
    {"ops.sign", .unary = cn_sign},
    {"ops.sin", .unary = cn_sin},
    {"ops.sinh", .unary = cn_sinh},
    {"ops.sqrt", .unary = cn_sqrt},
    {"ops.tan", .unary = cn_tan},
    {"ops.tanh", .unary = cn_tanh},
    {"ops.trunc", .unary = cn_trunc},
    {"ops.where", .call = where},
    {.name = NULL},
};
/* clang-format on */
