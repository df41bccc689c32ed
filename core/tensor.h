/* Tensors: what they hold, how values get in and out, and how they print.
 *
 * A cn_tensor is one of three things, and most functions take any of them:
 *   - a value recorded on a tape (tape.h), owned by the tape;
 *   - a variable: a weight, with storage of its own that outlives tapes;
 *   - a symbolic tensor: a place in a model's graph, made by cn_input and by calling layers on it. */
#ifndef CN_CORE_TENSOR_H
#define CN_CORE_TENSOR_H
#include "shape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_tensor cn_tensor;
typedef struct cn_tape cn_tape;

/* Several tensors, by value. */
#define CN_MAX_TENSORS 32
typedef struct cn_tensors {
    cn_tensor *item[CN_MAX_TENSORS];
    int count;
} cn_tensors;

/* What turns one tensor into another: an activation function, and every operation of one tensor. */
typedef cn_tensor *cn_activation(cn_tensor *x);

/* Memory of the user's, viewed: row-major, dense. uint8, int8 and int64 are converted as they are read (to float32
 * where a float is wanted, else to int32). */
typedef enum cn_array_type {
    CN_ARRAY_F32,
    CN_ARRAY_F64,
    CN_ARRAY_I32,
    CN_ARRAY_U8,
    CN_ARRAY_I8,
    CN_ARRAY_I64
} cn_array_type;
typedef struct cn_view {
    const void *data;
    cn_array_type type;
    bool writable;
    cn_shape shape;
} cn_view;

/* cn_array(pointer, dims...): the element type comes from the pointer. For `float X[4][3][2]` the pointer is X[0][0].
 * An array that a function writes to must not be const. */
#define cn_array(pointer, ...) \
    cn_array_with((pointer), CN_ARRAY_TYPE_(pointer), CN_ARRAY_WRITABLE_(pointer), CN_SHAPE(__VA_ARGS__))
CN_API cn_view cn_array_with(const void *data, cn_array_type type, bool writable, cn_shape shape);
#define CN_ARRAY_TYPE_(pointer) \
    _Generic((pointer), float *: CN_ARRAY_F32, const float *: CN_ARRAY_F32, double *: CN_ARRAY_F64,                    \
             const double *: CN_ARRAY_F64, int32_t *: CN_ARRAY_I32, const int32_t *: CN_ARRAY_I32,                     \
             uint8_t *: CN_ARRAY_U8, const uint8_t *: CN_ARRAY_U8, int8_t *: CN_ARRAY_I8,                              \
             const int8_t *: CN_ARRAY_I8, int64_t *: CN_ARRAY_I64, const int64_t *: CN_ARRAY_I64)
#define CN_ARRAY_WRITABLE_(pointer) \
    _Generic((pointer), float *: true, double *: true, int32_t *: true, uint8_t *: true, int8_t *: true,               \
             int64_t *: true, default: false)

/* Shape and element type; of a symbolic tensor open dimensions are -1. NULL gives a shape of rank -1 and CN_F32. */
CN_API cn_shape cn_shape_of(const cn_tensor *tensor);
CN_API cn_dtype cn_dtype_of(const cn_tensor *tensor);
/* The name of a variable or of a symbolic tensor's layer, "" for values. */
CN_API const char *cn_name_of(const cn_tensor *tensor);

/* Copies the values to the caller's array, whose number of elements must agree; converts between float types. For
 * variables and values of eager tapes; those of a deferred tape are got by cn_run. */
CN_API bool cn_values(cn_tensor *tensor, cn_view out);
/* The value of a tensor of one element; NaN with the error set if it cannot be had. */
CN_API double cn_item(cn_tensor *tensor);

/* The element type of inputs, weights and scalars that name none: CN_F32 at first, one setting per thread. */
CN_API void cn_set_default_dtype(cn_dtype dtype);
CN_API cn_dtype cn_default_dtype(void);

/* The arguments of cn_variable_new. */
typedef struct cn_variable_args {
    cn_shape shape;
    cn_dtype dtype CN_DEFAULT(cn_default_dtype());
    const char *name CN_DEFAULT("variable");
} cn_variable_args;
/* A variable of zeros: cn_variable_new(CN_SHAPE(3, 2), .name = "w"). Layers make theirs by cn_add_weight. Free it by
 * cn_variable_free. */
#define cn_variable_new(...) \
    cn_variable_with((cn_variable_args){.dtype = cn_default_dtype(), .name = "variable", .shape = __VA_ARGS__})
CN_API cn_tensor *cn_variable_with(cn_variable_args args);
CN_API void cn_variable_free(cn_tensor *variable);
/* Sets all values of a variable from the caller's array. Tapes that have read it since must not use that read again. */
CN_API bool cn_variable_set(cn_tensor *variable, cn_view values);

#ifdef __cplusplus
}
#endif
#endif
