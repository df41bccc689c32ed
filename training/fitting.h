/* Private: a run of fit, and the callbacks of any run. */
#ifndef CN_TRAINING_FITTING_H
#define CN_TRAINING_FITTING_H
#include "training/batches.h"
#include "training/progress_text.h"
#include "training/training.h"

/* The callbacks of a run in the order in which they are called, each with its context. */
typedef struct cn_callbacks {
    struct {
        const cn_callback *callback;
        void *context;
    } item[CN_MAX_CALLBACKS];
    int count;
    bool log_train_batches, log_test_batches; /* some want the logs of batches */
} cn_callbacks;
/* Of those given that have a function; they must last. End them also after a failure. */
bool cn_callbacks_begin(cn_callbacks *callbacks, const cn_callback *given, int count);
/* Those before the first that has no function, of a list that may be NULL. */
int cn_callbacks_count(const cn_callback *given);
void cn_callbacks_end(cn_callbacks *callbacks);

/* Calls one hook of every callback; `done` turns false, with the error set, if one of them fails. */
#define CN_CALL_BACK(done, callbacks, hook, ...)                                                                \
    for (int i_ = 0; (done) && i_ < (callbacks)->count; i_++)                                                   \
        if ((callbacks)->item[i_].callback->hook &&                                                             \
            (!(callbacks)->item[i_].callback->hook((callbacks)->item[i_].context, __VA_ARGS__) || cn_failed())) \
    (done) = cn_fail(CN_STATE, "a callback's " #hook " failed")

typedef struct cn_fitting {
    cn_model *model;
    const cn_fit_args *args;
    cn_callbacks callbacks;
    cn_batches train, validation;
    int64_t steps; /* of an epoch; 0: not known yet */
    cn_progress progress;
    cn_epoch sums; /* of the epoch so far */
    cn_logs logs;  /* of the last epoch */
    /* Where it stands, while callbacks are called at the end of an epoch or a batch: what is to be done next. */
    int epoch;
    int64_t batch; /* so many of the epoch are done */
    bool resumed;  /* from a checkpoint */
} cn_fitting;

/* Seconds, by a clock that is never set. */
double cn_now(void);
/* Writes a callback's message, and its line's end, to where the progress of the model's fit goes; frees the text. */
bool cn_tell(const cn_model *model, cn_text *message);
/* The same for a warning, unless the fit is silent. */
bool cn_warn(const cn_model *model, cn_text *warning);
#endif
