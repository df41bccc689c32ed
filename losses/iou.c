#include "losses/iou.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/counts.h"
#include "core/ops/reduction.h"
#include "losses/metric_arguments.h"
#include "losses/ranks.h"

/* Keras adds it to all that it divides by. */
static const double epsilon = 1e-7;

static cn_shape iou_state(const cn_metric *self, int index)
{
    (void)index;
    return CN_SHAPE(self->num_classes, self->num_classes);
}

static bool count_pairs(const cn_metric *self, cn_tensor *const *state, cn_tensor *labels, cn_tensor *classes,
                        cn_tensor *weight, cn_tensor **next)
{
    if (!(labels = cn_cast(labels, CN_I32)) || !(classes = cn_cast(classes, CN_I32)) ||
        !cn_reconcile_ranks(&labels, &classes))
        return false;
    if (weight) {
        cn_tensor *values = cn_cast(classes, weight->dtype == CN_I32 ? cn_default_dtype() : weight->dtype);
        if (!values || !cn_align_weights(self->name, &weight, values) ||
            (self->dtype == CN_I32 && !(weight = cn_trunc(weight))) ||
            !(weight = cn_broadcast_to(weight, classes->shape)))
            return false;
    }
    next[0] = cn_add(state[0], cn_confusion_matrix(labels, classes, weight, self->num_classes, self->ignore_class));
    return next[0] != NULL;
}

static bool iou_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                       cn_tensor *sample_weight, cn_tensor **next)
{
    if ((!self->sparse_y_true && !(y_true = cn_argmax(y_true, .axis = self->axis))) ||
        (!self->sparse_y_pred && !(y_pred = cn_argmax(y_pred, .axis = self->axis))))
        return false;
    return count_pairs(self, state, y_true, y_pred, sample_weight, next);
}

static bool binary_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                          cn_tensor *sample_weight, cn_tensor **next)
{
    y_pred = cn_greater_equal(y_pred, cn_scalar(y_pred, self->threshold));
    return y_pred && count_pairs(self, state, y_true, y_pred, sample_weight, next);
}

static void iou_result(const cn_metric *self, const double *const *state, double *value)
{
    int64_t classes = self->num_classes, all = self->target_class_ids.count ? 0 : classes, counted = 0;
    double sum = 0;
    for (int64_t t = 0; t < all + self->target_class_ids.count; t++) {
        int64_t class = all ? t : (int64_t)self->target_class_ids.value[t];
        double row = 0, column = 0, both = state[0][class * classes + class];
        for (int64_t i = 0; i < classes; i++) {
            row += state[0][class * classes + i];
            column += state[0][i * classes + class];
        }
        double either = row + column - both;
        sum += both / (either + epsilon);
        counted += either != 0;
    }
    *value = sum / ((double)counted + epsilon);
}

static cn_metric iou(cn_metric args, bool targets)
{
    if (args.num_classes < 1)
        cn_fail(CN_ARGUMENT, "%s: num_classes is %lld; it must be 1 or more", args.name, (long long)args.num_classes);
    if (targets && args.target_class_ids.count == 0)
        cn_fail(CN_ARGUMENT, "%s: needs target_class_ids", args.name);
    cn_check_numbers(&args, "target_class_ids", args.target_class_ids.value, args.target_class_ids.count, 0,
                     (double)args.num_classes - 1);
    args.state_count = 1;
    args.state_shape = iou_state;
    args.update = iou_update;
    args.result = iou_result;
    return args;
}

#define ARGUMENTS "num_classes ignore_class sparse_y_pred axis dtype "

cn_metric cn_iou_with(cn_metric args)
{
    return iou(cn_built_in_metric(args, "io_u", ARGUMENTS "sparse_y_true target_class_ids"), true);
}

cn_metric cn_mean_iou_with(cn_metric args)
{
    return iou(cn_built_in_metric(args, "mean_io_u", ARGUMENTS "sparse_y_true"), false);
}

cn_metric cn_one_hot_iou_with(cn_metric args)
{
    args = cn_built_in_metric(args, "one_hot_io_u", ARGUMENTS "target_class_ids");
    args.sparse_y_true = false;
    return iou(args, true);
}

cn_metric cn_one_hot_mean_iou_with(cn_metric args)
{
    args = cn_built_in_metric(args, "one_hot_mean_io_u", ARGUMENTS);
    args.sparse_y_true = false;
    return iou(args, false);
}

cn_metric cn_binary_iou_with(cn_metric args)
{
    args = cn_built_in_metric(args, "binary_io_u", "target_class_ids threshold dtype");
    args.num_classes = 2;
    args = iou(args, true);
    args.update = binary_update;
    return args;
}
