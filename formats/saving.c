#include "formats/saving.h"
#include "data/file.h"
#include "formats/endings.h"
#include "formats/keras_h5.h"
#include "formats/keras_models.h"
#include "formats/named_weights.h"

/* By the ending of the path */

static bool is_h5(const char *path)
{
    return cn_path_ends(path, ".h5") || cn_path_ends(path, ".hdf5");
}

static bool is_keras3_weights(const char *path)
{
    return cn_path_ends(path, ".weights.h5");
}

bool cn_check_ending(const char *who, const char *path, bool weights_only)
{
    if (weights_only)
        return is_h5(path) || cn_path_ends(path, ".safetensors") || cn_path_ends(path, ".npz") ||
               cn_fail(CN_ARGUMENT, "%s: %s: weights are saved as .safetensors, .npz, .weights.h5, .h5 or .hdf5", who,
                       path);
    return cn_path_ends(path, ".keras") || (is_h5(path) && !is_keras3_weights(path)) ||
           cn_fail(CN_ARGUMENT, "%s: %s: a model is saved as .keras, .h5 or .hdf5", who, path);
}

bool cn_save(cn_model *model, const char *path)
{
    if (!cn_check_saved("save", model, path) || !cn_check_ending("save", path, false))
        return false;
    return is_h5(path) ? cn_save_h5(model, path) : cn_save_keras(model, path);
}

bool cn_save_weights(cn_model *model, const char *path)
{
    if (!cn_check_saved("save_weights", model, path) || !cn_check_ending("save_weights", path, true))
        return false;
    return is_h5(path)                  ? cn_save_weights_h5(model, path, !is_keras3_weights(path))
           : cn_path_ends(path, ".npz") ? cn_save_npz(model, path)
                                        : cn_save_safetensors(model, path);
}

/* By what the file is */

typedef enum file_kind { UNREADABLE, HDF5, ZIP, OTHER } file_kind;

static file_kind kind_of(const char *path)
{
    unsigned char first[8];
    size_t count;
    if (!cn_read_beginning(path, first, sizeof first, &count))
        return UNREADABLE;
    return cn_is_hdf5(first, count) ? HDF5 : cn_is_zip(first, count) ? ZIP : OTHER;
}

static bool load_archive(const cn_model *model, const char *path)
{
    size_t bytes;
    cn_zip zip;
    unsigned char *archive = cn_read_file(path, &bytes);
    bool done = archive && cn_zip_open(&zip, path, archive, bytes);
    if (done) {
        done = cn_zip_has(&zip, CN_KERAS_WEIGHTS) ? cn_load_keras_weights(model, &zip) : cn_load_npz(model, &zip);
        cn_zip_close(&zip);
    }
    cn_release(archive);
    return done;
}

bool cn_load_weights(cn_model *model, const char *path)
{
    if (!cn_check_saved("load_weights", model, path))
        return false;
    switch (kind_of(path)) {
    case HDF5:
        return cn_load_weights_h5(model, path);
    case ZIP:
        return load_archive(model, path);
    case OTHER:
        return cn_load_safetensors(model, path);
    case UNREADABLE:
        break;
    }
    return false;
}

cn_model *cn_load_with(cn_load_args args)
{
    if (cn_failed())
        return NULL;
    if (!args.path) {
        cn_fail(CN_ARGUMENT, "load: the path is NULL");
        return NULL;
    }
    switch (kind_of(args.path)) {
    case HDF5:
        return cn_load_h5(args.path, args.compile);
    case ZIP:
        return cn_load_keras(args.path, args.compile);
    case OTHER:
        cn_fail(CN_FORMAT, "%s: is no model file: neither a zip archive (.keras) nor HDF5 (.h5)", args.path);
        break;
    case UNREADABLE:
        break;
    }
    return NULL;
}

cn_load_args cn_load_defaults(void)
{
    return (cn_load_args){CN_LOAD_DEFAULTS};
}
