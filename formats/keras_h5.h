/* Private: the weights of models in HDF5, as Keras 3 (model.weights.h5) and as Keras 1 and 2 (.h5) lay them out. */
#ifndef CN_FORMATS_KERAS_H5_H
#define CN_FORMATS_KERAS_H5_H
#include "data/zip.h"
#include "formats/hdf5.h"
#include "models/model.h"

/* Files of weights; those of Keras 3 have the optimizer's state, too, if the model is compiled. */
bool cn_save_weights_h5(const cn_model *model, const char *path, bool legacy);
/* In either layout. All weights, or none if the error is set; then the optimizer's state, if the model is compiled and
 * the file has one that fits: one of another number of variables is left alone, as Keras leaves it. */
bool cn_load_weights_h5(const cn_model *model, const char *path);

/* The same in a .keras archive. */
#define CN_KERAS_WEIGHTS "model.weights.h5"
/* The bytes of that member, to be given to cn_release; NULL with the error set. */
unsigned char *cn_weights_h5(const cn_model *model, const char *path, size_t *bytes);
bool cn_load_keras_weights(const cn_model *model, const cn_zip *zip);

/* Within a whole model of Keras 1 or 2: the weights in a group, and the optimizer's state. */
bool cn_write_legacy_weights(cn_hdf5 *file, const char *group, const cn_model *model);
bool cn_read_legacy_weights(cn_hdf5 *file, const char *group, const cn_model *model);
bool cn_write_legacy_optimizer(cn_hdf5 *file, const cn_model *model);
bool cn_read_legacy_optimizer(cn_hdf5 *file, const cn_model *model);
#endif
