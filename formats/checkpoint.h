/* Checkpoints: all that training goes on from, bit for bit, in one safetensors file.
 *
 * A file has the weights as "model/dense/kernel", the variables of the optimizer as "optimizer/0", "optimizer/1", ...
 * (moments, averages, the learning rate, the number of updates), and as texts of its metadata the number of training
 * steps that the model has made and the thread's seed, by which shuffles and dropout are drawn. What else training
 * needs to know is the caller's: tensors and texts whose names begin with "training/". */
#ifndef CN_FORMATS_CHECKPOINT_H
#define CN_FORMATS_CHECKPOINT_H
#include "../models/model.h"
#include "safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes a checkpoint of a built model, compiled or not, with `count` tensors and the texts of the caller's, which end
 * with one without a key; NULL is none. It takes the place of an older file as cn_safetensors_write says. False with
 * the error set: CN_STATE for a model without weights yet, CN_ARGUMENT for a name that does not begin with "training/",
 * and what cn_safetensors_write gives. */
CN_API bool cn_save_checkpoint(cn_model *model, const char *path, const cn_safetensors_tensor *tensors, size_t count,
                               const cn_safetensors_text *texts);

/* Whether the file is a checkpoint. */
CN_API bool cn_is_checkpoint(const cn_safetensors *file);
/* Sets the weights, the optimizer, the number of steps and the thread's seed to what the checkpoint has; all or, if
 * this fails, none. What the caller added is found by cn_safetensors_find and cn_safetensors_metadata. A model that is
 * not compiled takes the weights alone. False with the error set: CN_FORMAT for a file that is no checkpoint or lacks
 * something, CN_SHAPES for a weight or a state of another shape, CN_STATE for a model without weights yet.
 *
 *     cn_safetensors *file = cn_safetensors_open("run.safetensors");
 *     bool done = cn_restore_checkpoint(model, file);
 *     const char *epoch = cn_safetensors_metadata(file, "training/epoch");
 *     cn_safetensors_close(file); */
CN_API bool cn_restore_checkpoint(cn_model *model, const cn_safetensors *file);

#ifdef __cplusplus
}
#endif
#endif
