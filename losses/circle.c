#include "losses/circle.h"
#include "core/engine.h"
#include "core/ops/activation.h"
#include "core/ops/creation.h"
#include "core/ops/number.h"
#include "core/ops/product.h"
#include "core/ops/shaping.h"
#include "core/ops/softmax.h"
#include "losses/built_in.h"

/* log sum exp(scale max(far + slope d, 0) (near - d)) of the others that are chosen. */
static cn_tensor *log_sum(cn_tensor *d, cn_tensor *chosen, double scale, double far, double slope, double near)
{
    const double nothing = -1e30; /* its exponential is 0, and its differences are finite */
    cn_tensor *weight = cn_relu(cn_plus(cn_times(d, slope), far));
    cn_tensor *term = cn_times(cn_mul(weight, cn_plus(cn_negative(d), near)), scale);
    return cn_logsumexp(cn_where(chosen, term, cn_scalar(d, nothing)), .axis = 1);
}

static cn_tensor *circle(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    const cn_shape *shape = &y_pred->shape;
    if (shape->rank != 2 || cn_shape_size(y_true->shape) != shape->dim[0]) {
        char labels[CN_SHAPE_TEXT], output[CN_SHAPE_TEXT];
        cn_fail(CN_SHAPES, "circle: labels of shape %s do not fit embeddings of shape %s",
                cn_shape_text(y_true->shape, labels, sizeof labels), cn_shape_text(*shape, output, sizeof output));
        return NULL;
    }
    const double g = self->gamma, m = self->margin;
    cn_tensor *label = cn_reshape(y_true, CN_SHAPE(shape->dim[0], 1));
    cn_tensor *same = cn_equal(label, cn_transpose(label)), *other = cn_logical_not(same);
    if (self->remove_diagonal)
        same = cn_sub(same, cn_eye(y_pred->tape, shape->dim[0], .dtype = CN_I32));
    cn_tensor *cosine = cn_matmul(y_pred, cn_transpose(y_pred));
    cn_tensor *d = cn_relu(cn_sub(cn_scalar(y_pred, 1), cosine));
    cn_tensor *values = cn_softplus(cn_add(log_sum(d, same, -g, m, 1, m), log_sum(d, other, g, 1 + m, -1, 1 - m)));
    cn_tensor *counts = cn_greater(values, cn_scalar(y_pred, 0));
    if (values && counts)
        values->mask = counts;
    return values;
}

cn_loss cn_circle_with(cn_loss args)
{
    args.integer_labels = true;
    return cn_built_in_loss(args, "circle", circle, CN_HAS_GAMMA | CN_HAS_MARGIN | CN_HAS_REMOVE_DIAGONAL);
}
