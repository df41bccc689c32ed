#include "models/structure.h"
#include "training/callbacks.h"
#include "training/weights_copy.h"

typedef struct swap_ema {
    cn_swap_ema_weights_args args;
    bool swapped;            /* the model has the averages, */
    cn_weights_copy trained; /* and these are its weights */
} swap_ema;

static bool check_averages(const cn_model *model)
{
    return cn_has_averages(model->updater) ||
           cn_fail(CN_STATE, "SwapEMAWeights: the optimizer keeps no averages; compile with .use_ema = true");
}

static bool swap_in(swap_ema *s, cn_model *model)
{
    if (s->swapped)
        return true;
    if (!check_averages(model) || !cn_copy_weights(model, &s->trained))
        return false;
    s->swapped = true;
    return cn_finish_updates(model->updater);
}

static bool swap_out(swap_ema *s)
{
    if (s->swapped)
        cn_restore_weights(&s->trained);
    s->swapped = false;
    return true;
}

static bool begin_fit(void *context, cn_model *model)
{
    (void)context;
    return !model->compiled || check_averages(model);
}

static bool begin_epoch(void *context, cn_model *model, int epoch)
{
    (void)model;
    (void)epoch;
    return swap_out(context);
}

static bool end_epoch(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    swap_ema *s = context;
    (void)epoch;
    (void)logs;
    return !s->args.swap_on_epoch || swap_in(s, model);
}

/* fit has set the weights to the averages, which they are to keep. */
static bool end_fit(void *context, cn_model *model, const cn_logs *logs)
{
    (void)model;
    (void)logs;
    ((swap_ema *)context)->swapped = false;
    return true;
}

static bool begin_use(void *context, cn_model *model)
{
    return swap_in(context, model);
}

static bool end_test(void *context, cn_model *model, const cn_logs *logs)
{
    (void)model;
    (void)logs;
    return swap_out(context);
}

static bool end_predict(void *context, cn_model *model)
{
    (void)model;
    return swap_out(context);
}

static bool keep_swapped(void *context, cn_model *model, cn_keeper *keeper)
{
    swap_ema *s = context;
    return cn_keep_flag(keeper, "swapped", &s->swapped) && cn_keep_weights(keeper, "trained", model, &s->trained);
}

/* After a failure the model has its weights again. */
static void close_swap(void *context)
{
    swap_ema *s = context;
    swap_out(s);
    cn_free_weights(&s->trained);
}

cn_callback cn_swap_ema_weights_with(cn_swap_ema_weights_args args)
{
    static const cn_callback row = {.name = "SwapEMAWeights",
                                    .state_size = sizeof(swap_ema),
                                    .on_train_begin = begin_fit,
                                    .on_epoch_begin = begin_epoch,
                                    .on_epoch_end = end_epoch,
                                    .on_train_end = end_fit,
                                    .on_test_begin = begin_use,
                                    .on_test_end = end_test,
                                    .on_predict_begin = begin_use,
                                    .on_predict_end = end_predict,
                                    .keep = keep_swapped,
                                    .close = close_swap};
    return cn_callback_like(&row, &args, sizeof args);
}
