/* The tape: operations are recorded on it; everything else is something one does to a tape.
 *
 * On an eager tape each operation also runs as it is recorded. A deferred tape is recorded without computing, planned
 * once, and run any number of times, with no allocation, no shape checks and no graph walk. */
#ifndef CN_CORE_TAPE_H
#define CN_CORE_TAPE_H
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_tape_args {
    char first_;
    bool deferred;     /* record only; see cn_plan_new */
    bool second_order; /* record the unfused form of every fused operation, so that all gradients have gradients */
    bool training;     /* layers called on this tape behave as in training */
} cn_tape_args;
/* cn_tape_new(), cn_tape_new(.deferred = true) */
#define cn_tape_new(...) cn_tape_with((cn_tape_args){.first_ = 0, __VA_ARGS__})
CN_API cn_tape *cn_tape_with(cn_tape_args args);
/* Forgets what was recorded and keeps the memory: for loops. */
CN_API void cn_tape_reset(cn_tape *tape);
CN_API void cn_tape_free(cn_tape *tape);
CN_API cn_tape *cn_tape_of(const cn_tensor *tensor);

/* A copy of the caller's array on the tape. .dtype: by default the default type for floats and CN_I32 for integers. */
#define cn_constant(tape, ...) cn_constant_with((tape), (__VA_ARGS__))
CN_API cn_tensor *cn_constant_with(cn_tape *tape, cn_view values);
/* The same as an element of a given type. */
CN_API cn_tensor *cn_constant_as(cn_tape *tape, cn_view values, cn_dtype dtype);
/* A number, as a tensor of rank 0 on `t`, a tape or any tensor on one. Beside a tensor of another float type it takes
 * that type. */
#define cn_scalar(t, value) _Generic((t), cn_tape * : cn_scalar_on, default : cn_scalar_beside)((t), (value))
CN_API cn_tensor *cn_scalar_on(cn_tape *tape, double value);
CN_API cn_tensor *cn_scalar_beside(cn_tensor *tensor, double value);
/* The values of a variable at this moment, on a tape. Operations read the variables among their operands so. */
CN_API cn_tensor *cn_read(cn_tape *tape, cn_tensor *variable);
/* Sets a variable to a value of the same shape and type: now on an eager tape; at the end of each run of a deferred
 * one, where later reads on the tape see the new value. No gradient flows through an assignment. */
CN_API bool cn_assign(cn_tensor *variable, cn_tensor *value);
/* A place for values that are given to cn_run, in the order of the calls. Deferred tapes only. */
#define cn_feed(tape, ...) cn_feed_with((tape), (cn_feed_args){.dtype = cn_default_dtype(), .shape = __VA_ARGS__})
typedef struct cn_feed_args {
    cn_shape shape;
    cn_dtype dtype;
} cn_feed_args;
CN_API cn_tensor *cn_feed_with(cn_tape *tape, cn_feed_args args);

/* The gradient of a scalar with respect to a tensor of its tape or to a variable (summed over all reads of it that the
 * loss reaches): itself recorded on the tape, so that it can be differentiated again. Zeros where the loss does not
 * depend on it. */
CN_API cn_tensor *cn_grad(cn_tensor *loss, cn_tensor *with_respect_to);
CN_API bool cn_gradients(cn_tensor *loss, cn_tensor *const *with_respect_to, int count, cn_tensor **gradients);
/* Vector-Jacobian products: the gradients of sum over i of sum(outputs[i] * upstream[i]). `upstream` NULL stands for
 * ones everywhere. gradients[i] is NULL, without an error, where no output depends on with_respect_to[i]. */
CN_API bool cn_vjp(cn_tensor *const *outputs, cn_tensor *const *upstream, int output_count,
                   cn_tensor *const *with_respect_to, int count, cn_tensor **gradients);

#define CN_MAX_FEEDS 16

/* Plans.
 *
 * cn_plan_new(tape, {loss, y}) turns what the outputs and the assigned variables need into a program; the tape may be
 * freed before the plan, the variables may not. */
typedef struct cn_plan cn_plan;
typedef struct cn_plan_args {
    char first_;
    cn_tensor *outputs[CN_MAX_FEEDS];
} cn_plan_args;
#define cn_plan_new(tape, ...) cn_plan_with((tape), (cn_plan_args){.first_ = 0, __VA_ARGS__})
CN_API cn_plan *cn_plan_with(cn_tape *tape, cn_plan_args args);
CN_API void cn_plan_free(cn_plan *plan);

/* cn_run(plan, {feeds}, {outputs}): copies the feeds in, runs, copies the outputs out, allocating nothing. Several
 * threads may run one plan that assigns no variable. `step` is what random operations draw by; by default each run of
 * the plan is another. A run that fails (an index out of range) leaves every variable as it was. */
typedef struct cn_run_args {
    char first_;
    cn_view in[CN_MAX_FEEDS], out[CN_MAX_FEEDS];
    int64_t step;
} cn_run_args;
#define cn_run(plan, ...) cn_run_with((plan), (cn_run_args){.step = -1, .first_ = 0, __VA_ARGS__})
CN_API bool cn_run_with(cn_plan *plan, cn_run_args args);

/* What planning made of a tape. */
typedef struct cn_plan_facts {
    int recorded;         /* entries on the tape */
    int kernels;          /* kernels launched by a run */
    int64_t block_bytes;  /* memory of a run, without the variables */
    int64_t tensor_bytes; /* what all recorded tensors would take */
} cn_plan_facts;
CN_API cn_plan_facts cn_plan_describe(const cn_plan *plan);

/* One kernel of a plan, run once. */
typedef struct cn_kernel_run {
    const cn_plan *plan;
    int index;             /* among the kernels of the plan */
    const char *operation; /* its name; of a chain of element-wise operations, that of the first */
    int fused;             /* element-wise operations run with it, in a chain or as an epilogue */
    cn_shape shape;        /* of its first output */
    double flops;          /* of its products: 2 for each multiply-add; 0 for a kernel without one */
    double bytes;          /* of memory that it reads or writes, each byte once */
    double seconds;
} cn_kernel_run;
/* Called after each kernel of every plan that this thread runs, until another is set; NULL, the default: no one. */
typedef void cn_profiler(void *context, const cn_kernel_run *run);
CN_API void cn_set_profiler(cn_profiler *profiler, void *context);

#ifdef __cplusplus
}
#endif
#endif
