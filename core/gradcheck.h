/* Gradients held against differences: whether the gradient of a function of tensors, and the gradient of its gradient,
 * are what its values say. */
#ifndef CN_CORE_GRADCHECK_H
#define CN_CORE_GRADCHECK_H
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is checked: operations on `inputs`, CN_F64 tensors of `tape`, and on variables; gives a CN_F64 tensor of any
 * shape, or NULL with the error set. It is called many times and must do the same each time. */
typedef cn_tensor *cn_checked_function(cn_tape *tape, cn_tensor *const *inputs, void *context);

typedef struct cn_interval {
    double low, high;
} cn_interval;

#define CN_MAX_CHECKED_INPUTS 8

typedef struct cn_gradient_check_args {
    cn_checked_function *function;
    void *context;
    int input_count;
    cn_shape inputs[CN_MAX_CHECKED_INPUTS];
    cn_interval intervals[CN_MAX_CHECKED_INPUTS]; /* that their elements are drawn from; {0}: from -1 to 1 */
    cn_tensor *const *variables; /* of type CN_F64: differentiated at the values they have, which they get back */
    int variable_count;
    int order;                          /* 1: first derivatives only; 2 (default): second ones too */
    double tolerance, second_tolerance; /* 1e-6 and 1e-4 */
    double step;                        /* 1e-3: what elements are moved by */
    int draws;                          /* 10: how many points are tried until one is not next to a kink */
    uint64_t seed;                      /* of the points */
    bool training;                      /* of the tapes */
} cn_gradient_check_args;

/* What was found. The worst element is that with the largest error beside its tolerance. */
typedef struct cn_gradient_report {
    bool passed;
    int draws;                        /* points that were tried */
    double first_error, second_error; /* the largest of each order */
    int order;                        /* of the worst element's derivative, 1 or 2 */
    int tensor;                       /* that has it: an input, or input_count + a variable */
    int64_t element;                  /* its place in that tensor, in row-major order */
    double analytic, numeric, error;  /* its derivative by the gradient and by differences, and their relative error */
    char text[512];                   /* all this as a sentence */
} cn_gradient_report;

/* cn_gradient_check(&report, function, .input_count = 1, .inputs = {CN_SHAPE(2, 3)}): checks at a random point the
 * gradient of sum(w * y), w being random, with respect to every element of every input and variable; then on tapes with
 * .second_order the same and the gradient of sum(v * gradient). Differences are central ones of four points, at `step`
 * and an eighth of it, the better of which counts. An error is relative to the larger derivative, to the mean size of
 * that tensor's, or to a thousandth of the loss if that is larger still. Where differences of different width disagree
 * a kink is near, and another point is drawn. Random operations draw the same numbers in every call of the function.
 * The default type is CN_F64 meanwhile. `report` may be NULL.
 *
 * False, with the report's text as the error, if an error is above its tolerance; false with the function's own error
 * if it has one. */
#define cn_gradient_check(report, ...) \
    cn_gradient_check_with((report), (cn_gradient_check_args){CN_GRADIENT_CHECK_DEFAULTS, .function = __VA_ARGS__})
#define CN_GRADIENT_CHECK_DEFAULTS .order = 2, .tolerance = 1e-6, .second_tolerance = 1e-4, .step = 1e-3, .draws = 10
CN_API bool cn_gradient_check_with(cn_gradient_report *report, cn_gradient_check_args args);

#ifdef __cplusplus
}
#endif
#endif
