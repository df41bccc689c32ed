/* Private: the weights of models in HDF5, as Keras 3 (model.weights.h5) and as Keras 1 and 2 (.h5) lay them out. */
#ifndef CN_FORMATS_KERAS_H5_H
#define CN_FORMATS_KERAS_H5_H
#include "formats/hdf5.h"
#include "models/model.h"

/* Keras 3's layout, with the optimizer's variables if the model is compiled. */
bool cn_write_weights_h5(cn_hdf5 *file, const cn_model *model);
/* All weights, or none if the error is set; then the optimizer's state, if the file has one that fits. */
bool cn_read_weights_h5(cn_hdf5 *file, const cn_model *model);

/* Keras 1 and 2's layout, in a group ("/" or "model_weights"). */
bool cn_write_legacy_weights(cn_hdf5 *file, const char *group, const cn_model *model);
bool cn_read_legacy_weights(cn_hdf5 *file, const char *group, const cn_model *model);
/* The optimizer's state in the group optimizer_weights, of a compiled model; one of another number of variables is left
 * alone, as Keras leaves it. */
bool cn_write_legacy_optimizer(cn_hdf5 *file, const cn_model *model);
bool cn_read_legacy_optimizer(cn_hdf5 *file, const cn_model *model);
/* The group of a file in that layout; NULL if it is in another. */
const char *cn_legacy_group(cn_hdf5 *file);
#endif
