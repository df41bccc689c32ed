/* Private: a monitored value of the logs, and the best one so far. */
#ifndef CN_TRAINING_CALLBACKS_MONITOR_H
#define CN_TRAINING_CALLBACKS_MONITOR_H
#include "training/callbacks.h"

typedef struct cn_monitor {
    const char *callback, *name; /* "EarlyStopping" monitors "val_loss" */
    cn_monitor_mode mode;        /* found by the first call if it is automatic */
    double min_delta;
    bool seen; /* there is a best value */
    double best;
} cn_monitor;

/* That the arguments can be honoured: for constructors. */
bool cn_check_monitor(const char *callback, const char *name, cn_monitor_mode mode);
/* In on_train_begin: false with the error set if it is known already that the value has no direction. */
bool cn_begin_monitor(cn_monitor *monitor, const cn_model *model);
/* The value, NaN if there is none; false with the error set if it is not known what is better. */
bool cn_monitor_value(cn_monitor *monitor, const cn_model *model, const cn_logs *logs, double *value);
/* Whether the value is better than another one, or than the best so far, by more than min_delta; NaN never is. */
bool cn_is_better(const cn_monitor *monitor, double value, double than);
bool cn_is_best(const cn_monitor *monitor, double value);
bool cn_keep_monitor(cn_keeper *keeper, cn_monitor *monitor);
/* As Keras warns of a value that is not there: "Early stopping conditioned on" it. */
bool cn_warn_of_missing(const cn_monitor *monitor, const cn_model *model, const char *what, const cn_logs *logs);
#endif
