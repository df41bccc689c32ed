/* Models: a graph of layers, made functional (from symbolic tensors) or sequential (from a list of layers), and what
 * compiling adds: an optimizer, losses and metrics. A model is a layer, too: cn_call takes it. */
#ifndef CN_MODELS_MODEL_H
#define CN_MODELS_MODEL_H
#include <stdio.h>
#include "../layers/layer.h"
#include "../losses/metric.h"
#include "../optim/optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_model_args {
    char first_;
    cn_tensor *inputs[CN_MAX_TENSORS], *outputs[CN_MAX_TENSORS];
    const char *name; /* by default model, model_1, ... */
} cn_model_args;
/* cn_model_new({in}, {out}): all layers on the way from the inputs to the outputs. */
#define cn_model_new(...) cn_model_with((cn_model_args){.first_ = 0, __VA_ARGS__})
CN_API cn_model *cn_model_with(cn_model_args args);

/* cn_sequential(cn_input_layer(784), cn_dense(10)): the layers in order. Without an input layer its weights exist only
 * after the first call, fit, predict or cn_build; its input is then of the default float type, as in Keras, to which
 * integers are converted: ids above 2^24 need cn_input_layer_with, .dtype = CN_I32. */
#define cn_sequential(...) \
    cn_sequential_of((cn_layer *[]){__VA_ARGS__}, (int)(sizeof((cn_layer *[]){__VA_ARGS__}) / sizeof(cn_layer *)))
CN_API cn_model *cn_sequential_of(cn_layer *const *layers, int count);
/* Appends a layer to a sequential model that is not built yet. */
CN_API bool cn_add_layer_to(cn_model *model, cn_layer *layer);

/* Gives back the model, and each layer that no other model or symbolic tensor uses. NULL is fine. */
CN_API void cn_model_free(cn_model *model);

/* The model that a layer is (see cn_model_layer); NULL for any other layer. */
CN_API cn_model *cn_layer_model(cn_layer *layer);

/* Its layers, in Keras' order (by depth from the inputs). An index out of range gives NULL; a name that none has, NULL
 * with the error set. */
CN_API int cn_layer_count(const cn_model *model);
CN_API cn_layer *cn_get_layer(const cn_model *model, int index);
CN_API cn_layer *cn_layer_by_name(const cn_model *model, const char *name);

/* Compiling. */

typedef struct cn_step cn_step;

/* Of metrics, those for all outputs, and those for one. */
enum { CN_MAX_OUTPUTS = 8, CN_MAX_METRICS = 16, CN_MAX_OUTPUT_METRICS = 4 };

typedef struct cn_compile_args {
    char first_;
    cn_optimizer optimizer;                     /* RMSprop is Keras' default; here it must be given */
    cn_loss loss;                               /* of every output */
    cn_loss losses[CN_MAX_OUTPUTS];             /* instead: one an output, no name: none */
    double loss_weights[CN_MAX_OUTPUTS];        /* all zero: ones */
    cn_metric metrics[CN_MAX_METRICS];          /* of every output; without sample weights */
    cn_metric weighted_metrics[CN_MAX_METRICS]; /* with them; a second metric of a name is logged as NAME_1 */
    cn_metric output_metrics[CN_MAX_OUTPUTS][CN_MAX_OUTPUT_METRICS]; /* besides: some of each output */
    /* Instead of the built-in training step: records another one on a deferred tape (see cn_step). It sets the step's
     * loss, and y_pred, from which the metrics are recorded after it. */
    bool (*train_step)(cn_model *model, cn_step *step);
} cn_compile_args;
/* cn_compile(model, .optimizer = cn_adam(), .loss = cn_mean_squared_error(), .metrics = {cn_accuracy()}) */
#define cn_compile(model, ...) cn_compile_with((model), (cn_compile_args){.first_ = 0, __VA_ARGS__})
CN_API bool cn_compile_with(cn_model *model, cn_compile_args args);

/* A training step as it is recorded, for a step of one's own. */
struct cn_step {
    cn_tape *tape;
    cn_tensors x, y_true, sample_weight;    /* what the batch feeds; a missing weight is NULL */
    cn_tensors y_pred;                      /* filled by cn_step_forward */
    cn_tensor *loss;                        /* likewise by cn_step_loss: a scalar, penalties included */
    cn_tensor *output_loss[CN_MAX_OUTPUTS]; /* and that of each output alone, or NULL */
};
/* The parts of the built-in step in its order, for a train_step that keeps some of them, or for a loop of one's own on
 * an eager tape made with .training = true. */
CN_API bool cn_step_forward(cn_model *model, cn_step *step);
CN_API bool cn_step_loss(cn_model *model, cn_step *step);
CN_API bool cn_step_update(cn_model *model, cn_step *step); /* gradients and the optimizer */
CN_API bool cn_step_metrics(cn_model *model, cn_step *step);

/* The numbers of a metric's result, and how many: of the last batch, or of the epoch or evaluation so far. `name` is
 * its key in logs, which hold one number: of a vector, the mean. NULL with the error set if there is no such metric, or
 * nothing has been measured; the numbers stay until the next result. */
CN_API const double *cn_metric_results(cn_model *model, const char *name, int64_t *count);

/* What compile made. */
CN_API cn_updater *cn_model_updater(cn_model *model);

/* Keras' model.summary(), to standard output or to a file of the caller's. */
typedef struct cn_summary_args {
    cn_model *model;
    FILE *file; /* standard output by default */
    int line_length;
    double positions[5];
    bool expand_nested, show_trainable;
    const char *layer_range[2]; /* from the first layer to the last whose names begin as these regular expressions */
} cn_summary_args;
/* cn_summary(model), cn_summary(model, .expand_nested = true) */
#define cn_summary(...) cn_summary_with((cn_summary_args){.model = __VA_ARGS__})
CN_API bool cn_summary_with(cn_summary_args args);

#ifdef __cplusplus
}
#endif
#endif
