#include "formats/keras_models.h"
#include "data/file.h"
#include "data/zip.h"
#if defined(CN_HAVE_JANSSON) && defined(CN_HAVE_HDF5)
#include "formats/compile_config.h"
#include "formats/keras2.h"
#include "formats/keras_h5.h"
#include "formats/model_config.h"
#include "layers/graph.h"
#include "models/structure.h"
#include <string.h>

static const char keras_version[] = "3.10.0"; /* whose layout the files have */

/* The text of configs */

static json_t *read_json(const char *path, const char *what, const char *text, size_t bytes)
{
    json_error_t error;
    json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
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

/* A model whose weights the file can have: deflate makes some 1030 bytes of one. */
static cn_model *model_of_file(json_t *config, size_t bytes)
{
    int64_t most = bytes < INT64_MAX / 1100 ? (int64_t)bytes * 1100 : INT64_MAX - 1;
    int64_t before = cn_limit_weights(most);
    cn_model *model = cn_model_from_config(config);
    cn_limit_weights(before);
    return model;
}

/* A config has each layer where it is a part; one that is a part of two would be two layers when it is read. */

typedef struct part {
    const cn_layer *layer, *whole;
} part;

typedef struct parts {
    part *item;
    int count, capacity;
} parts;

static bool add_parts(parts *all, const cn_layer *whole)
{
    for (int i = 0; i < whole->sublayer_count; i++) {
        const cn_layer *layer = whole->sublayer[i];
        for (int k = 0; k < all->count; k++)
            if (all->item[k].layer == layer)
                return cn_fail(CN_UNSUPPORTED,
                               "save: %s is shared by %s and %s, which Keras' files cannot express; weights alone can "
                               "be saved",
                               layer->name, all->item[k].whole->name, whole->name);
        if (!cn_grow((void **)&all->item, all->count, &all->capacity, sizeof *all->item))
            return false;
        all->item[all->count++] = (part){layer, whole};
        if (!add_parts(all, layer))
            return false;
    }
    return true;
}

static bool check_sharing(const cn_model *model)
{
    parts all = {0};
    bool fine = add_parts(&all, &model->base);
    cn_release(all.item);
    return fine;
}

static bool is_before_keras3(const char *version)
{
    return strncmp(version, "1.", 2) == 0 || strncmp(version, "2.", 2) == 0;
}

/* .h5 */

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

bool cn_save_h5(const cn_model *model, const char *path)
{
    size_t bytes;
    cn_hdf5 file;
    if (!check_sharing(model))
        return false;
    bool done = cn_hdf5_create(&file, path) && write_whole_h5(&file, model);
    unsigned char *image = done ? cn_hdf5_image(&file, &bytes) : NULL;
    cn_hdf5_close(&file);
    done = image && cn_replace_file(path, &(cn_bytes){image, bytes}, 1);
    cn_release(image);
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

static cn_model *read_whole_h5(cn_hdf5 *file, bool compile)
{
    json_t *config = get_json(file, "model_config");
    json_t *training = config && compile ? get_json(file, "training_config") : NULL;
    const char *version = config ? cn_hdf5_text(file, "/", "keras_version") : NULL;
    if (!config)
        cn_fail(CN_FORMAT, "%s: has no model_config; if it holds weights alone, cn_load_weights loads them",
                file->name);
    if (config && (!version || is_before_keras3(version))) {
        cn_upgrade_keras2_config(config);
        cn_upgrade_keras2_training(training);
    }
    cn_model *model = config && !cn_failed() ? model_of_file(config, file->bytes) : NULL;
    if (model && !read_legacy_state(file, model, training)) {
        cn_model_free(model);
        model = NULL;
    }
    json_decref(config);
    json_decref(training);
    return model;
}

cn_model *cn_load_h5(const char *path, bool compile)
{
    size_t bytes;
    cn_hdf5 file;
    cn_model *model = NULL;
    unsigned char *image = cn_register_keras2_activations() ? cn_read_file(path, &bytes) : NULL;
    if (image) {
        model = cn_hdf5_open(&file, path, image, bytes) ? read_whole_h5(&file, compile) : NULL;
        cn_hdf5_close(&file);
    }
    cn_release(image);
    return model;
}

/* .keras */

bool cn_save_keras(const cn_model *model, const char *path)
{
    static const char date[] = "1980-01-01@00:00:00"; /* the same model makes the same file */
    size_t weights = 0, bytes = 0;
    json_t *config = check_sharing(model) ? cn_model_config(model) : NULL,
           *compile = config ? cn_compile_config(model) : NULL;
    if (compile)
        json_object_set_new(config, "compile_config", compile);
    json_t *metadata = json_pack("{s:s, s:s}", "keras_version", keras_version, "date_saved", date);
    char *text = compile ? write_json(path, config) : NULL, *about = metadata ? write_json(path, metadata) : NULL;
    unsigned char *image = text && about ? cn_weights_h5(model, path, &weights) : NULL, *archive = NULL;
    if (image) {
        const cn_zip_entry entries[] = {{"metadata.json", {about, strlen(about)}},
                                        {"config.json", {text, strlen(text)}},
                                        {CN_KERAS_WEIGHTS, {image, weights}}};
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

/* Whether it is of tf.keras 2.12 to 2.15. Keras 3 reads archives without metadata.json, too. */
static bool is_archive_of_keras2(const cn_zip *zip)
{
    size_t bytes;
    unsigned char *text = cn_zip_has(zip, "metadata.json") ? cn_zip_read(zip, "metadata.json", &bytes) : NULL;
    json_t *metadata = text ? read_json(zip->name, "metadata.json", (const char *)text, bytes) : NULL;
    const char *version = json_string_value(json_object_get(metadata, "keras_version"));
    bool old = version && is_before_keras3(version);
    json_decref(metadata);
    cn_release(text);
    return old;
}

static cn_model *read_keras(const cn_zip *zip, bool compile)
{
    size_t bytes;
    unsigned char *text = cn_zip_has(zip, "config.json") ? cn_zip_read(zip, "config.json", &bytes) : NULL;
    if (!text)
        cn_fail(CN_FORMAT, "%s: has no config.json; if it holds weights alone, cn_load_weights loads them", zip->name);
    json_t *config = text ? read_json(zip->name, "config.json", (const char *)text, bytes) : NULL;
    json_t *compiled = compile ? json_object_get(config, "compile_config") : NULL;
    if (config && is_archive_of_keras2(zip)) {
        cn_upgrade_keras2_config(json_object_get(config, "config"));
        cn_upgrade_keras2_training(compiled);
    }
    cn_model *model = config && !cn_failed() ? model_of_file(config, zip->bytes) : NULL;
    if (model &&
        (!cn_compile_from_config(model, compiled) || (model->base.built && !cn_load_keras_weights(model, zip)))) {
        cn_model_free(model);
        model = NULL;
    }
    cn_release(text);
    json_decref(config);
    return model;
}

cn_model *cn_load_keras(const char *path, bool compile)
{
    size_t bytes;
    cn_zip zip;
    cn_model *model = NULL;
    unsigned char *archive = cn_register_keras2_activations() ? cn_read_file(path, &bytes) : NULL;
    if (archive && cn_zip_open(&zip, path, archive, bytes)) {
        model = read_keras(&zip, compile);
        cn_zip_close(&zip);
    }
    cn_release(archive);
    return model;
}

#else

static bool lacks(const char *path)
{
    return cn_fail(CN_UNSUPPORTED,
                   "%s: this build has no models in Keras' files, it needs jansson and HDF5 (Debian: libjansson-dev, "
                   "libhdf5-dev)",
                   path);
}

bool cn_save_h5(const cn_model *model, const char *path)
{
    (void)model;
    return lacks(path);
}

bool cn_save_keras(const cn_model *model, const char *path)
{
    (void)model;
    return lacks(path);
}

cn_model *cn_load_h5(const char *path, bool compile)
{
    (void)compile;
    lacks(path);
    return NULL;
}

cn_model *cn_load_keras(const char *path, bool compile)
{
    (void)compile;
    lacks(path);
    return NULL;
}

#endif
