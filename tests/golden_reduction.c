/* How the golden cases of reductions, softmax and their kin are called. */
#include "golden.h"

static cn_axes axes_of(const golden_case *c)
{
    cn_shape ints = golden_ints(c, "axis");
    cn_axes axes = {.count = ints.rank};
    for (int i = 0; i < ints.rank; i++)
        axes.axis[i] = (int)ints.dim[i];
    return axes;
}

/* CALL(name, call of x): with the axes of the case. */
#define CALL(name, ...)                                                                       \
    static int name(const golden_case *c, cn_tensor *const *inputs, int count, cn_tensor **y) \
    {                                                                                         \
        cn_tensor *x = inputs[0];                                                             \
        y[0] = __VA_ARGS__;                                                                   \
        return count == 1;                                                                    \
    }
#define REDUCTION(name) \
    CALL(name, cn_##name##_with((cn_reduce_args){x, CN_NONE, axes_of(c), golden_bool(c, "keepdims")}))
REDUCTION(all)
REDUCTION(any)
REDUCTION(count_nonzero)
REDUCTION(logsumexp)
REDUCTION(max)
REDUCTION(mean)
REDUCTION(min)
REDUCTION(prod)
REDUCTION(std)
REDUCTION(sum)
REDUCTION(var)
CALL(argmax, cn_argmax(x, golden_int(c, "axis", CN_NONE), golden_bool(c, "keepdims")))
CALL(argmin, cn_argmin(x, golden_int(c, "axis", CN_NONE), golden_bool(c, "keepdims")))
CALL(broadcast_to, cn_broadcast_to(x, golden_ints(c, "shape")))
CALL(cumprod, cn_cumprod(x, golden_int(c, "axis", CN_NONE)))
CALL(cumsum, cn_cumsum(x, golden_int(c, "axis", CN_NONE)))
CALL(glu, cn_glu(x, golden_int(c, "axis", -1)))
CALL(log_softmax, cn_log_softmax(x, .axes = axes_of(c)))
CALL(norm, cn_norm(x, .ord = golden_int(c, "ord", 2), .axes = axes_of(c), .keepdims = golden_bool(c, "keepdims")))
CALL(normalize, cn_normalize(x, golden_int(c, "axis", -1), golden_int(c, "order", 2)))
CALL(softmax, cn_softmax(x, .axes = axes_of(c)))
CALL(sparsemax, cn_sparsemax(x, .axes = axes_of(c)))

/* clang-format off */
const golden_operation golden_reduction[] = {
    {"activations.glu", .call = glu},
    {"activations.log_softmax", .call = log_softmax},
    {"activations.softmax", .call = softmax},
    {"activations.sparsemax", .call = sparsemax},
    {"ops.all", .call = all},
    {"ops.any", .call = any},
    {"ops.argmax", .call = argmax},
    {"ops.argmin", .call = argmin},
    {"ops.broadcast_to", .call = broadcast_to},
    {"ops.count_nonzero", .call = count_nonzero},
    {"ops.cumprod", .call = cumprod},
    {"ops.cumsum", .call = cumsum},
    {"ops.log_softmax", .call = log_softmax},
    {"ops.logsumexp", .call = logsumexp},
    {"ops.max", .call = max},
    {"ops.mean", .call = mean},
    {"ops.min", .call = min},
    {"ops.norm", .call = norm},
    {"ops.normalize", .call = normalize},
    {"ops.prod", .call = prod},
    {"ops.softmax", .call = softmax},
    {"ops.std", .call = std},
    {"ops.sum", .call = sum},
    {"ops.var", .call = var},
    {.name = NULL},
};
/* clang-format on */
