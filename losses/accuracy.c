#include "losses/accuracy.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matches.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "losses/metric_arguments.h"
#include "losses/ranks.h"

static cn_tensor *float_predictions(cn_tensor *y_pred)
{
    return y_pred->dtype == CN_I32 ? cn_cast(y_pred, cn_default_dtype()) : y_pred;
}

static cn_tensor *equal(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    if (!(y_true = cn_cast(y_true, y_pred->dtype)) || !cn_reconcile_ranks(&y_true, &y_pred))
        return NULL;
    if (cn_shape_equal(y_true->shape, y_pred->shape))
        return cn_equal(y_true, y_pred);
    char labels[CN_SHAPE_TEXT], output[CN_SHAPE_TEXT];
    cn_fail(CN_SHAPES, "%s: y_true of shape %s does not fit an output of shape %s", self->name,
            cn_shape_text(y_true->shape, labels, sizeof labels), cn_shape_text(y_pred->shape, output, sizeof output));
    return NULL;
}

static cn_tensor *binary(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    if (!(y_pred = float_predictions(y_pred)))
        return NULL;
    cn_tensor *positive = cn_greater(y_pred, cn_scalar(y_pred, self->threshold));
    return positive ? equal(self, y_true, cn_cast(positive, y_pred->dtype)) : NULL;
}

static cn_tensor *categorical(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    if (!(y_pred = float_predictions(y_pred)) || !(y_true = cn_cast(y_true, y_pred->dtype)))
        return NULL;
    return cn_class_matches(y_true, y_pred, self->k);
}

static cn_tensor *sparse(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    if (!(y_pred = float_predictions(y_pred)) || !(y_true = cn_cast(y_true, CN_I32)))
        return NULL;
    const cn_shape *labels = &y_true->shape;
    if (labels->rank == y_pred->shape.rank && labels->rank > 0 && labels->dim[labels->rank - 1] == 1)
        y_true = cn_squeeze(y_true, .axis = -1);
    return cn_class_matches(y_true, y_pred, self->k);
}

static cn_tensor *sorted_ids(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    cn_shape size = y_pred->shape, start = {.rank = size.rank}, column = size;
    if (size.rank < 1) {
        cn_fail(CN_SHAPES, "%s: predictions have no axis of ids", self->name);
        return NULL;
    }
    int64_t *ids = &size.dim[size.rank - 1];
    *ids = *ids < self->k ? *ids : self->k;
    column.dim[column.rank - 1] = 1;
    cn_tensor *first = cn_cast(cn_slice(y_pred, start, size), CN_I32);
    return cn_any(cn_equal(cn_reshape(cn_cast(y_true, CN_I32), column), first), .axis = -1);
}

cn_metric cn_metric_accuracy_with(cn_metric args)
{
    args = cn_built_in_metric(args, "accuracy", "");
    args.built_in = "Accuracy"; /* "accuracy" is that which goes by the shapes */
    args.values = equal;
    return cn_mean_metric(args);
}

cn_metric cn_binary_accuracy_with(cn_metric args)
{
    args = cn_built_in_metric(args, "binary_accuracy", "threshold");
    args.values = binary;
    return cn_mean_metric(args);
}

/* The accuracy of the k best classes. */
static cn_metric best(cn_metric args, bool integer_labels)
{
    if (args.k < 1)
        cn_fail(CN_ARGUMENT, "%s: k is %lld; it must be 1 or more", args.name, (long long)args.k);
    args.integer_labels = integer_labels;
    args.values = args.from_sorted_ids ? sorted_ids : integer_labels ? sparse : categorical;
    return cn_mean_metric(args);
}

cn_metric cn_top_k_categorical_accuracy_with(cn_metric args)
{
    return best(cn_built_in_metric(args, "top_k_categorical_accuracy", "k"), false);
}

cn_metric cn_sparse_top_k_categorical_accuracy_with(cn_metric args)
{
    return best(cn_built_in_metric(args, "sparse_top_k_categorical_accuracy", "k from_sorted_ids"), true);
}

cn_metric cn_categorical_accuracy_with(cn_metric args)
{
    args = cn_built_in_metric(args, "categorical_accuracy", "");
    args.k = 1;
    return best(args, false);
}

cn_metric cn_sparse_categorical_accuracy_with(cn_metric args)
{
    args = cn_built_in_metric(args, "sparse_categorical_accuracy", "");
    args.k = 1;
    return best(args, true);
}

static cn_metric resolve(const cn_metric *self, cn_shape y_true, cn_shape y_pred)
{
    (void)self;
    if (y_pred.rank < 2 || y_pred.dim[y_pred.rank - 1] == 1)
        return cn_binary_accuracy();
    if (y_true.rank < y_pred.rank || y_true.dim[y_true.rank - 1] == 1)
        return cn_sparse_categorical_accuracy();
    return cn_categorical_accuracy();
}

cn_metric cn_accuracy(void)
{
    return (cn_metric){.name = "accuracy", .resolve = resolve, .direction = CN_UP};
}
