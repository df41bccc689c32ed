/* Private: how a model is compiled, as Keras' compile_config (Keras 3) and training_config (.h5) say it. */
#ifndef CN_FORMATS_COMPILE_CONFIG_H
#define CN_FORMATS_COMPILE_CONFIG_H
#include <jansson.h>
#include "models/model.h"

/* {} for a model that is not compiled. NULL with the error set: CN_UNSUPPORTED, by name, for functions of the user's
 * own. */
json_t *cn_compile_config(const cn_model *model);
/* Compiles the model as a config says; leaves it alone if that names no optimizer. */
bool cn_compile_from_config(cn_model *model, json_t *config);
#endif
