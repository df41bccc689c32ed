#include "training/history.h"
#include "models/structure.h"
#include "training/plot.h"
#include <math.h>
#include <string.h>

typedef struct series {
    char *name;
    double *value; /* one an epoch; NaN before the name first appeared */
} series;

struct cn_history {
    series *series;
    int names, epochs, capacity, first_epoch;
};

static void free_history(void *opaque)
{
    cn_history *history = opaque;
    if (!history)
        return;
    for (int i = 0; i < history->names; i++) {
        cn_release(history->series[i].name);
        cn_release(history->series[i].value);
    }
    cn_release(history->series);
    cn_release(history);
}

cn_history *cn_history_begin(cn_model *model, int first_epoch)
{
    cn_history *history = cn_allocate(1, sizeof *history);
    if (!history)
        return NULL;
    history->first_epoch = first_epoch;
    if (model->history)
        model->free_history(model->history);
    model->history = history;
    model->free_history = free_history;
    return history;
}

static series *series_named(const cn_history *history, const char *name)
{
    for (int i = 0; i < history->names; i++)
        if (strcmp(history->series[i].name, name) == 0)
            return &history->series[i];
    return NULL;
}

static bool make_room(cn_history *history)
{
    if (history->epochs < history->capacity)
        return true;
    int larger = history->capacity ? history->capacity * 2 : 16;
    for (int i = 0; i < history->names; i++) {
        double *value = cn_resize(history->series[i].value, (size_t)history->epochs, (size_t)larger, sizeof *value);
        if (!value)
            return false;
        history->series[i].value = value;
    }
    history->capacity = larger;
    return true;
}

static series *add_series(cn_history *history, const char *name)
{
    series *all = cn_resize(history->series, (size_t)history->names, (size_t)history->names + 1, sizeof *all);
    if (!all)
        return NULL;
    history->series = all;
    series made = {cn_copy_string(name), cn_allocate((size_t)history->capacity, sizeof(double))};
    if (!made.name || !made.value) {
        cn_release(made.name);
        cn_release(made.value);
        return NULL;
    }
    for (int i = 0; i < history->epochs; i++)
        made.value[i] = NAN;
    all[history->names] = made;
    return &all[history->names++];
}

bool cn_history_append(cn_history *history, const cn_logs *logs)
{
    if (!make_room(history))
        return false;
    for (int i = 0; i < history->names; i++)
        history->series[i].value[history->epochs] = NAN;
    for (int i = 0; i < logs->count; i++) {
        series *of_name = series_named(history, logs->item[i].name);
        if (!of_name && !(of_name = add_series(history, logs->item[i].name)))
            return false;
        of_name->value[history->epochs] = logs->item[i].value;
    }
    history->epochs++;
    return true;
}

int cn_history_epochs(const cn_history *history)
{
    return history ? history->epochs : 0;
}

int cn_history_names(const cn_history *history)
{
    return history ? history->names : 0;
}

const char *cn_history_name(const cn_history *history, int index)
{
    return history && index >= 0 && index < history->names ? history->series[index].name : NULL;
}

const double *cn_history_of(const cn_history *history, const char *name)
{
    const series *found = history && name ? series_named(history, name) : NULL;
    return found ? found->value : NULL;
}

bool cn_history_plot(const cn_history *history, const char *path)
{
    if (cn_failed())
        return false;
    if (!history || !path)
        return cn_fail(CN_ARGUMENT, "history_plot: needs a history and a path");
    cn_plot_series *curves = cn_allocate((size_t)history->names + 1, sizeof *curves);
    if (!curves)
        return false;
    for (int i = 0; i < history->names; i++)
        curves[i] = (cn_plot_series){history->series[i].name, history->series[i].value, history->epochs};
    bool done = cn_plot(path, curves, history->names, history->first_epoch + 1);
    cn_release(curves);
    return done;
}
