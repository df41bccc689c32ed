#include "formats/keras_h5.h"
#include "data/file.h"
#ifdef CN_HAVE_HDF5
#include "formats/stored.h"
#include "layers/graph.h"
#include "models/structure.h"
#include <stdio.h>
#include <string.h>

static const char *parent_of(const char *path, char *room, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(room, size, "%.*s", (int)(slash - path), path);
    return room;
}

/* Keras 3 */

/* Keras keeps the learning rate in float32. */
static bool write_optimizer_variable(cn_hdf5 *file, const char *path, cn_tensor *variable)
{
    const void *data = variable->variable->storage;
    if (variable->shape.rank > 0 || variable->dtype != CN_F64)
        return cn_hdf5_write(file, path, variable->dtype, variable->shape, data);
    float number = (float)*(const double *)data;
    return cn_hdf5_write(file, path, CN_F32, variable->shape, &number);
}

static bool write_optimizer(cn_hdf5 *file, const cn_updater *updater)
{
    char path[64];
    bool done = true;
    for (int i = 0; done && i < cn_updater_variable_count(updater); i++) {
        snprintf(path, sizeof path, "optimizer/vars/%d", i);
        done = write_optimizer_variable(file, path, cn_updater_variable(updater, i));
    }
    return done;
}

static bool write_weights(cn_hdf5 *file, const cn_model *model)
{
    cn_stored_list list = {0};
    bool done = cn_stored_by_object(&list, &model->base) && cn_hdf5_make_group(file, "vars") &&
                cn_hdf5_make_group(file, "layers");
    for (int i = 0; done && i < list.count; i++)
        done = cn_hdf5_write(file, list.item[i].name, list.item[i].variable->dtype, list.item[i].variable->shape,
                             cn_stored_data(&list.item[i]));
    cn_stored_free(&list);
    return done && (!model->updater || write_optimizer(file, model->updater));
}

/* Every group of the model has as many data sets as it has variables there. */
static bool check_counts(cn_hdf5 *file, const cn_stored_list *list)
{
    char group[1024], before[1024] = "";
    int64_t count = 0;
    for (int i = 0; i <= list->count; i++) {
        if (i < list->count)
            parent_of(list->item[i].name, group, sizeof group);
        if (i > 0 && (i == list->count || strcmp(group, before) != 0)) {
            int64_t members = cn_hdf5_members(file, before);
            if (members != count)
                return cn_fail(CN_FORMAT, "%s: %s has %lld variables, the model %lld", file->name, before,
                               (long long)members, (long long)count);
            count = 0;
        }
        strcpy(before, group);
        count++;
    }
    return true;
}

/* Takes what the file has for each, without setting them. */
static bool read_list(cn_hdf5 *file, cn_stored_list *list)
{
    for (int i = 0; i < list->count; i++) {
        cn_stored *stored = &list->item[i];
        cn_tensor *variable = stored->variable;
        if (!cn_stored_room(list, stored) ||
            !cn_hdf5_read(file, stored->name, variable->dtype, variable->shape, stored->read))
            return false;
    }
    return true;
}

/* The learning rate of the config has more digits. */
static void keep_digits(cn_stored_list *state)
{
    for (int i = 0; i < state->count; i++) {
        cn_stored *stored = &state->item[i];
        const cn_tensor *variable = stored->variable;
        if (variable->dtype == CN_F64 && variable->shape.rank == 0 &&
            (float)*(double *)stored->read == (float)*(const double *)cn_stored_data(stored))
            stored->read = NULL;
    }
}

/* As Keras does, a state of another number of variables is left alone. */
static bool read_optimizer(cn_hdf5 *file, const cn_updater *updater, cn_stored_list *state)
{
    int count = updater ? cn_updater_variable_count(updater) : 0;
    if (cn_hdf5_members(file, "optimizer/vars") != count)
        return true;
    for (int i = 0; i < count; i++)
        if (!cn_stored_add(state, cn_updater_variable(updater, i), "optimizer/vars/%d", i))
            return false;
    if (!read_list(file, state))
        return false;
    keep_digits(state);
    return true;
}

static bool read_weights(cn_hdf5 *file, const cn_model *model)
{
    cn_stored_list weights = {0}, state = {0};
    bool done = cn_stored_by_object(&weights, &model->base) && check_counts(file, &weights) &&
                read_list(file, &weights) && read_optimizer(file, model->updater, &state) &&
                cn_stored_commit(&weights) && cn_stored_commit(&state);
    cn_stored_free(&weights);
    cn_stored_free(&state);
    return done;
}

/* Keras 1 and 2 */

