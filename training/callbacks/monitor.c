#include "training/callbacks/monitor.h"
#include "models/structure.h"
#include "training/fitting.h"
#include <math.h>
#include <string.h>

bool cn_check_monitor(const char *callback, const char *name, cn_monitor_mode mode)
{
    if (cn_failed())
        return false;
    if (!name || !*name)
        return cn_fail(CN_ARGUMENT, "%s: monitor is not given", callback);
    return (mode >= CN_MODE_AUTO && mode <= CN_MODE_MAX) ||
           cn_fail(CN_ARGUMENT, "%s: mode is %d; it is CN_MODE_AUTO, CN_MODE_MIN or CN_MODE_MAX", callback, mode);
}

/* Without "val_": a loss goes down, a metric as it says. */
static cn_monitor_mode mode_of(const cn_model *model, const char *name)
{
    const char *plain = strncmp(name, "val_", 4) == 0 ? name + 4 : name;
    for (int i = 0; i < model->tracked_count; i++)
        if (strcmp(model->tracked[i].name, plain) == 0)
            return model->tracked[i].direction == CN_UP     ? CN_MODE_MAX
                   : model->tracked[i].direction == CN_DOWN ? CN_MODE_MIN
                                                            : CN_MODE_AUTO;
    for (char *const *log = model->log_name[0]; log && *log; log++)
        if (strcmp(*log, plain) == 0)
            return CN_MODE_MIN;
    return CN_MODE_AUTO;
}

static bool find_mode(cn_monitor *monitor, const cn_model *model)
{
    if (monitor->mode == CN_MODE_AUTO)
        monitor->mode = mode_of(model, monitor->name);
    return monitor->mode != CN_MODE_AUTO ||
           cn_fail(CN_ARGUMENT,
                   "%s: it is not known whether %s is better when it is higher or lower; give .mode = CN_MODE_MAX "
                   "or CN_MODE_MIN",
                   monitor->callback, monitor->name);
}

bool cn_begin_monitor(cn_monitor *monitor, const cn_model *model)
{
    return !model->compiled || find_mode(monitor, model);
}

bool cn_monitor_value(cn_monitor *monitor, const cn_model *model, const cn_logs *logs, double *value)
{
    if (!find_mode(monitor, model))
        return false;
    *value = cn_logs_value(logs, monitor->name);
    return true;
}

bool cn_is_better(const cn_monitor *monitor, double value, double than)
{
    double delta = fabs(monitor->min_delta);
    return monitor->mode == CN_MODE_MAX ? value - delta > than : value + delta < than;
}

bool cn_is_best(const cn_monitor *monitor, double value)
{
    return (!monitor->seen && !isnan(value)) || cn_is_better(monitor, value, monitor->best);
}

bool cn_keep_monitor(cn_keeper *keeper, cn_monitor *monitor)
{
    return cn_keep_flag(keeper, "seen", &monitor->seen) && cn_keep_number(keeper, "best", &monitor->best);
}

bool cn_warn_of_missing(const cn_monitor *monitor, const cn_model *model, const char *what, const cn_logs *logs)
{
    cn_text warning = {0};
    cn_text_format(&warning, "WARNING: %s `%s` which is not available. Available metrics are: ", what, monitor->name);
    for (int i = 0; i < logs->count; i++)
        cn_text_format(&warning, "%s%s", i ? "," : "", logs->item[i].name);
    return cn_warn(model, &warning);
}
