#include "losses/ctc.h"
#include "core/arena.h"
#include "core/engine.h"
#include "core/ops/creation.h"
#include "core/ops/indexing.h"
#include "core/ops/joining.h"
#include "core/ops/number.h"
#include "core/ops/shaping.h"
#include "core/ops/softmax.h"
#include "losses/built_in.h"

/* A path goes through the S = 2 N + 1 states blank, label 0, blank, label 1, ..., blank. From one step to the next it
 * stays, goes on to the next state, or leaves out the blank between two labels that differ. The logarithm of the
 * probability of all paths that end in a state is carried through time; -1e30 stands for that of 0, as its
 * differences are finite. */
static const double impossible = -1e30;

/* The class of each state: (B, S). */
static cn_tensor *classes_of_states(cn_tensor *labels)
{
    cn_shape shape = labels->shape;
    cn_tensor *pairs = cn_stack({cn_zeros_like(labels), labels}, .axis = 2);
    return cn_pad(cn_reshape(pairs, CN_SHAPE(shape.dim[0], 2 * shape.dim[1])), {{0, 0}, {0, 1}});
}

/* Columns `first` up to `first` + count of all rows. */
static cn_tensor *columns(cn_tensor *x, int64_t first, int64_t count)
{
    return cn_slice(x, CN_SHAPE(0, first), CN_SHAPE(-1, count));
}

/* 0 where a state may be entered from the last but one, impossible elsewhere: blanks are equal. */
static cn_tensor *cost_of_leaving_out(cn_tensor *classes, cn_tensor *like)
{
    cn_tensor *before = columns(cn_pad(classes, {{0, 0}, {2, 0}}), 0, classes->shape.dim[1]);
    return cn_where(cn_not_equal(classes, before), cn_scalar(like, 0), cn_scalar(like, impossible));
}

/* 0 in the first blank and the first label, impossible elsewhere. */
static cn_tensor *cost_of_beginning(cn_tensor *like, int64_t states)
{
    cn_tensor *first = cn_less(cn_arange(like->tape, (double)states), cn_scalar(like, 2));
    return cn_where(first, cn_scalar(like, 0), cn_scalar(like, impossible));
}

/* Through time, from the logarithms of the probabilities of the states at each step. */
static cn_tensor *last_path(cn_tensor **step, int64_t time, cn_tensor *classes)
{
    int64_t states = classes->shape.dim[1];
    cn_tensor *leaving_out = cost_of_leaving_out(classes, step[0]);
    cn_tensor *path = cn_add(cost_of_beginning(step[0], states), step[0]);
    for (int64_t t = 1; t < time && path; t++) {
        cn_tensor *padded = cn_pad(path, {{0, 0}, {2, 0}}, .value = impossible);
        cn_tensor *from_next = columns(padded, 1, states), *from_far = columns(padded, 0, states);
        cn_tensor *near = cn_logaddexp(path, from_next);
        path = cn_add(cn_logaddexp(near, cn_add(from_far, leaving_out)), step[t]);
    }
    return path;
}

/* A path ends in the last of the n labels that count, state 2 n - 1, or in the blank behind it. */
static cn_tensor *at_end(cn_tensor *path, cn_tensor *labels)
{
    cn_tensor *from_one = cn_arange(labels->tape, 1, (double)path->shape.dim[1] + 1);
    cn_tensor *n = cn_count_nonzero(labels, .axis = 1, .keepdims = true);
    cn_tensor *ends = cn_equal(cn_floor_divide(from_one, cn_scalar(path, 2)), n);
    return cn_logsumexp(cn_where(ends, path, cn_scalar(path, impossible)), .axis = 1);
}

static cn_tensor *ctc(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    const cn_shape labels = y_true->shape, logits = y_pred->shape;
    if (labels.rank != 2 || logits.rank != 3 || labels.dim[0] != logits.dim[0] || logits.dim[1] < 1) {
        char given[CN_SHAPE_TEXT], output[CN_SHAPE_TEXT];
        cn_fail(CN_SHAPES, "ctc: labels of shape %s do not fit an output of shape %s",
                cn_shape_text(labels, given, sizeof given), cn_shape_text(logits, output, sizeof output));
        return NULL;
    }
    const int64_t batch = logits.dim[0], time = logits.dim[1];
    cn_tensor *checked = cn_class_labels(y_true, logits.dim[2]), *classes = checked ? classes_of_states(checked) : NULL;
    if (!classes)
        return NULL;
    const cn_shape all = CN_SHAPE(batch, time, classes->shape.dim[1]);
    cn_tensor *log_p =
        cn_take_along_axis(cn_log_softmax(y_pred), cn_broadcast_to(cn_expand_dims(classes, 1), all), .axis = 2);
    cn_tensor **step = cn_allocate((size_t)time, sizeof *step);
    cn_tensor *path = step && cn_unstack_many(log_p, 1, (int)time, step) ? last_path(step, time, classes) : NULL;
    cn_release(step);
    return path ? cn_negative(at_end(path, y_true)) : NULL;
}

cn_loss cn_ctc_with(cn_loss args)
{
    args.integer_labels = true;
    return cn_built_in_loss(args, "ctc", ctc, 0);
}
