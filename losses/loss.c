#include "losses/loss.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "losses/built_in.h"
#include "losses/circle.h"
#include "losses/crossentropy.h"
#include "losses/ctc.h"
#include "losses/divergence.h"
#include "losses/hinge.h"
#include "losses/overlap.h"
#include "losses/ranks.h"
#include "losses/regression.h"
#include <string.h>
#include <strings.h>

#define LOSS(class_name, function, alias, ...)              \
    {                                                       \
        class_name, #function, alias, cn_##function##_with, \
        {                                                   \
            __VA_ARGS__                                     \
        }                                                   \
    }

static const struct {
    const char *class_name, *function_name, *alias;
    cn_loss (*with)(cn_loss args);
    cn_loss defaults;
} losses[] = {
    LOSS("BinaryCrossentropy", binary_crossentropy, "bce", CN_LOSS_DEFAULTS),
    LOSS("BinaryFocalCrossentropy", binary_focal_crossentropy, NULL, CN_FOCAL_DEFAULTS),
    LOSS("CategoricalCrossentropy", categorical_crossentropy, NULL, CN_LOSS_DEFAULTS),
    LOSS("CategoricalFocalCrossentropy", categorical_focal_crossentropy, NULL, CN_FOCAL_DEFAULTS),
    LOSS("CategoricalGeneralizedCrossEntropy", categorical_generalized_cross_entropy, NULL, CN_GENERALIZED_DEFAULTS),
    LOSS("CategoricalHinge", categorical_hinge, NULL, CN_LOSS_DEFAULTS),
    LOSS("Circle", circle, NULL, CN_CIRCLE_DEFAULTS),
    LOSS("crossentropy", crossentropy, "ce", CN_LOSS_DEFAULTS),
    LOSS("CosineSimilarity", cosine_similarity, NULL, CN_LOSS_DEFAULTS),
    LOSS("CTC", ctc, NULL, CN_LOSS_DEFAULTS),
    LOSS("Dice", dice, NULL, CN_DICE_DEFAULTS),
    LOSS("Hinge", hinge, NULL, CN_LOSS_DEFAULTS),
    LOSS("Huber", huber, "huber_loss", CN_HUBER_DEFAULTS),
    LOSS("KLDivergence", kl_divergence, "kld", CN_LOSS_DEFAULTS),
    LOSS("LogCosh", log_cosh, "logcosh", CN_LOSS_DEFAULTS),
    LOSS("MeanAbsoluteError", mean_absolute_error, "mae", CN_LOSS_DEFAULTS),
    LOSS("MeanAbsolutePercentageError", mean_absolute_percentage_error, "mape", CN_LOSS_DEFAULTS),
    LOSS("MeanSquaredError", mean_squared_error, "mse", CN_LOSS_DEFAULTS),
    LOSS("MeanSquaredLogarithmicError", mean_squared_logarithmic_error, "msle", CN_LOSS_DEFAULTS),
    LOSS("Poisson", poisson, NULL, CN_LOSS_DEFAULTS),
    LOSS("SparseCategoricalCrossentropy", sparse_categorical_crossentropy, NULL, CN_LOSS_DEFAULTS),
    LOSS("SquaredHinge", squared_hinge, NULL, CN_LOSS_DEFAULTS),
    LOSS("Tversky", tversky, NULL, CN_TVERSKY_DEFAULTS),
};

cn_loss cn_built_in_loss(cn_loss args, const char *name,
                         cn_tensor *(*values)(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred), unsigned has)
{
    const struct {
        const char *name;
        unsigned flag;
        bool given;
    } arguments[] = {{"from_logits", CN_HAS_FROM_LOGITS, args.from_logits},
                     {"label_smoothing", CN_HAS_LABEL_SMOOTHING, args.label_smoothing != 0},
                     {"axis", CN_HAS_AXIS, args.axis != -1},
                     {"ignore_class", CN_HAS_IGNORE_CLASS, args.ignore_class != CN_NONE},
                     {"delta", CN_HAS_DELTA, args.delta != 0},
                     {"alpha", CN_HAS_ALPHA, args.alpha != 0},
                     {"beta", CN_HAS_BETA, args.beta != 0},
                     {"gamma", CN_HAS_GAMMA, args.gamma != 0},
                     {"q", CN_HAS_Q, args.q != 0},
                     {"margin", CN_HAS_MARGIN, args.margin != 0},
                     {"apply_class_balancing", CN_HAS_APPLY_CLASS_BALANCING, args.apply_class_balancing},
                     {"remove_diagonal", CN_HAS_REMOVE_DIAGONAL, args.remove_diagonal},
                     {"axes", CN_HAS_AXES, args.axes.count != 0}};
    args.name = name;
    args.values = values;
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
        if (arguments[i].given && !(has & arguments[i].flag))
            cn_fail(CN_ARGUMENT, "%s: has no argument %s", name, arguments[i].name);
    return args;
}

cn_loss cn_loss_named(const char *name)
{
    for (size_t i = 0; name && !cn_failed() && i < sizeof losses / sizeof *losses; i++)
        if (!strcmp(name, losses[i].class_name) || !strcmp(name, losses[i].function_name) ||
            (losses[i].alias && !strcasecmp(name, losses[i].alias)))
            return losses[i].with(losses[i].defaults);
    cn_fail(CN_ARGUMENT, "loss: there is none named \"%s\"", name ? name : "");
    return (cn_loss){.name = NULL};
}

static cn_tensor *values_from(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    return self->function(y_true, y_pred);
}

cn_loss cn_loss_from(const char *name, cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred))
{
    if (!name || !function)
        cn_fail(CN_ARGUMENT, "loss_from: needs a name and a function");
    return (cn_loss){CN_LOSS_DEFAULTS, .name = name, .any_labels = true, .values = values_from, .function = function};
}

