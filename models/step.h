/* Private: the recorded steps of a model. Each is recorded once per set of shapes, planned, and run for every batch. */
#ifndef CN_MODELS_STEP_H
#define CN_MODELS_STEP_H
#include <stdatomic.h>
#include "models/structure.h"

typedef enum cn_step_kind { CN_TRAIN_STEP, CN_TEST_STEP, CN_PREDICT_STEP } cn_step_kind;

/* What a step is recorded for: the shapes with the batch. A target or weight that is not given has rank -1. */
typedef struct cn_step_shapes {
    cn_step_kind kind;
    int inputs, outputs;
    cn_shape x[CN_MAX_OUTPUTS], y[CN_MAX_OUTPUTS], weight[CN_MAX_OUTPUTS];
} cn_step_shapes;

struct cn_recorded_step {
    cn_recorded_step *next;
    cn_step_shapes shapes;
    cn_plan *plan;
    int64_t last_call;
    atomic_int users; /* threads that run it now; and the model, while it has it at hand */
    /* Feeds: index in the plan and type of each array; -1 where there is none. */
    int x[CN_MAX_OUTPUTS], y[CN_MAX_OUTPUTS], weight[CN_MAX_OUTPUTS];
    cn_dtype x_dtype[CN_MAX_OUTPUTS], y_dtype[CN_MAX_OUTPUTS], weight_dtype[CN_MAX_OUTPUTS];
    /* Outputs of the plan: of a prediction the model's; else the loss, and the loss of each output (-1: none). */
    int output_count;
    cn_type output[CN_MAX_OUTPUTS]; /* of a prediction */
    int output_loss[CN_MAX_OUTPUTS];
    cn_dtype loss_dtype[1 + CN_MAX_OUTPUTS]; /* of the plan's outputs, where these are losses */
};

/* The step for these shapes, recorded if need be; NULL with the error set. Let go of it after use. */
cn_recorded_step *cn_model_step(cn_model *model, const cn_step_shapes *shapes);
void cn_model_let_go(cn_model *model, cn_recorded_step *step);
/* After a change of what the steps were recorded from. No thread may be using them. */
void cn_model_forget_steps(cn_model *model);
#endif
