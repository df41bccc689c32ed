#include "losses/crossentropy.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/crossentropy.h"
#include "core/ops/indexing.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "core/ops/softmax.h"
#include "losses/built_in.h"

static const double epsilon = 1e-7;

/* The axis of the classes, from 0; -1 with the error set. */
static int class_axis(const cn_loss *self, const cn_tensor *y_pred)
{
    int rank = y_pred->shape.rank, axis = self->axis < 0 ? self->axis + rank : self->axis;
    if (axis >= 0 && axis < rank)
        return axis;
    cn_fail(CN_ARGUMENT, "%s: y_pred has no axis %d", self->name, self->axis);
    return -1;
}

static cn_tensor *clip_probabilities(cn_tensor *p)
{
    return cn_clip(p, epsilon, 1 - epsilon);
}

/* y (1 - s) + s / n */
static cn_tensor *smooth(const cn_loss *self, cn_tensor *y, double n)
{
    double s = self->label_smoothing;
    return s == 0 ? y : cn_add(cn_mul(y, cn_scalar(y, 1 - s)), cn_scalar(y, s / n));
}

/* log p of the classes along an axis: the logarithm of probabilities that sum to 1 and are clipped, or log softmax. */
static cn_tensor *log_probabilities(const cn_loss *self, cn_tensor *y_pred, int axis)
{
    if (self->from_logits)
        return cn_log_softmax(y_pred, .axis = axis);
    cn_tensor *sum = cn_sum(y_pred, .axis = axis, .keepdims = true);
    return cn_log(clip_probabilities(cn_div(y_pred, sum)));
}

/* The logits that the fused forms take, and the probabilities if there are any; NULL if they do not apply. */
static cn_tensor *logits_of(const cn_loss *self, cn_tensor *y_pred, int axis, cn_tensor **probabilities)
{
    *probabilities = self->from_logits ? NULL : y_pred;
    if (axis != y_pred->shape.rank - 1)
        return NULL;
    return self->from_logits ? y_pred : cn_softmax_logits(y_pred);
}

static cn_tensor *categorical(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    int axis = class_axis(self, y_pred);
    if (axis < 0)
        return NULL;
    cn_tensor *target = smooth(self, y_true, (double)y_pred->shape.dim[axis]), *probabilities;
    cn_tensor *logits = logits_of(self, y_pred, axis, &probabilities);
    if (logits)
        return cn_softmax_crossentropy(logits, probabilities, target);
    return cn_negative(cn_sum(cn_mul(target, log_probabilities(self, y_pred, axis)), .axis = axis));
}

/* The labels without an axis of 1 where the classes are, checked. */
static cn_tensor *labels_of(const cn_loss *self, cn_tensor *y_true, const cn_tensor *y_pred, int axis)
{
    cn_shape wanted = y_pred->shape, column = wanted;
    column.dim[axis] = 1;
    wanted.rank--;
    for (int d = axis; d < wanted.rank; d++)
        wanted.dim[d] = wanted.dim[d + 1];
    if (cn_shape_equal(y_true->shape, column))
        return cn_reshape(y_true, wanted);
    if (cn_shape_equal(y_true->shape, wanted))
        return y_true;
    char labels[CN_SHAPE_TEXT], output[CN_SHAPE_TEXT];
    cn_fail(CN_SHAPES, "%s: labels of shape %s do not fit an output of shape %s", self->name,
            cn_shape_text(y_true->shape, labels, sizeof labels), cn_shape_text(y_pred->shape, output, sizeof output));
    return NULL;
}

static cn_tensor *sparse(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    int axis = class_axis(self, y_pred);
    cn_tensor *labels = axis < 0 ? NULL : labels_of(self, y_true, y_pred, axis), *valid = NULL, *probabilities, *values;
    if (!labels)
        return NULL;
    if (self->ignore_class != CN_NONE) {
        valid = cn_not_equal(labels, cn_full(labels->tape, CN_SHAPE(), (double)self->ignore_class, .dtype = CN_I32));
        labels = cn_mul(labels, valid);
    }
    cn_tensor *logits = logits_of(self, y_pred, axis, &probabilities);
    if (logits) {
        values = cn_sparse_softmax_crossentropy(logits, probabilities, labels);
    } else {
        cn_tensor *log_p = log_probabilities(self, y_pred, axis);
        cn_tensor *at = cn_take_along_axis(log_p, cn_expand_dims(labels, axis), .axis = axis);
        values = cn_negative(cn_squeeze(at, .axis = axis));
    }
    if (!valid || !values)
        return values;
    if ((values = cn_mul(values, cn_cast(valid, values->dtype))))
        values->mask = valid;
    return values;
}

static cn_tensor *binary(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    int axis = class_axis(self, y_pred);
    if (axis < 0)
        return NULL;
    cn_tensor *target = smooth(self, y_true, 2), *logits = self->from_logits ? y_pred : cn_sigmoid_logits(y_pred);
    if (logits)
        return cn_mean(cn_sigmoid_crossentropy(logits, target), .axis = axis);
    cn_tensor *p = clip_probabilities(y_pred), *one = cn_scalar(y_pred, 1);
    cn_tensor *if_true = cn_mul(target, cn_log(p));
    cn_tensor *if_false = cn_mul(cn_sub(one, target), cn_log(cn_sub(one, p)));
    return cn_negative(cn_mean(cn_add(if_true, if_false), .axis = axis));
}

cn_loss cn_categorical_crossentropy_with(cn_loss args)
{
    return cn_built_in_loss(args, "categorical_crossentropy", categorical,
                            CN_HAS_FROM_LOGITS | CN_HAS_LABEL_SMOOTHING | CN_HAS_AXIS);
}

cn_loss cn_sparse_categorical_crossentropy_with(cn_loss args)
{
    args.integer_labels = true;
    return cn_built_in_loss(args, "sparse_categorical_crossentropy", sparse,
                            CN_HAS_FROM_LOGITS | CN_HAS_AXIS | CN_HAS_IGNORE_CLASS);
}

cn_loss cn_binary_crossentropy_with(cn_loss args)
{
    return cn_built_in_loss(args, "binary_crossentropy", binary,
                            CN_HAS_FROM_LOGITS | CN_HAS_LABEL_SMOOTHING | CN_HAS_AXIS);
}
