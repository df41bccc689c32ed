/* Models and weights on disk. The ending of a path says in which format they are saved:
 *
 *   .keras                 Keras 3: the model, its weights, how it is compiled, the optimizer's state
 *   .h5, .hdf5             Keras 1 and 2: the same
 *   .weights.h5            Keras 3: weights and the optimizer's state
 *   .safetensors           weights, under Keras' paths: "dense/kernel"
 *   .npz                   the same for NumPy
 *
 * A file that is written takes the place of the old one as a whole: a process that is killed at any moment leaves the
 * old file or the new one. What is read is checked before it is trusted, and a file that is refused changes nothing.
 * All give false or NULL with the error set to CN_FILE if the file cannot be read or written, CN_FORMAT if it is
 * damaged or of another model, CN_SHAPES if a weight has another shape, CN_UNSUPPORTED for what cannot be honoured, by
 * name, and for a format that the build lacks. */
#ifndef CN_FORMATS_SAVING_H
#define CN_FORMATS_SAVING_H
#include "../models/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* .keras, .h5 or .hdf5. */
CN_API bool cn_save(cn_model *model, const char *path);
/* cn_load("model.keras"), cn_load("model.h5", .compile = false): by what the file is, not by its name. The model is the
 * caller's, compiled if the file says how, unless .compile is false. The user's own classes and activations must be
 * registered. */
typedef struct cn_load_args {
    char first_;
    const char *path;
    bool compile;
} cn_load_args;
#define CN_LOAD_DEFAULTS .compile = true
#define cn_load(...) cn_load_with((cn_load_args){CN_LOAD_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_model *cn_load_with(cn_load_args args);
CN_API cn_load_args cn_load_defaults(void);

/* .safetensors, .npz, .weights.h5, or .h5 and .hdf5 for weights as Keras 1 and 2 wrote them; the model must be built.
 */
CN_API bool cn_save_weights(cn_model *model, const char *path);
/* The same by what the file is, and the weights of a .keras file, a whole .h5 file or a checkpoint. */
CN_API bool cn_load_weights(cn_model *model, const char *path);

#ifdef __cplusplus
}
#endif
#endif
