/* The program `golden`: reference cases (golden_cases/README.md) built from their own metadata and compared.
 *
 * Each group of cases has one function that runs them. It takes what a case gives with golden_input, and holds what
 * the library makes of it against the reference with golden_compare. A case whose tensors are not all taken or compared
 * fails, so that nothing is left out by mistake. */
#ifndef CN_TESTS_GOLDEN_H
#define CN_TESTS_GOLDEN_H
#include "cornet.h"
#include <jansson.h>

typedef struct golden_case {
    char *group, *name;
    cn_safetensors *file;
    const char *layer;     /* what the case is about: "Dense", "ops.add" */
    json_t *config, *call; /* arguments of its constructor and of its call; call may be NULL */
    cn_dtype dtype;        /* of this run of the case: CN_F64, then CN_F32 */
    cn_tape *tape;         /* eager, of this run */
    bool *used;            /* the tensors of the file that were taken or compared in this run */
    double error;          /* the largest so far, as golden_cases/README.md defines it */
    const char *worst;     /* the tensor that has it */
} golden_case;

/* Runs a case on its tape in its type; errors stay in the error record. False if the case is not understood. */
typedef bool golden_group(golden_case *c);
golden_group golden_run_constraint, golden_run_layer, golden_run_loss, golden_run_metric, golden_run_operation,
    golden_run_optimizer, golden_run_regularizer, golden_run_second_order, golden_run_training;

/* How one operation is called: of one or two tensors without arguments, or by a function that reads the config and
 * returns the number of outputs. Each list of rows ends with one without a name. */
typedef struct golden_operation {
    const char *name;
    cn_tensor *(*unary)(cn_tensor *x);
    cn_tensor *(*binary)(cn_tensor *a, cn_tensor *b);
    int (*call)(const golden_case *c, cn_tensor *const *x, int count, cn_tensor **y);
} golden_operation;
extern const golden_operation golden_arithmetic[], golden_product[], golden_reduction[], golden_shaping[];

/* A tensor is named by its stem and number: ("x", 1) is x1, ("x", 0) is x or x0. */
const cn_safetensors_entry *golden_find(const golden_case *c, const char *stem, int number);
/* A tensor of the case on its tape, floats in the type of the run; NULL, without an error, if the case has none. */
cn_tensor *golden_input(golden_case *c, const char *stem, int number);
/* How many of stem0, stem1, ... there are. */
int golden_count(const golden_case *c, const char *stem);
/* Compares shape, type and values. NULL stands for a gradient of zeros. False if the case has no such tensor. */
bool golden_compare(golden_case *c, const char *stem, int number, cn_tensor *got);

/* What f, the sum over outputs of sum(y * dy), is made of. */
enum { GOLDEN_MOST = 64 };
typedef struct golden_function {
    cn_tensor *y[GOLDEN_MOST], *dy[GOLDEN_MOST];
    cn_tensor *input[GOLDEN_MOST];
    const char *stem[GOLDEN_MOST]; /* the input's name in the case: ("x", 1) */
    int number[GOLDEN_MOST];
    int y_count, input_count;
} golden_function;
/* Adds an input if the case has its gradient. */
void golden_add_input(golden_case *c, golden_function *f, const char *stem, int number, cn_tensor *input);
/* Compares an output, and adds it if the case has its upstream gradient. */
void golden_add_output(golden_case *c, golden_function *f, int number, cn_tensor *output);
/* Compares the gradients of f (dx, dw0, ...) and, if the case has directions (vx, vw0, ...), the Hessian times them
 * (hx, hw0, ...). */
void golden_compare_gradients(golden_case *c, const golden_function *f);

/* Whether the library has a layer's class; of a Sequential, the classes of all its layers. */
bool golden_has_layer(const char *class_name, json_t *config);

/* An argument of the config, or the default if it is missing or null. */
int golden_int(const golden_case *c, const char *key, int otherwise);
bool golden_bool(const golden_case *c, const char *key);
double golden_number(const golden_case *c, const char *key, double otherwise);
/* The list of integers under a key, or the one that stands there; of rank 0 if it is missing or null. */
cn_shape golden_ints(const golden_case *c, const char *key);

/* Opens a case; NULL with the error set if it cannot be read. */
golden_case *golden_open(const char *path);
void golden_close(golden_case *c);
const char *golden_metadata(const golden_case *c, const char *key);
#endif
