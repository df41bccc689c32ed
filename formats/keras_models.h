/* Private: whole models in Keras' files: .keras of Keras 3, .h5 of Keras 1 and 2. */
#ifndef CN_FORMATS_KERAS_MODELS_H
#define CN_FORMATS_KERAS_MODELS_H
#include "models/model.h"

bool cn_save_keras(const cn_model *model, const char *path);
bool cn_save_h5(const cn_model *model, const char *path);
/* NULL with the error set; else the caller's, compiled if that is wanted and the file says how. */
cn_model *cn_load_keras(const char *path, bool compile);
cn_model *cn_load_h5(const char *path, bool compile);
#endif
