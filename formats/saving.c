#include "formats/saving.h"
#include "data/file.h"
#include "formats/named_weights.h"
#include "models/structure.h"
#include <stdio.h>
#include <string.h>
#ifdef CN_HAVE_LIBZIP
#include "data/zip.h"
#endif
#if defined(CN_HAVE_JANSSON) && defined(CN_HAVE_HDF5)
#define KERAS_H5
#include "formats/compile_config.h"
#include "formats/keras2.h"
#include "formats/keras_h5.h"
#include "formats/model_config.h"
#ifdef CN_HAVE_LIBZIP
#define KERAS_ZIP
#endif
#endif

static const char keras_version[] = "3.10.0"; /* whose layout the files have */

static bool is_whole_h5(const char *path)
{
    return cn_path_ends(path, ".h5") || cn_path_ends(path, ".hdf5");
}

#ifndef KERAS_ZIP
static bool lacks(const char *path, const char *what, const char *package)
{
    return cn_fail(CN_UNSUPPORTED, "%s: this build has no %s; build it with %s", path, what, package);
}
#endif

#ifdef KERAS_H5

/* HDF5 */

static json_t *read_json(const char *path, const char *what, const char *text, size_t bytes)
{
    json_error_t error;
    json_t *json = json_loadb(text, bytes, 0, &error);
    if (!json)
        cn_fail(CN_FORMAT, "%s: %s, byte %d: %s", path, what, error.position, error.text);
    return json;
}

static char *write_json(const char *path, json_t *json)
{
    size_t bytes = json_dumpb(json, NULL, 0, JSON_REAL_PRECISION(17));
    char *text = bytes ? cn_allocate(bytes + 1, 1) : NULL;
    if (text)
        json_dumpb(json, text, bytes, JSON_REAL_PRECISION(17));
    else
        cn_fail(CN_MEMORY, "%s: out of memory", path);
    return text;
}

static bool write_versions(cn_hdf5 *file, const char *group)
{
    return cn_hdf5_set_text(file, group, "keras_version", keras_version) &&
           cn_hdf5_set_text(file, group, "backend", "cornet");
}

/* How Keras 1 and 2 say how a model is compiled: the optimizer under another name. */
static json_t *training_config(const cn_model *model)
{
    json_t *config = cn_compile_config(model), *optimizer = json_object_get(config, "optimizer");
    if (optimizer) {
        json_object_set(config, "optimizer_config", optimizer);
        json_object_del(config, "optimizer");
    }
    return config;
}

static bool set_json(cn_hdf5 *file, const char *attribute, json_t *json)
{
    char *text = json ? write_json(file->name, json) : NULL;
    bool done = text && cn_hdf5_set_text(file, "/", attribute, text);
    cn_release(text);
    json_decref(json);
    return done;
}

static bool write_whole_h5(cn_hdf5 *file, const cn_model *model)
{
    return write_versions(file, "/") && set_json(file, "model_config", cn_model_config(model)) &&
           (!model->compiled || set_json(file, "training_config", training_config(model))) &&
           cn_write_legacy_weights(file, "model_weights", model) && write_versions(file, "model_weights") &&
           cn_write_legacy_optimizer(file, model);
}

enum layout { WHOLE, WEIGHTS, LEGACY_WEIGHTS };

/* The bytes of a file; NULL with the error set. */
static unsigned char *make_h5(const cn_model *model, const char *path, enum layout layout, size_t *bytes)
{
    cn_hdf5 file;
    bool done = cn_hdf5_create(&file, path) && (layout == WHOLE     ? write_whole_h5(&file, model)
                                                : layout == WEIGHTS ? cn_write_weights_h5(&file, model)
                                                                    : cn_write_legacy_weights(&file, "/", model));
    unsigned char *image = done ? cn_hdf5_image(&file, bytes) : NULL;
    cn_hdf5_close(&file);
    return image;
}

static bool save_h5(const cn_model *model, const char *path, enum layout layout)
{
    size_t bytes;
    unsigned char *image = make_h5(model, path, layout, &bytes);
    bool done = image && cn_replace_file(path, &(cn_bytes){image, bytes}, 1);
    cn_release(image);
    return done;
}

