/* Private: what a model is made of. */
#ifndef CN_MODELS_STRUCTURE_H
#define CN_MODELS_STRUCTURE_H
#include <pthread.h>
#include "core/arena.h"
#include "core/plan.h"
#include "models/model.h"
#include "models/topology.h"

/* One metric of one output, and its sums. */
typedef struct cn_tracked {
    cn_meter *meter;
    char *name; /* the key in logs */
    int output;
    bool weighted;
    cn_direction direction;
} cn_tracked;

typedef struct cn_recorded_step cn_recorded_step;

struct cn_model {
    cn_layer base; /* first: a model is a layer */
    bool sequential;
    cn_topology topology;  /* empty while a sequential model has no input */
    cn_layer *input_layer; /* of a sequential model, whose sublayers are what Keras calls model.layers */

    bool compiled;
    cn_compile_args arguments;
    cn_arena texts; /* and lists that these point to */
    cn_updater *updater;
    cn_tensor **variable; /* what is trained, and what belongs to each */
    const cn_weight_record **weight;
    int variable_count;
    cn_tracked *tracked;
    int tracked_count;
    char **log_name[2]; /* of training and validation: the loss, the outputs' losses, the metrics; NULL-terminated */

    pthread_mutex_t lock; /* of the list of recorded steps */
    cn_recorded_step *steps;
    _Atomic(cn_recorded_step *) at_hand; /* the last one that was let go, for the next call, which then needs no lock */
    int64_t step;                        /* training steps made: what random operations draw by */
    int64_t call;                        /* numbers uses of recorded steps */
    bool stop;
    struct cn_fitting *fitting; /* the fit that is under way, or NULL */
    void *history;
    void (*free_history)(void *history);
};

/* cn_sequential_of under a name, which may be NULL. */
cn_model *cn_sequential_named(const char *name, cn_layer *const *layers, int count);
/* Builds a sequential model for the shape of its input, with the batch; true if it is built already. */
bool cn_model_build(cn_model *model, cn_shape input);
/* Of the model, for messages. */
const char *cn_model_name(const cn_model *model);
/* What compile needs the weights for: at once, or when a sequential model gets its input. */
bool cn_model_finish_compile(cn_model *model);
void cn_model_forget_compile(cn_model *model);
#endif
