/* Private: layers from Keras' configs. */
#ifndef CN_FORMATS_CONFIG_LAYER_H
#define CN_FORMATS_CONFIG_LAYER_H
#include <jansson.h>
#include "layers/layer.h"

/* A layer of a class from its constructor's arguments; what is missing or null has its default, what the class does not
 * know is ignored. NULL with the error set. */
cn_layer *cn_layer_from_config(const char *class_name, const json_t *config);
/* A name ("he_normal"), {"class_name": ..., "config": {...}}, or null, which leaves the value as it is. */
bool cn_initializer_from_config(const json_t *config, cn_initializer *initializer);
bool cn_regularizer_from_config(const json_t *config, cn_regularizer *regularizer);
bool cn_constraint_from_config(const json_t *config, cn_constraint *constraint);
#endif
