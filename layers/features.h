/* Layers that prepare the features of a table: numbers and categories. What some of them need to know of the data they
 * learn before training, by cn_adapt (data/preprocessing.h). */
#ifndef CN_LAYERS_FEATURES_H
#define CN_LAYERS_FEATURES_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Normalization: (x - mean) / max(√variance, 1e-7), or with .invert x max(√variance, 1e-7) + mean. There is a mean and
 * a variance for each index of the axes .axis, which are not the batch's and have a known size; for CN_SHAPE() one for
 * all. cn_adapt sets them to those of the data, the variance biased (divided by n). The shape stays, integers become
 * floats, a mask passes on. Weights, not trained: mean (zeros at first), variance (ones), count (int32, 0: for old
 * files).
 *
 * Or they are given, both: cn_normalization(.mean = cn_array(m, 3), .variance = cn_array(v, 3)), which are copied; then
 * there are no weights. Their dimensions belong to the last of the axes and are 1 or the size there; CN_SHAPE() is
 * one number. CN_ARGUMENT unless their shapes agree, CN_SHAPES if they do not fit the input. */
typedef struct cn_normalization_args {
    char first_;
    cn_shape axis;
    cn_view mean, variance;
    bool invert;
    const char *name;
} cn_normalization_args;
#define CN_NORMALIZATION_DEFAULTS .axis = {.rank = 1, .dim = {-1}}
/* cn_normalization(), cn_normalization(CN_SHAPE(1, 2)) */
#define cn_normalization(...) \
    cn_normalization_with((cn_normalization_args){CN_NORMALIZATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_normalization_with(cn_normalization_args args);
CN_API cn_normalization_args cn_normalization_defaults(void);

/* How categories, numbers from 0 to count - 1, are written; others count for nothing.
 *   CN_MULTI_HOT  (n) to (count), (B, n, ...) to (B, ..., count): 1 where the category is among the n, else 0
 *   CN_ONE_HOT    (...) or (..., 1) to (..., count): 1 at the category, else 0
 *   CN_COUNT      as CN_MULTI_HOT, but how often; inputs of rank 0 to 2
 *   CN_INT        as they are, int32 */
typedef enum cn_output_mode { CN_MULTI_HOT, CN_ONE_HOT, CN_COUNT, CN_INT } cn_output_mode;

/* Categories, whole numbers of any type: cn_category_encoding(10); not with CN_INT. For CN_COUNT a second input of the
 * same shape has what each counts, by default 1: cn_call_many(layer, {x, weights}), Keras' count_weights. */
typedef struct cn_category_encoding_args {
    char first_;
    int64_t num_tokens;
    cn_output_mode output_mode;
    const char *name;
} cn_category_encoding_args;
#define cn_category_encoding(...) cn_category_encoding_with((cn_category_encoding_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_category_encoding_with(cn_category_encoding_args args);

/* Numbers as the bins they lie in: with boundaries b0 <= b1 <= ... bin 0 is all below b0, bin i from b(i - 1) up to,
 * but not including, b(i), the last all from the last boundary on. cn_discretization(cn_array(b, 3)) copies boundaries;
 * cn_discretization(.num_bins = 4) finds them by cn_adapt, before its first call: so that as many numbers of the data
 * lie in each bin, but for a part .epsilon of all. With few numbers there may be fewer bins. If both are given, as in
 * the config of an adapted layer, the boundaries hold until it is adapted again.
 *
 * Found as in Keras (keras/src/layers/preprocessing/discretization.py): each batch is sorted and thinned out to about
 * 1 / epsilon weighted values, which are merged with those so far and thinned out again, by linear interpolation. */
typedef struct cn_discretization_args {
    char first_;
    cn_view bin_boundaries; /* rank 1, ascending */
    int64_t num_bins;       /* or CN_NONE */
    double epsilon;
    cn_output_mode output_mode;
    const char *name;
} cn_discretization_args;
#define CN_DISCRETIZATION_DEFAULTS .num_bins = CN_NONE, .epsilon = 0.01, .output_mode = CN_INT
#define cn_discretization(...) \
    cn_discretization_with((cn_discretization_args){CN_DISCRETIZATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_discretization_with(cn_discretization_args args);
CN_API cn_discretization_args cn_discretization_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