static bool load_h5(const cn_model *model, const char *path, const void *image, size_t bytes)
{
    cn_hdf5 file;
    bool done = cn_hdf5_open(&file, path, image, bytes);
    const char *legacy = done ? cn_legacy_group(&file) : NULL;
    done = done && !cn_failed() &&
           (legacy ? cn_read_legacy_weights(&file, legacy, model) : cn_read_weights_h5(&file, model));
    cn_hdf5_close(&file);
    return done;
}

/* NULL, without an error, if there is no such attribute. */
static json_t *get_json(cn_hdf5 *file, const char *attribute)
{
    const char *text = cn_hdf5_text(file, "/", attribute);
    return text ? read_json(file->name, attribute, text, strlen(text)) : NULL;
}

static bool read_legacy_state(cn_hdf5 *file, cn_model *model, json_t *training)
{
    return (!model->base.built || cn_read_legacy_weights(file, "model_weights", model)) &&
           (!training || cn_compile_from_config(model, training)) && cn_read_legacy_optimizer(file, model);
}

static cn_model *read_whole_h5(cn_hdf5 *file)
{
    json_t *config = get_json(file, "model_config"), *training = config ? get_json(file, "training_config") : NULL;
    const char *version = config ? cn_hdf5_text(file, "/", "keras_version") : NULL;
    bool old = !version || strncmp(version, "1.", 2) == 0 || strncmp(version, "2.", 2) == 0;
    if (!config)
        cn_fail(CN_FORMAT, "%s: has no model_config", file->name);
    if (config && old) {
        cn_upgrade_keras2_config(config);
        cn_upgrade_keras2_training(training);
    }
    cn_model *model = config && !cn_failed() ? cn_model_from_config(config) : NULL;
    if (model && !read_legacy_state(file, model, training)) {
        cn_model_free(model);
        model = NULL;
    }
    json_decref(config);
    json_decref(training);
    return model;
}

static cn_model *load_whole_h5(const char *path, const void *image, size_t bytes)
{
    cn_hdf5 file;
    cn_model *model = cn_hdf5_open(&file, path, image, bytes) ? read_whole_h5(&file) : NULL;
    cn_hdf5_close(&file);
    return model;
}

#endif
#ifdef KERAS_ZIP

/* .keras */

static bool save_keras(const cn_model *model, const char *path)
{
    static const char date[] = "1980-01-01@00:00:00"; /* the same model makes the same file */
    size_t weights = 0, bytes = 0;
    json_t *config = cn_model_config(model), *compile = config ? cn_compile_config(model) : NULL;
    if (compile)
        json_object_set_new(config, "compile_config", compile);
    json_t *metadata = json_pack("{s:s, s:s}", "keras_version", keras_version, "date_saved", date);
    char *text = compile ? write_json(path, config) : NULL, *about = metadata ? write_json(path, metadata) : NULL;
    unsigned char *image = text && about ? make_h5(model, path, WEIGHTS, &weights) : NULL, *archive = NULL;
    if (image) {
        const cn_zip_entry entries[] = {{"metadata.json", {about, strlen(about)}},
                                        {"config.json", {text, strlen(text)}},
                                        {"model.weights.h5", {image, weights}}};
        archive = cn_zip_make(path, entries, 3, &bytes);
    }
    bool done = archive && cn_replace_file(path, &(cn_bytes){archive, bytes}, 1);
    cn_release(archive);
    cn_release(image);
    cn_release(text);
    cn_release(about);
    json_decref(config);
    json_decref(metadata);
    return done;
}

static bool load_keras_weights(const cn_zip *zip, const cn_model *model)
{
    size_t bytes;
    unsigned char *image = cn_zip_read(zip, "model.weights.h5", &bytes);
    bool done = image && load_h5(model, zip->name, image, bytes);
    cn_release(image);
    return done;
}

static cn_model *read_keras(const cn_zip *zip)
{
    size_t bytes;
    unsigned char *text = cn_zip_read(zip, "config.json", &bytes);
    json_t *config = text ? read_json(zip->name, "config.json", (const char *)text, bytes) : NULL;
    cn_model *model = config ? cn_model_from_config(config) : NULL;
    json_t *compile = json_object_get(config, "compile_config");
    if (model && (!cn_compile_from_config(model, compile) || (model->base.built && !load_keras_weights(zip, model)))) {
        cn_model_free(model);
        model = NULL;
    }
    cn_release(text);
    json_decref(config);
    return model;
}

#endif

/* By the ending of the path */

