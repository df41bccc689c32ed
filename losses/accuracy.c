#include "losses/accuracy.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matches.h"
#include "core/ops/shaping.h"
#include "losses/ranks.h"

static cn_tensor *float_predictions(cn_tensor *y_pred)
{
    return y_pred->dtype == CN_I32 ? cn_cast(y_pred, cn_default_dtype()) : y_pred;
}

static cn_tensor *binary(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    if (!(y_pred = float_predictions(y_pred)) || !(y_true = cn_cast(y_true, y_pred->dtype)) ||
        !cn_reconcile_ranks(&y_true, &y_pred))
        return NULL;
    return cn_binary_matches(y_true, y_pred, self->threshold);
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

cn_metric cn_binary_accuracy_with(cn_metric args)
{
    args.name = "binary_accuracy";
    args.values = binary;
    return cn_mean_metric(args);
}

cn_metric cn_top_k_categorical_accuracy_with(cn_metric args)
{
    if (args.k < 1)
        cn_fail(CN_ARGUMENT, "top_k_categorical_accuracy: k is %lld; it must be 1 or more", (long long)args.k);
    args.name = "top_k_categorical_accuracy";
    args.values = categorical;
    return cn_mean_metric(args);
}

cn_metric cn_sparse_top_k_categorical_accuracy_with(cn_metric args)
{
    if (args.k < 1)
        cn_fail(CN_ARGUMENT, "sparse_top_k_categorical_accuracy: k is %lld; it must be 1 or more", (long long)args.k);
    args.name = "sparse_top_k_categorical_accuracy";
    args.values = sparse;
    args.integer_labels = true;
    return cn_mean_metric(args);
}

cn_metric cn_categorical_accuracy(void)
{
    return cn_mean_metric((cn_metric){.name = "categorical_accuracy", .values = categorical, .k = 1});
}

cn_metric cn_sparse_categorical_accuracy(void)
{
    return cn_mean_metric(
        (cn_metric){.name = "sparse_categorical_accuracy", .values = sparse, .k = 1, .integer_labels = true});
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
    return (cn_metric){.name = "accuracy", .resolve = resolve};
}