static const char *legacy_group(cn_hdf5 *file)
{
    size_t count;
    if (cn_hdf5_has(file, "model_weights"))
        return "model_weights";
    return cn_hdf5_names(file, "/", "layer_names", &count) ? "/" : NULL;
}

static const char *join(cn_hdf5 *file, const char *group, const char *name)
{
    bool root = strcmp(group, "/") == 0;
    size_t size = strlen(group) + strlen(name) + 2;
    char *path = cn_arena_record(&file->arena, size);
    if (path)
        snprintf(path, size, "%s%s%s", root ? "" : group, root ? "" : "/", name);
    return path;
}

/* The weights of a layer as its group lists them: all that are trained, then the others. */
static bool add_legacy(cn_stored_list *list, const cn_layer *layer)
{
    cn_weight_view *views = NULL;
    int count = 0;
    bool done = cn_layer_weights(layer, &views, &count);
    for (int others = 0; others < 2; others++)
        for (int i = 0; done && i < count; i++)
            if (views[i].trainable == !others)
                done = cn_stored_add(list, views[i].weight->variable, "%s", cn_name_of(views[i].weight->variable));
    cn_release(views);
    return done;
}

static bool write_layer(cn_hdf5 *file, const char *group, const cn_layer *layer)
{
    cn_stored_list list = {0};
    const char *path = join(file, group, layer->name);
    bool done = path && cn_hdf5_make_group(file, path) && add_legacy(&list, layer);
    const char **names = done ? cn_arena_record(&file->arena, ((size_t)list.count + 1) * sizeof *names) : NULL;
    done = names != NULL;
    for (int i = 0; done && i < list.count; i++) {
        const char *data = join(file, path, names[i] = list.item[i].name);
        done = data && cn_hdf5_write(file, data, list.item[i].variable->dtype, list.item[i].variable->shape,
                                     cn_stored_data(&list.item[i]));
    }
    done = done && cn_hdf5_set_names(file, path, "weight_names", names, (size_t)list.count);
    cn_stored_free(&list);
    return done;
}

bool cn_write_legacy_weights(cn_hdf5 *file, const char *group, const cn_model *model)
{
    const cn_layer *base = &model->base;
    const char **names = cn_arena_record(&file->arena, ((size_t)base->sublayer_count + 1) * sizeof *names);
    bool done = names && (strcmp(group, "/") == 0 || cn_hdf5_make_group(file, group));
    for (int i = 0; done && i < base->sublayer_count; i++) {
        names[i] = base->sublayer[i]->name;
        done = write_layer(file, group, base->sublayer[i]);
    }
    const char *top = join(file, group, "top_level_model_weights");
    return done && top && cn_hdf5_set_names(file, group, "layer_names", names, (size_t)base->sublayer_count) &&
           cn_hdf5_make_group(file, top) && cn_hdf5_set_names(file, top, "weight_names", names, 0);
}

/* Adds what a layer's group has to the list of its weights, whose names become those of the data sets. */
static bool match_layer(cn_hdf5 *file, cn_stored_list *all, const char *group, const char *const *names, size_t count,
                        const cn_layer *layer)
{
    cn_stored_list own = {0};
    bool done = add_legacy(&own, layer);
    if (done && (size_t)own.count != count)
        done = cn_fail(CN_FORMAT, "%s: %s has %zu weights, the model's layer %s has %d", file->name, group, count,
                       layer->name, own.count);
    for (int i = 0; done && i < own.count; i++)
        done = cn_stored_add(all, own.item[i].variable, "%s/%s", group, names[i]);
    cn_stored_free(&own);
    return done;
}

static const cn_layer *next_with_weights(const cn_model *model, int *at)
{
    const cn_layer *base = &model->base;
    while (*at < base->sublayer_count && (cn_weight_count)(base->sublayer[*at]) == 0)
        (*at)++;
    return *at < base->sublayer_count ? base->sublayer[(*at)++] : NULL;
}

bool cn_read_legacy_weights(cn_hdf5 *file, const char *group, const cn_model *model)
{
    cn_stored_list list = {0};
    size_t layers, count;
    int at = 0;
    const char **layer = cn_hdf5_names(file, group, "layer_names", &layers);
    bool done = layer || cn_fail(CN_FORMAT, "%s: has no layer_names", file->name);
    for (size_t i = 0; done && i < layers; i++) {
        const char *path = join(file, group, layer[i]);
        const char **names = path && cn_hdf5_has(file, path) ? cn_hdf5_names(file, path, "weight_names", &count) : NULL;
        if (!names) {
            done = cn_fail(CN_FORMAT, "%s: the layer %.80s has no weight_names", file->name, layer[i]);
            break;
        }
        if (count == 0)
            continue;
        const cn_layer *ours = next_with_weights(model, &at);
        done = ours ? match_layer(file, &list, path, names, count, ours)
                    : cn_fail(CN_FORMAT, "%s: has weights of more layers than the model", file->name);
    }
    const cn_layer *missing = done ? next_with_weights(model, &at) : NULL;
    if (missing)
        done = cn_fail(CN_FORMAT, "%s: has no weights for the layer %s", file->name, missing->name);
    done = done && read_list(file, &list) && cn_stored_commit(&list);
    cn_stored_free(&list);
    return done;
}