bool cn_save(cn_model *model, const char *path)
{
    if (!cn_check_saved("save", model, path))
        return false;
    if (cn_path_ends(path, ".keras"))
#ifdef KERAS_ZIP
        return save_keras(model, path);
#else
        return lacks(path, ".keras files", "jansson, HDF5 and libzip (Debian: libjansson-dev libhdf5-dev libzip-dev)");
#endif
    if (is_whole_h5(path) && !cn_path_ends(path, ".weights.h5"))
#ifdef KERAS_H5
        return save_h5(model, path, WHOLE);
#else
        return lacks(path, "HDF5 files", "jansson and HDF5 (Debian: libjansson-dev libhdf5-dev)");
#endif
    return cn_fail(CN_ARGUMENT, "save: %s: a model is saved as .keras, .h5 or .hdf5", path);
}

bool cn_save_weights(cn_model *model, const char *path)
{
    if (!cn_check_saved("save_weights", model, path))
        return false;
    if (cn_path_ends(path, ".safetensors"))
        return cn_save_safetensors(model, path);
    if (cn_path_ends(path, ".npz"))
#ifdef CN_HAVE_LIBZIP
        return cn_save_npz(model, path);
#else
        return lacks(path, "npz archives", "libzip (Debian: libzip-dev)");
#endif
    if (is_whole_h5(path))
#ifdef KERAS_H5
        return save_h5(model, path, cn_path_ends(path, ".weights.h5") ? WEIGHTS : LEGACY_WEIGHTS);
#else
        return lacks(path, "HDF5 files", "jansson and HDF5 (Debian: libjansson-dev libhdf5-dev)");
#endif
    return cn_fail(CN_ARGUMENT, "save_weights: %s: weights are saved as .safetensors, .npz, .weights.h5, .h5 or .hdf5",
                   path);
}

#ifdef KERAS_H5
static bool load_weights_of(const cn_model *model, const char *path, const unsigned char *data, size_t bytes)
{
    if (cn_is_hdf5(data, bytes))
        return load_h5(model, path, data, bytes);
#ifdef KERAS_ZIP
    cn_zip zip;
    if (cn_is_zip(data, bytes)) {
        bool done = cn_zip_open(&zip, path, data, bytes);
        if (done) {
            done = load_keras_weights(&zip, model);
            cn_zip_close(&zip);
        }
        return done;
    }
#endif
    return cn_fail(CN_FORMAT, "%s: is no file with weights that is known", path);
}

static cn_model *load_model_of(const char *path, const unsigned char *data, size_t bytes)
{
    if (cn_is_hdf5(data, bytes))
        return load_whole_h5(path, data, bytes);
#ifdef KERAS_ZIP
    cn_zip zip;
    cn_model *model = NULL;
    if (cn_is_zip(data, bytes)) {
        if (cn_zip_open(&zip, path, data, bytes)) {
            model = read_keras(&zip);
            cn_zip_close(&zip);
        }
        return model;
    }
#endif
    cn_fail(CN_FORMAT, "%s: is no model file that is known", path);
    return NULL;
}
#endif

bool cn_load_weights(cn_model *model, const char *path)
{
    if (!cn_check_saved("load_weights", model, path))
        return false;
    if (cn_path_ends(path, ".safetensors"))
        return cn_load_safetensors(model, path);
    if (cn_path_ends(path, ".npz"))
#ifdef CN_HAVE_LIBZIP
        return cn_load_npz(model, path);
#else
        return lacks(path, "npz archives", "libzip (Debian: libzip-dev)");
#endif
#ifdef KERAS_H5
    size_t bytes;
    unsigned char *data = cn_read_file(path, &bytes);
    bool done = data && load_weights_of(model, path, data, bytes);
    cn_release(data);
    return done;
#else
    return lacks(path, "HDF5 files", "jansson and HDF5 (Debian: libjansson-dev libhdf5-dev)");
#endif
}

cn_model *cn_load(const char *path)
{
    if (cn_failed())
        return NULL;
    if (!path) {
        cn_fail(CN_ARGUMENT, "load: the path is NULL");
        return NULL;
    }
#ifdef KERAS_H5
    size_t bytes;
    unsigned char *data = cn_register_keras2_activations() ? cn_read_file(path, &bytes) : NULL;
    cn_model *model = data ? load_model_of(path, data, bytes) : NULL;
    cn_release(data);
    return model;
#else
    lacks(path, "model files", "jansson, HDF5 and libzip (Debian: libjansson-dev libhdf5-dev libzip-dev)");
    return NULL;
#endif
}
