/* Private: whole models as Keras' configs: {"class_name": "Sequential" or "Functional" (once "Model"), "config": ...}
 * with the layers and, of a functional model, their calls. */
#ifndef CN_FORMATS_MODEL_CONFIG_H
#define CN_FORMATS_MODEL_CONFIG_H
#include <jansson.h>
#include "models/model.h"

/* As Keras 3 writes it. NULL with the error set: CN_UNSUPPORTED, by name, for what has no place in a config. */
json_t *cn_model_config(const cn_model *model);

/* Whether a class name is that of a model. */
bool cn_is_model_class(const char *class_name);
/* As Keras 1 to 3 wrote it: the caller's. Its weights have their first values; a sequential model without the shape of
 * its input has none yet. NULL with the error set: CN_FORMAT for a config that is broken, CN_UNSUPPORTED for one that
 * cannot be honoured. */
cn_model *cn_model_from_config(json_t *config);
#endif
