/* Regularizers, penalties on weights or outputs, and constraints, projections after each update: values. Names,
 * defaults and formulas are Keras' (keras.io/api/layers/regularizers, .../constraints). */
#ifndef CN_LAYERS_REGULARIZER_H
#define CN_LAYERS_REGULARIZER_H
#include "../core/ops/reduction.h"
#include "option.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_regularizer cn_regularizer;
struct cn_regularizer {
    const char *name; /* Keras' class name, "L2"; NULL: none */
    /* The penalty, a scalar, of a tensor on a tape. */
    cn_tensor *(*penalty)(const cn_regularizer *self, cn_tensor *x);
    double option[CN_MAX_OPTIONS];
};

/* l1 sum |x|; l2 sum x²; both. */
CN_API cn_regularizer cn_l1(double l1);
CN_API cn_regularizer cn_l2(double l2);
CN_API cn_regularizer cn_l1_l2(double l1, double l2);
/* factor times the mean |cosine| between any two rows (or columns) of a matrix. */
CN_API cn_regularizer cn_orthogonal_rows(double factor);
CN_API cn_regularizer cn_orthogonal_columns(double factor);
CN_API cn_regularizer cn_regularizer_from(const char *name,
                                          cn_tensor *(*penalty)(const cn_regularizer *self, cn_tensor *x));

typedef struct cn_constraint cn_constraint;
struct cn_constraint {
    const char *name; /* "MaxNorm"; NULL: none */
    /* The tensor nearest to w that is allowed. */
    cn_tensor *(*project)(const cn_constraint *self, cn_tensor *w);
    double option[CN_MAX_OPTIONS];
    cn_axes axis; /* that norms are taken over; none: the first */
};

typedef struct cn_norm_constraint_args {
    char first_;
    double min_value, max_value, rate;
    cn_axes axis; /* by default the first: for a Dense kernel, a norm for each unit */
} cn_norm_constraint_args;
/* cn_max_norm(.max_value = 3, .axis = CN_AXES(0, 1, 2)): norms are at most max_value, by default 2. */
#define cn_max_norm(...) cn_max_norm_with((cn_norm_constraint_args){.max_value = 2, .first_ = 0, __VA_ARGS__})
CN_API cn_constraint cn_max_norm_with(cn_norm_constraint_args args);
/* Norms are 1. */
#define cn_unit_norm(...) cn_unit_norm_with((cn_norm_constraint_args){.first_ = 0, __VA_ARGS__})
CN_API cn_constraint cn_unit_norm_with(cn_norm_constraint_args args);
/* Norms are pulled between min_value and max_value, by `rate` of the way. */
#define cn_min_max_norm(...) \
    cn_min_max_norm_with((cn_norm_constraint_args){.min_value = 0, .max_value = 1, .rate = 1, .first_ = 0, __VA_ARGS__})
CN_API cn_constraint cn_min_max_norm_with(cn_norm_constraint_args args);
/* Negative weights become 0. */
CN_API cn_constraint cn_non_neg(void);
CN_API cn_constraint cn_constraint_from(const char *name,
                                        cn_tensor *(*project)(const cn_constraint *self, cn_tensor *w));

/* By Keras' name, of the class or in snake case, with the default options; false, without an error, if there is none.
 * options (which may be NULL) gets the names of the CN_MAX_OPTIONS options; a constraint's `axis` is not among them. */
CN_API bool cn_regularizer_named(const char *name, cn_regularizer *regularizer, const cn_option **options);
CN_API bool cn_constraint_named(const char *name, cn_constraint *constraint, const cn_option **options);

#ifdef __cplusplus
}
#endif
#endif
