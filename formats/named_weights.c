#include "formats/named_weights.h"
#include "data/npy_array.h"
#include "formats/checkpoint.h"
#include "models/structure.h"
#include <stdio.h>
#include <string.h>

bool cn_check_saved(const char *who, const cn_model *model, const char *path)
{
    if (cn_failed())
        return false;
    if (!model || !path)
        return cn_fail(CN_ARGUMENT, "%s: needs a model and a path", who);
    return model->base.built ||
           cn_fail(CN_STATE, "%s: %s has no weights yet, it has not seen an input", who, cn_model_name(model));
}

static bool check_shape(const cn_stored *stored, const char *file, cn_shape is)
{
    char text[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
    return cn_shape_equal(is, stored->variable->shape) ||
           cn_fail(CN_SHAPES, "%s: %s has shape %s, the weight %s", file, stored->name,
                   cn_shape_text(is, text, sizeof text), cn_shape_text(stored->variable->shape, wanted, sizeof wanted));
}

/* A file of weights alone has these and no more. */
static bool check_count(const char *file, size_t count, const cn_stored_list *list)
{
    return count == (size_t)list->count ||
           cn_fail(CN_FORMAT, "%s: has %zu arrays, the model %d weights", file, count, list->count);
}

/* safetensors */

bool cn_write_stored(const char *path, const cn_stored_list *list, const cn_safetensors_tensor *more, size_t count,
                     const cn_safetensors_text *texts)
{
    size_t own = (size_t)list->count;
    cn_safetensors_tensor *tensors = cn_allocate(own + count + 1, sizeof *tensors);
    if (!tensors)
        return false;
    for (size_t i = 0; i < own; i++) {
        const cn_stored *stored = &list->item[i];
        tensors[i] = (cn_safetensors_tensor){stored->name, stored->variable->dtype, stored->variable->shape,
                                             cn_stored_data(stored)};
    }
    if (count > 0)
        memcpy(tensors + own, more, count * sizeof *more);
    bool done = cn_safetensors_write(path, tensors, own + count, texts);
    cn_release(tensors);
    return done;
}

bool cn_read_stored(const cn_safetensors *file, cn_stored_list *list)
{
    for (int i = 0; i < list->count; i++) {
        cn_stored *stored = &list->item[i];
        const cn_safetensors_entry *entry = cn_safetensors_find(file, stored->name);
        if (!entry)
            return cn_fail(CN_FORMAT, "%s: has no tensor %s", cn_safetensors_path(file), stored->name);
        if (!check_shape(stored, cn_safetensors_path(file), entry->shape) || !cn_stored_room(list, stored) ||
            !cn_safetensors_read(entry, stored->variable->dtype, stored->read))
            return false;
    }
    return true;
}

bool cn_save_safetensors(const cn_model *model, const char *path)
{
    cn_stored_list list = {0};
    bool done = cn_stored_by_path(&list, "", &model->base) && cn_write_stored(path, &list, NULL, 0, NULL);
    cn_stored_free(&list);
    return done;
}

bool cn_load_safetensors(const cn_model *model, const char *path)
{
    cn_stored_list list = {0};
    cn_safetensors *file = cn_safetensors_open(path);
    bool checkpoint = file && cn_is_checkpoint(file);
    bool done = file && cn_stored_by_path(&list, checkpoint ? CN_CHECKPOINT_WEIGHTS : "", &model->base) &&
                (checkpoint || check_count(path, cn_safetensors_count(file), &list)) && cn_read_stored(file, &list) &&
                cn_stored_commit(&list);
    cn_stored_free(&list);
    cn_safetensors_close(file);
    return done;
}

/* npz */

static bool make_member(cn_stored_list *list, const cn_stored *stored, cn_zip_entry *entry)
{
    const cn_tensor *variable = stored->variable;
    size_t bytes = (size_t)cn_shape_size(variable->shape) * cn_dtype_size(variable->dtype);
    size_t length = strlen(stored->name) + sizeof ".npy";
    char header[CN_NPY_HEADER], *name = cn_arena_record(&list->arena, length);
    size_t first = cn_npy_header(header, cn_array_type_of(variable->dtype), variable->shape);
    char *contents = cn_arena_allocate(&list->arena, first + bytes);
    if (!name || !contents)
        return false;
    snprintf(name, length, "%s.npy", stored->name);
    memcpy(contents, header, first);
    memcpy(contents + first, cn_stored_data(stored), bytes);
    *entry = (cn_zip_entry){name, {contents, first + bytes}};
    return true;
}

bool cn_save_npz(const cn_model *model, const char *path)
{
    cn_stored_list list = {0};
    bool done = cn_stored_by_path(&list, "", &model->base);
    cn_zip_entry *entries = done ? cn_allocate((size_t)list.count + 1, sizeof *entries) : NULL;
    done = entries != NULL;
    for (int i = 0; done && i < list.count; i++)
        done = make_member(&list, &list.item[i], &entries[i]);
    size_t size = 0;
    unsigned char *archive = done ? cn_zip_make(path, entries, (size_t)list.count, &size) : NULL;
    done = archive && cn_replace_file(path, &(cn_bytes){archive, size}, 1);
    cn_release(archive);
    cn_release(entries);
    cn_stored_free(&list);
    return done;
}

static bool read_member(cn_stored_list *list, cn_stored *stored, const cn_zip *zip)
{
    char name[CN_STORED_NAME + 8];
    size_t size;
    cn_npy_array array;
    snprintf(name, sizeof name, "%s.npy", stored->name);
    unsigned char *bytes = cn_zip_read(zip, name, &size);
    bool done = bytes && cn_npy_parse(&array, name, bytes, size) && check_shape(stored, zip->name, array.shape) &&
                cn_stored_room(list, stored) && cn_npy_read(&array, name, stored->variable->dtype, stored->read);
    cn_release(bytes);
    return done;
}

bool cn_load_npz(const cn_model *model, const cn_zip *zip)
{
    cn_stored_list list = {0};
    bool done =
        cn_stored_by_path(&list, "", &model->base) && check_count(zip->name, (size_t)cn_zip_members(zip), &list);
    for (int i = 0; done && i < list.count; i++)
        done = read_member(&list, &list.item[i], zip);
    done = done && cn_stored_commit(&list);
    cn_stored_free(&list);
    return done;
}
