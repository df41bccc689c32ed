#include "formats/checkpoint.h"
#include "core/random.h"
#include "formats/named_weights.h"
#include "models/step.h"
#include "models/structure.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char format[] = "cornet checkpoint 1", owner[] = "training/";

#define OPTIMIZER "optimizer/"

/* The weights, and what the optimizer keeps. */
static bool list_state(cn_stored_list *list, const cn_model *model)
{
    if (!cn_stored_by_path(list, CN_CHECKPOINT_WEIGHTS, &model->base))
        return false;
    int count = model->updater ? cn_updater_variable_count(model->updater) : 0;
    for (int i = 0; i < count; i++)
        if (!cn_stored_add(list, cn_updater_variable(model->updater, i), OPTIMIZER "%d", i))
            return false;
    return true;
}

/* Writing */

static bool check_owner(const char *path, const char *name)
{
    return (name && strncmp(name, owner, strlen(owner)) == 0) ||
           cn_fail(CN_ARGUMENT, "%s: the name '%.80s' does not begin with %s", path, name ? name : "", owner);
}

bool cn_save_checkpoint(cn_model *model, const char *path, const cn_safetensors_tensor *tensors, size_t count,
                        const cn_safetensors_text *texts)
{
    if (!cn_check_saved("save_checkpoint", model, path))
        return false;
    char step[32], seed[32];
    snprintf(step, sizeof step, "%" PRId64, model->step);
    snprintf(seed, sizeof seed, "%" PRIu64, cn_default_seed());
    const cn_safetensors_text own[] = {{"format", format}, {"step", step}, {"seed", seed}};
    const size_t own_count = sizeof own / sizeof *own;
    size_t text_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!check_owner(path, tensors[i].name))
            return false;
    for (; texts && texts[text_count].key; text_count++)
        if (!check_owner(path, texts[text_count].key))
            return false;
    cn_stored_list list = {0};
    cn_safetensors_text *all = cn_allocate(own_count + text_count + 1, sizeof *all);
    bool done = all && list_state(&list, model);
    if (done) {
        memcpy(all, own, sizeof own);
        if (text_count > 0)
            memcpy(all + own_count, texts, text_count * sizeof *texts);
        done = cn_write_stored(path, &list, tensors, count, all);
    }
    cn_release(all);
    cn_stored_free(&list);
    return done;
}

/* Reading */

bool cn_is_checkpoint(const cn_safetensors *file)
{
    const char *is = cn_safetensors_metadata(file, "format");
    return is && strcmp(is, format) == 0;
}

/* A number of decimal digits alone, below 2^64. */
static bool read_number(const cn_safetensors *file, const char *key, uint64_t most, uint64_t *number)
{
    const char *text = cn_safetensors_metadata(file, key);
    char *end = NULL;
    errno = 0;
    *number = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    return (end && !*end && !errno && *number <= most) ||
           cn_fail(CN_FORMAT, "%s: its %s is no number that can be", cn_safetensors_path(file), key);
}

/* The file has no more than what is listed. */
static bool check_rest(const cn_safetensors *file, const cn_stored_list *list, bool optimizer)
{
    size_t count = 0;
    for (size_t i = 0; i < cn_safetensors_count(file); i++) {
        const char *name = cn_safetensors_at(file, i)->name;
        count += strncmp(name, CN_CHECKPOINT_WEIGHTS, strlen(CN_CHECKPOINT_WEIGHTS)) == 0 ||
                 (optimizer && strncmp(name, OPTIMIZER, strlen(OPTIMIZER)) == 0);
    }
    return count == (size_t)list->count ||
           cn_fail(CN_FORMAT, "%s: is of another model or optimizer: it has %zu weights and states, this one %d",
                   cn_safetensors_path(file), count, list->count);
}

bool cn_restore_checkpoint(cn_model *model, const cn_safetensors *file)
{
    uint64_t step, seed;
    cn_stored_list list = {0};
    if (!cn_check_saved("restore_checkpoint", model, cn_safetensors_path(file)))
        return false;
    if (!cn_is_checkpoint(file))
        return cn_fail(CN_FORMAT, "%s: is no checkpoint", cn_safetensors_path(file));
    bool done = read_number(file, "step", INT64_MAX, &step) && read_number(file, "seed", UINT64_MAX, &seed) &&
                list_state(&list, model) && check_rest(file, &list, model->updater) && cn_read_stored(file, &list) &&
                cn_stored_commit(&list);
    cn_stored_free(&list);
    if (!done)
        return false;
    /* What was recorded draws by the seed of that moment. */
    if (seed != cn_default_seed())
        cn_model_forget_steps(model);
    cn_set_seed(seed);
    model->step = (int64_t)step;
    return true;
}