/* The optimizer */

bool cn_write_legacy_optimizer(cn_hdf5 *file, const cn_model *model)
{
    const char *group = "optimizer_weights";
    int count = model->updater ? cn_updater_variable_count(model->updater) : 0;
    const char **names = cn_arena_record(&file->arena, ((size_t)count + 1) * sizeof *names);
    bool done = names && (count == 0 || cn_hdf5_make_group(file, group));
    for (int i = 0; done && i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d", i);
        const char *path = join(file, group, name);
        done = path && write_optimizer_variable(file, path, cn_updater_variable(model->updater, i));
        names[i] = path ? path + strlen(group) + 1 : NULL;
    }
    return done && (count == 0 || cn_hdf5_set_names(file, group, "weight_names", names, (size_t)count));
}

bool cn_read_legacy_optimizer(cn_hdf5 *file, const cn_model *model)
{
    cn_stored_list list = {0};
    size_t count;
    const char **names = cn_hdf5_names(file, "optimizer_weights", "weight_names", &count);
    bool fits = names && model->updater && (size_t)cn_updater_variable_count(model->updater) == count;
    bool done = !cn_failed();
    for (size_t i = 0; done && fits && i < count; i++)
        done = cn_stored_add(&list, cn_updater_variable(model->updater, (int)i), "optimizer_weights/%s", names[i]);
    done = done && read_list(file, &list);
    if (done)
        keep_digits(&list);
    done = done && cn_stored_commit(&list);
    cn_stored_free(&list);
    return done;
}

/* Files of weights */

static unsigned char *make_image(const cn_model *model, const char *path, bool legacy, size_t *bytes)
{
    cn_hdf5 file;
    bool done = cn_hdf5_create(&file, path) &&
                (legacy ? cn_write_legacy_weights(&file, "/", model) : write_weights(&file, model));
    unsigned char *image = done ? cn_hdf5_image(&file, bytes) : NULL;
    cn_hdf5_close(&file);
    return image;
}

unsigned char *cn_weights_h5(const cn_model *model, const char *path, size_t *bytes)
{
    return make_image(model, path, false, bytes);
}

bool cn_save_weights_h5(const cn_model *model, const char *path, bool legacy)
{
    size_t bytes;
    unsigned char *image = make_image(model, path, legacy, &bytes);
    bool done = image && cn_replace_file(path, &(cn_bytes){image, bytes}, 1);
    cn_release(image);
    return done;
}

static bool load_image(const cn_model *model, const char *path, const void *image, size_t bytes)
{
    cn_hdf5 file;
    bool done = cn_hdf5_open(&file, path, image, bytes);
    const char *legacy = done ? legacy_group(&file) : NULL;
    done = done && !cn_failed() && (legacy ? cn_read_legacy_weights(&file, legacy, model) : read_weights(&file, model));
    cn_hdf5_close(&file);
    return done;
}

bool cn_load_weights_h5(const cn_model *model, const char *path)
{
    size_t bytes;
    unsigned char *image = cn_read_file(path, &bytes);
    bool done = image && load_image(model, path, image, bytes);
    cn_release(image);
    return done;
}

bool cn_load_keras_weights(const cn_model *model, const cn_zip *zip)
{
    size_t bytes;
    unsigned char *image = cn_zip_read(zip, CN_KERAS_WEIGHTS, &bytes);
    bool done = image && load_image(model, zip->name, image, bytes);
    cn_release(image);
    return done;
}

#else

static bool lacks(const char *path)
{
    return cn_fail(CN_UNSUPPORTED, "%s: this build has no HDF5 files, it needs HDF5 (Debian: libhdf5-dev)", path);
}

bool cn_save_weights_h5(const cn_model *model, const char *path, bool legacy)
{
    (void)model;
    (void)legacy;
    return lacks(path);
}

bool cn_load_weights_h5(const cn_model *model, const char *path)
{
    (void)model;
    return lacks(path);
}

bool cn_load_keras_weights(const cn_model *model, const cn_zip *zip)
{
    (void)model;
    return lacks(zip->name);
}

#endif
