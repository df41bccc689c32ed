/* Private: weights under Keras' paths, "dense/kernel", in safetensors files and NumPy's npz archives. */
#ifndef CN_FORMATS_NAMED_WEIGHTS_H
#define CN_FORMATS_NAMED_WEIGHTS_H
#include "data/zip.h"
#include "formats/safetensors.h"
#include "formats/stored.h"

/* The prefix of the weights in a checkpoint. */
#define CN_CHECKPOINT_WEIGHTS "model/"

/* Refuses to save what has no weights yet, or NULLs; `who` is for messages. */
bool cn_check_saved(const char *who, const cn_model *model, const char *path);

bool cn_save_safetensors(const cn_model *model, const char *path);
/* The weights of a checkpoint, too. */
bool cn_load_safetensors(const cn_model *model, const char *path);
bool cn_save_npz(const cn_model *model, const char *path);
bool cn_load_npz(const cn_model *model, const cn_zip *zip);

/* Writes these variables, more tensors and texts, which end with one without a key. */
bool cn_write_stored(const char *path, const cn_stored_list *list, const cn_safetensors_tensor *more, size_t count,
                     const cn_safetensors_text *texts);
/* Takes what the file has for each, without setting them. */
bool cn_read_stored(const cn_safetensors *file, cn_stored_list *list);
#endif
