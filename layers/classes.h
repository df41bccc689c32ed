/* Private: the rows of all built-in layer classes. Each file of layers ends with a NULL-terminated list of its rows. */
#ifndef CN_LAYERS_CLASSES_H
#define CN_LAYERS_CLASSES_H
#include "layers/layer.h"

#define CN_LAYER_FAMILIES(X)     \
    X(cn_core_classes)           \
    X(cn_convolution_classes)    \
    X(cn_activation_classes)     \
    X(cn_reshaping_classes)      \
    X(cn_pooling_classes)        \
    X(cn_preprocessing_classes)  \
    X(cn_feature_classes)        \
    X(cn_augmentation_classes)   \
    X(cn_regularization_classes) \
    X(cn_merging_classes)        \
    X(cn_cell_classes)           \
    X(cn_normalization_classes)  \
    X(cn_spectral_classes)       \
    X(cn_recurrent_classes)      \
    X(cn_wrapper_classes)        \
    X(cn_conv_lstm_classes)      \
    X(cn_einsum_dense_classes)   \
    X(cn_softmax_classes)        \
    X(cn_attention_classes)      \
    X(cn_multi_head_attention_classes)

#define CN_DECLARE_FAMILY_(family) extern const cn_layer_class *const family[];
CN_LAYER_FAMILIES(CN_DECLARE_FAMILY_)
#undef CN_DECLARE_FAMILY_

/* NULL past the last one. */
const cn_layer_class *cn_builtin_layer_class(int index);
#endif
