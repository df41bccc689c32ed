#include "training/resume.h"
#include "core/arena.h"
#include "core/engine.h"
#include "formats/checkpoint.h"
#include "formats/stored.h"
#include <stdio.h>
#include <string.h>

/* The names that a checkpoint leaves to training. */
#define OWNER "training/"

/* One walk over all that is kept, to write it or to read it. */
struct cn_keeper {
    const char *path;
    const cn_safetensors *file; /* that is read; NULL: everything is written */
    char prefix[80];
    cn_safetensors_tensor *tensor; /* to be written */
    int count, capacity;           /* tensors written, or read */
    cn_arena arena;                /* names and numbers */
    cn_stored_list variables;      /* with what was read for them, and is set when all has been read */
};

static bool write_tensor(cn_keeper *k, const char *name, cn_dtype dtype, cn_shape shape, const void *data)
{
    char *copy = cn_arena_record(&k->arena, strlen(name) + 1);
    if (!copy || !cn_grow((void **)&k->tensor, k->count, &k->capacity, sizeof *k->tensor))
        return false;
    strcpy(copy, name);
    k->tensor[k->count++] = (cn_safetensors_tensor){copy, dtype, shape, data};
    return true;
}

static bool read_tensor(cn_keeper *k, const char *name, cn_dtype dtype, cn_shape shape, void *data)
{
    const cn_safetensors_entry *entry = cn_safetensors_find(k->file, name);
    char is[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
    if (!entry)
        return cn_fail(CN_FORMAT, "%s: is of another training: it has no %s", k->path, name);
    if (!cn_shape_equal(entry->shape, shape))
        return cn_fail(CN_SHAPES, "%s: is of another training: %s has shape %s, not %s", k->path, name,
                       cn_shape_text(entry->shape, is, sizeof is), cn_shape_text(shape, wanted, sizeof wanted));
    k->count++;
    return cn_safetensors_read(entry, dtype, data);
}

static bool keep(cn_keeper *k, const char *name, cn_dtype dtype, cn_shape shape, void *data)
{
    char full[256];
    if (cn_failed())
        return false;
    if ((size_t)snprintf(full, sizeof full, OWNER "%s%s", k->prefix, name) >= sizeof full)
        return cn_fail(CN_ARGUMENT, "keep: the name %.80s... is too long", name);
    return k->file ? read_tensor(k, full, dtype, shape, data) : write_tensor(k, full, dtype, shape, data);
}

bool cn_keep_number(cn_keeper *k, const char *name, double *value)
{
    double *number = k->file ? value : cn_arena_record(&k->arena, sizeof *number);
    if (!number)
        return false;
    *number = *value;
    return keep(k, name, CN_F64, CN_SHAPE(), number);
}

bool cn_keep_count(cn_keeper *k, const char *name, int64_t *value)
{
    const double most = 9007199254740992; /* 2^53 */
    double number = (double)*value;
    if (!cn_keep_number(k, name, &number))
        return false;
    if (!(number >= -most && number <= most))
        return cn_fail(CN_FORMAT, "%s: %s%s is no count", k->path, k->prefix, name);
    *value = (int64_t)number;
    return true;
}

bool cn_keep_flag(cn_keeper *k, const char *name, bool *value)
{
    int64_t count = *value;
    if (!cn_keep_count(k, name, &count))
        return false;
    *value = count != 0;
    return true;
}

bool cn_keep_array(cn_keeper *k, const char *name, cn_view values)
{
    static const cn_dtype types[] = {CN_F32, CN_F64, CN_I32};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (cn_array_type_of(types[i]) == values.type)
            return keep(k, name, types[i], values.shape, (void *)(uintptr_t)values.data);
    return cn_fail(CN_TYPE, "keep: %s%s is neither float, double nor int32_t", k->prefix, name);
}

static bool keep_variable(cn_keeper *k, const char *name, cn_tensor *variable)
{
    void *data = variable->variable->storage;
    if (k->file && (!cn_stored_add(&k->variables, variable, "%s", name) ||
                    !(data = cn_stored_room(&k->variables, &k->variables.item[k->variables.count - 1]))))
        return false;
    return keep(k, name, variable->dtype, variable->shape, data);
}

/* Where a fit stands: what comes next, and how many batches of which pass were taken. */
typedef struct position {
    int64_t epoch, batch, pass, taken;
    bool stop;
} position;

static position position_of(const cn_fitting *f)
{
    bool begins_pass = f->batch == 0 && f->args->steps_per_epoch == 0;
    return (position){.epoch = f->epoch,
                      .batch = f->batch,
                      .pass = (int64_t)f->train.pass,
                      .taken = begins_pass ? 0 : f->train.taken,
                      .stop = f->model->stop};
}

static bool keep_position(cn_keeper *k, position *p)
{
    strcpy(k->prefix, "position/");
    if (!cn_keep_count(k, "epoch", &p->epoch) || !cn_keep_count(k, "batch", &p->batch) ||
        !cn_keep_count(k, "pass", &p->pass) || !cn_keep_count(k, "batches_of_pass", &p->taken) ||
        !cn_keep_flag(k, "stop", &p->stop))
        return false;
    return (p->epoch >= 0 && p->epoch <= INT32_MAX && p->batch >= 0 && p->pass >= 0 && p->taken >= 0) ||
           cn_fail(CN_FORMAT, "%s: holds no position in a training", k->path);
}

/* Of an epoch that is under way. */
static bool keep_sums(cn_keeper *k, cn_fitting *f)
{
    cn_view losses = cn_array(f->sums.loss, 1 + CN_MAX_OUTPUTS);
    strcpy(k->prefix, "epoch/");
    bool done = cn_keep_count(k, "samples", &f->sums.samples) && cn_keep_array(k, "losses", losses);
    for (int i = 0; done && i < f->model->tracked_count; i++) {
        cn_tensor *state;
        for (int s = 0; done && (state = cn_meter_state(f->model->tracked[i].meter, s)); s++) {
            char name[64];
            snprintf(name, sizeof name, "metrics/%d/%d", i, s);
            done = keep_variable(k, name, state);
        }
    }
    return done;
}

/* What the calls of recurrent layers leave for the next ones. */
static bool keep_states(cn_keeper *k, cn_layer *layer, int *count)
{
    cn_tensor *state;
    bool done = true;
    for (int i = 0; done && layer->type->kept_state && (state = layer->type->kept_state(layer, i)); i++) {
        char name[32];
        snprintf(name, sizeof name, "%d", (*count)++);
        done = keep_variable(k, name, state);
    }
    for (int i = 0; done && i < layer->sublayer_count; i++)
        done = keep_states(k, layer->sublayer[i], count);
    return done;
}

static bool keep_callbacks(cn_keeper *k, cn_fitting *f)
{
    bool done = true;
    for (int i = 0; done && i < f->callbacks.count; i++) {
        const cn_callback *callback = f->callbacks.item[i].callback;
        if (!callback->keep)
            continue;
        snprintf(k->prefix, sizeof k->prefix, "callbacks/%d/%.40s/", i, callback->name ? callback->name : "callback");
        done = (callback->keep(f->callbacks.item[i].context, f->model, k) && !cn_failed()) ||
               cn_fail(CN_STATE, "a callback's keep failed");
    }
    return done;
}

static bool keep_all(cn_keeper *k, cn_fitting *f, position *p)
{
    int states = 0;
    if (!keep_position(k, p) || (p->batch > 0 && !keep_sums(k, f)))
        return false;
    strcpy(k->prefix, "states/");
    return keep_states(k, &f->model->base, &states) && keep_callbacks(k, f);
}

static void free_keeper(cn_keeper *k)
{
    cn_release(k->tensor);
    cn_arena_free(&k->arena);
    cn_stored_free(&k->variables);
}

bool cn_save_fit(cn_fitting *f, const char *path)
{
    cn_keeper k = {.path = path};
    position p = position_of(f);
    bool done = keep_all(&k, f, &p) && cn_save_checkpoint(f->model, path, k.tensor, (size_t)k.count, NULL);
    free_keeper(&k);
    return done;
}

/* Takes the first batch, so that there is all that a step makes: weights, the optimizer's state, metrics' sums. */
static bool prepare(cn_fitting *f)
{
    cn_batch batch;
    cn_batches_rewind(&f->train);
    return cn_next_batch(&f->train, &batch) ? cn_prepare_step(f->model, CN_TRAIN_STEP, &f->train.arrays, batch.count)
                                            : cn_fail(CN_ARGUMENT, "fit: the data set gives no batch");
}

static bool check_count(const cn_keeper *k)
{
    int count = 0;
    for (size_t i = 0; i < cn_safetensors_count(k->file); i++)
        count += strncmp(cn_safetensors_at(k->file, i)->name, OWNER, strlen(OWNER)) == 0;
    return count == k->count ||
           cn_fail(CN_FORMAT, "%s: is of another training: it keeps %d values, this one %d", k->path, count, k->count);
}

static bool resume(cn_keeper *k, cn_fitting *f)
{
    position p = {0};
    if (!prepare(f) || !keep_all(k, f, &p) || !check_count(k) || !cn_restore_checkpoint(f->model, k->file) ||
        !cn_stored_commit(&k->variables))
        return false;
    f->epoch = (int)p.epoch;
    f->batch = p.batch;
    f->model->stop = p.stop;
    f->resumed = true;
    return cn_batches_go_on(&f->train, (uint64_t)p.pass, p.taken);
}

bool cn_resume_fit(cn_fitting *f, const char *path)
{
    cn_safetensors *file = cn_safetensors_open(path);
    cn_keeper k = {.path = path, .file = file};
    bool done = file && (cn_is_checkpoint(file) || cn_fail(CN_FORMAT, "%s: is no checkpoint", path)) && resume(&k, f);
    free_keeper(&k);
    cn_safetensors_close(file);
    return done;
}
