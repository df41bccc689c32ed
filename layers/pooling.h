/* Pooling layers: the largest value or the mean over windows of the axes of space. Inputs are (B, ..., C), or (B, C,
 * ...) with .data_format = CN_CHANNELS_FIRST. Masks do not pass. */
#ifndef CN_LAYERS_POOLING_H
#define CN_LAYERS_POOLING_H
#include "../core/ops/window.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Windows of .pool_size, by default 2 (an average has no default), every .strides elements, by default pool_size: {2}
 * stands for 2 in every direction. Padding, with CN_SAME, is never the largest value and does not count in a mean.
 * cn_max_pooling2d(), cn_average_pooling1d({4}, .strides = {2}) */
typedef struct cn_pooling_args {
    char first_;
    int64_t pool_size[CN_SPACE];
    int64_t strides[CN_SPACE];
    cn_padding padding;
    cn_data_format data_format;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_pooling_args;
#define CN_MAX_POOLING_DEFAULTS .pool_size = {2}
#define cn_max_pooling1d(...) \
    cn_max_pooling1d_with((cn_pooling_args){CN_MAX_POOLING_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_max_pooling2d(...) \
    cn_max_pooling2d_with((cn_pooling_args){CN_MAX_POOLING_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_max_pooling3d(...) \
    cn_max_pooling3d_with((cn_pooling_args){CN_MAX_POOLING_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_average_pooling1d(...) cn_average_pooling1d_with((cn_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_average_pooling2d(...) cn_average_pooling2d_with((cn_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_average_pooling3d(...) cn_average_pooling3d_with((cn_pooling_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_max_pooling1d_with(cn_pooling_args args);
CN_API cn_layer *cn_max_pooling2d_with(cn_pooling_args args);
CN_API cn_layer *cn_max_pooling3d_with(cn_pooling_args args);
CN_API cn_pooling_args cn_max_pooling_defaults(void);
CN_API cn_layer *cn_average_pooling1d_with(cn_pooling_args args);
CN_API cn_layer *cn_average_pooling2d_with(cn_pooling_args args);
CN_API cn_layer *cn_average_pooling3d_with(cn_pooling_args args);

/* One value a channel: (B, C), or with .keepdims the axes of space as 1. The average of a sequence is over the steps
 * that its mask keeps (NaN where it keeps none). */
typedef struct cn_global_pooling_args {
    char first_;
    cn_data_format data_format;
    bool keepdims;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_global_pooling_args;
#define cn_global_max_pooling1d(...) cn_global_max_pooling1d_with((cn_global_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_global_max_pooling2d(...) cn_global_max_pooling2d_with((cn_global_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_global_max_pooling3d(...) cn_global_max_pooling3d_with((cn_global_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_global_average_pooling1d(...) \
    cn_global_average_pooling1d_with((cn_global_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_global_average_pooling2d(...) \
    cn_global_average_pooling2d_with((cn_global_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_global_average_pooling3d(...) \
    cn_global_average_pooling3d_with((cn_global_pooling_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_global_max_pooling1d_with(cn_global_pooling_args args);
CN_API cn_layer *cn_global_max_pooling2d_with(cn_global_pooling_args args);
CN_API cn_layer *cn_global_max_pooling3d_with(cn_global_pooling_args args);
CN_API cn_layer *cn_global_average_pooling1d_with(cn_global_pooling_args args);
CN_API cn_layer *cn_global_average_pooling2d_with(cn_global_pooling_args args);
CN_API cn_layer *cn_global_average_pooling3d_with(cn_global_pooling_args args);

/* An output of .output_size whatever the input's size; windows may overlap. cn_adaptive_average_pooling2d({4}) */
typedef struct cn_adaptive_pooling_args {
    char first_;
    int64_t output_size[CN_SPACE];
    cn_data_format data_format;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_adaptive_pooling_args;
#define cn_adaptive_max_pooling1d(...) \
    cn_adaptive_max_pooling1d_with((cn_adaptive_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_adaptive_max_pooling2d(...) \
    cn_adaptive_max_pooling2d_with((cn_adaptive_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_adaptive_max_pooling3d(...) \
    cn_adaptive_max_pooling3d_with((cn_adaptive_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_adaptive_average_pooling1d(...) \
    cn_adaptive_average_pooling1d_with((cn_adaptive_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_adaptive_average_pooling2d(...) \
    cn_adaptive_average_pooling2d_with((cn_adaptive_pooling_args){.first_ = 0, __VA_ARGS__})
#define cn_adaptive_average_pooling3d(...) \
    cn_adaptive_average_pooling3d_with((cn_adaptive_pooling_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_adaptive_max_pooling1d_with(cn_adaptive_pooling_args args);
CN_API cn_layer *cn_adaptive_max_pooling2d_with(cn_adaptive_pooling_args args);
CN_API cn_layer *cn_adaptive_max_pooling3d_with(cn_adaptive_pooling_args args);
CN_API cn_layer *cn_adaptive_average_pooling1d_with(cn_adaptive_pooling_args args);
CN_API cn_layer *cn_adaptive_average_pooling2d_with(cn_adaptive_pooling_args args);
CN_API cn_layer *cn_adaptive_average_pooling3d_with(cn_adaptive_pooling_args args);

#ifdef __cplusplus
}
#endif
#endif
