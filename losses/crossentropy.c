#include "losses/crossentropy.h"
#include "core/engine.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/crossentropy.h"
#include "core/ops/indexing.h"
#include "core/ops/number.h"
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

/* The same from the logits, if y_pred is or has been made from any. */
static cn_tensor *traced_log_probabilities(const cn_loss *self, cn_tensor *y_pred, int axis)
{
    cn_tensor *probabilities, *logits = logits_of(self, y_pred, axis, &probabilities);
    return logits ? cn_log_softmax(logits, .axis = axis) : log_probabilities(self, y_pred, axis);
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
        labels = cn_class_labels(labels, y_pred->shape.dim[axis]);
        cn_tensor *at = cn_take_along_axis(log_p, cn_expand_dims(labels, axis), .axis = axis);
        values = cn_negative(cn_squeeze(at, .axis = axis));
    }
    if (!valid || !values)
        return values;
    if ((values = cn_mul(values, cn_cast(valid, values->dtype))))
        values->mask = valid;
    return values;
}

static cn_tensor *by_shapes(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    const cn_shape *labels = &y_true->shape, *output = &y_pred->shape;
    cn_loss args = {CN_LOSS_DEFAULTS, .from_logits = self->from_logits};
    if (output->rank < 2 || output->dim[output->rank - 1] == 1)
        return cn_loss_values(cn_binary_crossentropy_with(args), y_true, y_pred);
    if (labels->rank < output->rank || labels->dim[labels->rank - 1] == 1)
        return cn_loss_values(cn_sparse_categorical_crossentropy_with(args), y_true, y_pred);
    return cn_loss_values(cn_categorical_crossentropy_with(args), y_true, y_pred);
}

/* The binary cross-entropy of each element; *miss, unless NULL, is the probability that is not given to what is true.
 */
static cn_tensor *binary_elements(const cn_loss *self, cn_tensor *target, cn_tensor *y_pred, cn_tensor **miss)
{
    cn_tensor *logits = self->from_logits ? y_pred : cn_sigmoid_logits(y_pred), *one = cn_scalar(y_pred, 1);
    cn_tensor *not_target = cn_sub(one, target);
    if (miss) {
        cn_tensor *p = self->from_logits ? cn_sigmoid(y_pred) : y_pred;
        cn_tensor *not_p = logits ? cn_sigmoid(cn_negative(logits)) : cn_sub(one, p);
        *miss = cn_add(cn_mul(target, not_p), cn_mul(not_target, p));
    }
    if (logits)
        return cn_sigmoid_crossentropy(logits, target);
    cn_tensor *p = clip_probabilities(y_pred);
    return cn_negative(cn_add(cn_mul(target, cn_log(p)), cn_mul(not_target, cn_log(cn_sub(one, p)))));
}

static cn_tensor *binary(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    int axis = class_axis(self, y_pred);
    return axis < 0 ? NULL : cn_mean(binary_elements(self, smooth(self, y_true, 2), y_pred, NULL), .axis = axis);
}

static cn_tensor *binary_focal(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    int axis = class_axis(self, y_pred);
    if (axis < 0)
        return NULL;
    cn_tensor *target = smooth(self, y_true, 2), *miss;
    cn_tensor *values = binary_elements(self, target, y_pred, &miss);
    values = cn_mul(cn_power(miss, cn_scalar(y_pred, self->gamma)), values);
    if (self->apply_class_balancing)
        values = cn_mul(cn_plus(cn_times(target, 2 * self->alpha - 1), 1 - self->alpha), values);
    return cn_mean(values, .axis = axis);
}

static cn_tensor *categorical_focal(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    int axis = class_axis(self, y_pred);
    if (axis < 0)
        return NULL;
    cn_tensor *target = smooth(self, y_true, (double)y_pred->shape.dim[axis]);
    cn_tensor *log_p = traced_log_probabilities(self, y_pred, axis);
    cn_tensor *miss = cn_maximum(cn_sub(cn_scalar(y_pred, 1), cn_exp(log_p)), cn_scalar(y_pred, epsilon));
    cn_tensor *weight = cn_times(cn_power(miss, cn_scalar(y_pred, self->gamma)), -self->alpha);
    return cn_sum(cn_mul(weight, cn_mul(target, log_p)), .axis = axis);
}

static cn_tensor *generalized(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    int axis = class_axis(self, y_pred);
    cn_tensor *labels = axis < 0 ? NULL : labels_of(self, y_true, y_pred, axis), *logits = cn_softmax_logits(y_pred);
    if (!labels)
        return NULL;
    labels = cn_class_labels(labels, y_pred->shape.dim[axis]);
    cn_tensor *q = cn_scalar(y_pred, self->q), *at = cn_expand_dims(labels, axis), *power;
    if (logits)
        power = cn_exp(cn_mul(cn_take_along_axis(cn_log_softmax(logits), at, .axis = axis), q));
    else
        power = cn_power(cn_take_along_axis(y_pred, at, .axis = axis), q);
    return cn_div(cn_sub(cn_scalar(y_pred, 1), cn_squeeze(power, .axis = axis)), q);
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

cn_loss cn_crossentropy_with(cn_loss args)
{
    args.any_labels = true;
    return cn_built_in_loss(args, "crossentropy", by_shapes, CN_HAS_FROM_LOGITS);
}

cn_loss cn_binary_focal_crossentropy_with(cn_loss args)
{
    return cn_built_in_loss(args, "binary_focal_crossentropy", binary_focal,
                            CN_HAS_FROM_LOGITS | CN_HAS_LABEL_SMOOTHING | CN_HAS_AXIS | CN_HAS_ALPHA | CN_HAS_GAMMA |
                                CN_HAS_APPLY_CLASS_BALANCING);
}

cn_loss cn_categorical_focal_crossentropy_with(cn_loss args)
{
    return cn_built_in_loss(args, "categorical_focal_crossentropy", categorical_focal,
                            CN_HAS_FROM_LOGITS | CN_HAS_LABEL_SMOOTHING | CN_HAS_AXIS | CN_HAS_ALPHA | CN_HAS_GAMMA);
}

cn_loss cn_categorical_generalized_cross_entropy_with(cn_loss args)
{
    args.integer_labels = true;
    if (!(args.q > 0 && args.q < 1))
        cn_fail(CN_ARGUMENT, "categorical_generalized_cross_entropy: q is between 0 and 1, not %g", args.q);
    return cn_built_in_loss(args, "categorical_generalized_cross_entropy", generalized, CN_HAS_Q);
}