bool cn_reconcile_ranks(cn_tensor **a, cn_tensor **b)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        cn_tensor **longer = swapped ? b : a, **shorter = swapped ? a : b;
        const cn_shape *shape = &(*longer)->shape;
        if (shape->rank != (*shorter)->shape.rank + 1 || shape->dim[shape->rank - 1] != 1)
            continue;
        cn_tensor **changed = (*shorter)->shape.rank == 1 ? shorter : longer;
        *changed = changed == shorter ? cn_expand_dims(*shorter, -1) : cn_squeeze(*longer, .axis = -1);
        return *changed != NULL;
    }
    return true;
}

cn_tensor *cn_loss_values(cn_loss loss, cn_tensor *y_true, cn_tensor *y_pred)
{
    if (cn_failed())
        return NULL;
    if (!loss.values || !y_true || !y_pred) {
        cn_fail(CN_ARGUMENT, "loss: needs a loss, y_true and y_pred");
        return NULL;
    }
    if (!y_pred->tape && !(y_pred = cn_read(y_true->tape, y_pred)))
        return NULL;
    if (y_pred->dtype == CN_I32 && !(y_pred = cn_cast(y_pred, cn_default_dtype())))
        return NULL;
    cn_dtype wanted = loss.integer_labels ? CN_I32 : y_pred->dtype;
    if (y_true->dtype != wanted && !(y_true = cn_cast(y_true, wanted)))
        return NULL;
    if (!cn_reconcile_ranks(&y_true, &y_pred))
        return NULL;
    if (!loss.any_labels && !loss.integer_labels && !cn_shape_equal(y_true->shape, y_pred->shape)) {
        char labels[CN_SHAPE_TEXT], output[CN_SHAPE_TEXT];
        cn_fail(CN_SHAPES, "%s: y_true of shape %s does not fit an output of shape %s", loss.name,
                cn_shape_text(y_true->shape, labels, sizeof labels),
                cn_shape_text(y_pred->shape, output, sizeof output));
        return NULL;
    }
    cn_tensor *values = loss.values(&loss, y_true, y_pred);
    if (!values)
        cn_fail(CN_ARGUMENT, "%s: its function gave no values", loss.name);
    return values;
}

bool cn_align_weights(const char *name, cn_tensor **weights, const cn_tensor *values)
{
    cn_tensor *w = *weights;
    if (w->dtype != values->dtype && !(w = cn_cast(w, values->dtype)))
        return false;
    const cn_shape *to = &values->shape;
    if (w->shape.rank == to->rank + 1 && w->shape.dim[to->rank] == 1 && !(w = cn_squeeze(w, .axis = -1)))
        return false;
    cn_shape shape = w->shape;
    if (to->rank == 0) {
        *weights = w;
        return true;
    }
    bool fits = shape.rank <= to->rank;
    while (fits && shape.rank < to->rank)
        shape.dim[shape.rank++] = 1;
    for (int d = 0; fits && d < shape.rank; d++)
        fits = shape.dim[d] == 1 || shape.dim[d] == to->dim[d];
    if (!fits) {
        char given[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
        return cn_fail(CN_SHAPES, "%s: sample weights of shape %s do not fit values of shape %s", name,
                       cn_shape_text(w->shape, given, sizeof given), cn_shape_text(*to, wanted, sizeof wanted));
    }
    if (shape.rank != w->shape.rank && !(w = cn_reshape(w, shape)))
        return false;
    *weights = w;
    return true;
}

cn_tensor *cn_join_masks(cn_tensor *a, cn_tensor *b)
{
    return a && b ? cn_mul(a, b) : a ? a : b;
}

/* Of a mean, valid elements get the weight size / number of them, so that the mean is over these. */
static cn_tensor *mask_weights(cn_tensor *mask, const cn_tensor *values, cn_reduction reduction)
{
    cn_tensor *m = cn_cast(mask, values->dtype);
    if (!m || reduction != CN_SUM_OVER_BATCH_SIZE)
        return m;
    double size = (double)cn_shape_size(m->shape);
    return cn_mul(m, cn_div(cn_scalar(m, size), cn_maximum(cn_sum(m), cn_scalar(m, 1))));
}

static cn_tensor *divide_no_nan(cn_tensor *a, cn_tensor *b)
{
    cn_tensor *zero = cn_equal(b, cn_scalar(b, 0)), *b_or_1 = cn_where(zero, cn_ones_like(b), b);
    return cn_where(zero, cn_zeros_like(a), cn_div(a, b_or_1));
}

cn_tensor *cn_loss_of(cn_loss loss, cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *sample_weight)
{
    cn_tensor *values = cn_loss_values(loss, y_true, y_pred);
    if (!values)
        return NULL;
    cn_tensor *mask = cn_join_masks(y_pred->mask, values->mask), *weights = NULL;
    if (mask &&
        (!(weights = mask_weights(mask, values, loss.reduction)) || !cn_align_weights(loss.name, &weights, values)))
        return NULL;
    if (sample_weight) {
        if (!cn_align_weights(loss.name, &sample_weight, values))
            return NULL;
        weights = weights ? cn_mul(weights, sample_weight) : sample_weight;
    }
    if (weights)
        values = cn_mul(values, weights);
    switch (loss.reduction) {
    case CN_SUM:
        return cn_sum(values);
    case CN_NO_REDUCTION:
        return values;
    case CN_MEAN_WITH_SAMPLE_WEIGHT:
        if (weights)
            return divide_no_nan(cn_sum(values), cn_sum(cn_broadcast_to(weights, values->shape)));
        break;
    case CN_SUM_OVER_BATCH_SIZE:
        break;
    }
    return cn_mean(values);
}
