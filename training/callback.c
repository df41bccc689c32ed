#include "training/callback.h"
#include "core/arena.h"
#include "training/fitting.h"
#include <math.h>
#include <string.h>

/* Logs */

static cn_logged *find(const cn_logs *logs, const char *name)
{
    for (int i = 0; logs && name && i < logs->count; i++)
        if (strcmp(logs->item[i].name, name) == 0)
            return (cn_logged *)(uintptr_t)&logs->item[i];
    return NULL;
}

double cn_logs_value(const cn_logs *logs, const char *name)
{
    const cn_logged *found = find(logs, name);
    return found ? found->value : NAN;
}

bool cn_logs_have(const cn_logs *logs, const char *name)
{
    return find(logs, name) != NULL;
}

bool cn_logs_set(cn_logs *logs, const char *name, double value)
{
    if (cn_failed())
        return false;
    if (!logs || !name)
        return cn_fail(CN_ARGUMENT, "logs_set: needs logs and a name");
    cn_logged *found = find(logs, name);
    if (found) {
        found->value = value;
        return true;
    }
    if (logs->count == CN_MAX_LOGS)
        return cn_fail(CN_ARGUMENT, "logs: there are more than %d values", CN_MAX_LOGS);
    logs->item[logs->count++] = (cn_logged){name, value};
    return true;
}

/* Callbacks */

cn_callback cn_callback_like(const cn_callback *row, const void *arguments, size_t argument_size)
{
    cn_callback made = {.context = NULL};
    if (cn_failed())
        return made;
    if (!row || (!arguments && argument_size > 0) || argument_size > sizeof made.arguments ||
        argument_size > row->state_size) {
        cn_fail(CN_ARGUMENT, "callback_like: needs a row whose state has room for the arguments, at most %zu bytes",
                sizeof made.arguments);
        return made;
    }
    made = *row;
    made.argument_size = argument_size;
    if (argument_size)
        memcpy(made.arguments, arguments, argument_size);
    return made;
}

static bool is_callback(const cn_callback *c)
{
    return c->on_train_begin || c->on_train_end || c->on_epoch_begin || c->on_epoch_end || c->on_train_batch_begin ||
           c->on_train_batch_end || c->on_test_begin || c->on_test_end || c->on_test_batch_begin ||
           c->on_test_batch_end || c->on_predict_begin || c->on_predict_end || c->on_predict_batch_begin ||
           c->on_predict_batch_end;
}

int cn_callbacks_count(const cn_callback *given)
{
    int count = 0;
    while (given && count < CN_MAX_CALLBACKS && is_callback(&given[count]))
        count++;
    return count;
}

bool cn_callbacks_begin(cn_callbacks *callbacks, const cn_callback *given, int count)
{
    callbacks->count = 0; /* large, so that only what is in use is set */
    callbacks->log_train_batches = callbacks->log_test_batches = false;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < count; i++) {
            if (!is_callback(&given[i]) || given[i].last != (last == 1))
                continue;
            void *context = given[i].context;
            if (given[i].state_size && !(context = cn_allocate(1, given[i].state_size)))
                return false;
            if (given[i].state_size)
                memcpy(context, given[i].arguments, given[i].argument_size);
            callbacks->log_train_batches |= given[i].on_train_batch_end != NULL;
            callbacks->log_test_batches |= given[i].on_test_batch_end != NULL;
            callbacks->item[callbacks->count].callback = &given[i];
            callbacks->item[callbacks->count++].context = context;
        }
    return true;
}

void cn_callbacks_end(cn_callbacks *callbacks)
{
    for (int i = 0; i < callbacks->count; i++) {
        const cn_callback *callback = callbacks->item[i].callback;
        if (callback->close)
            callback->close(callbacks->item[i].context);
        if (callback->state_size)
            cn_release(callbacks->item[i].context);
    }
    callbacks->count = 0;
}

void cn_stop_training(cn_model *model)
{
    if (model)
        model->stop = true;
}

cn_training_params cn_training_params_of(const cn_model *model)
{
    const cn_fitting *fitting = model ? model->fitting : NULL;
    if (!fitting)
        return (cn_training_params){0};
    return (cn_training_params){fitting->args->verbose, fitting->args->epochs, fitting->steps};
}

/* Messages */

bool cn_tell(const cn_model *model, cn_text *message)
{
    const cn_progress *progress = &model->fitting->progress;
    cn_text_add(message, "\n");
    if (!message->failed)
        progress->write(progress->context, message->data, message->size);
    cn_text_free(message);
    return !cn_failed();
}

bool cn_warn(const cn_model *model, cn_text *warning)
{
    if (model->fitting->progress.verbose)
        return cn_tell(model, warning);
    cn_text_free(warning);
    return !cn_failed();
}
