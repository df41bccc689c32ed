#include "core/engine.h"
#include <math.h>
#include <string.h>

static _Thread_local cn_dtype default_dtype = CN_F32;

void cn_set_default_dtype(cn_dtype dtype)
{
    if (dtype == CN_F32 || dtype == CN_F64)
        default_dtype = dtype;
    else
        cn_fail(CN_TYPE, "set_default_dtype: %s is not a float type", cn_dtype_name(dtype));
}

cn_dtype cn_default_dtype(void)
{
    return default_dtype;
}

cn_view cn_array_with(const void *data, cn_array_type type, bool writable, cn_shape shape)
{
    return (cn_view){.data = data, .type = type, .writable = writable, .shape = shape};
}

cn_shape cn_shape_of(const cn_tensor *tensor)
{
    return tensor ? tensor->shape : (cn_shape){.rank = -1};
}

cn_dtype cn_dtype_of(const cn_tensor *tensor)
{
    return tensor ? tensor->dtype : CN_F32;
}

const char *cn_name_of(const cn_tensor *tensor)
{
    if (tensor && tensor->node)
        return tensor->name;
    return tensor && tensor->variable && !tensor->tape ? tensor->variable->name : "";
}

cn_array_type cn_array_type_of(cn_dtype dtype)
{
    return dtype == CN_F32 ? CN_ARRAY_F32 : dtype == CN_F64 ? CN_ARRAY_F64 : CN_ARRAY_I32;
}

size_t cn_array_type_size(cn_array_type type)
{
    static const size_t sizes[] = {[CN_ARRAY_F32] = 4, [CN_ARRAY_F64] = 8, [CN_ARRAY_I32] = 4,
                                   [CN_ARRAY_U8] = 1,  [CN_ARRAY_I8] = 1,  [CN_ARRAY_I64] = 8};
    return sizes[type];
}

bool cn_is_dtype(cn_dtype dtype)
{
    return (unsigned)dtype <= CN_I32;
}

bool cn_can_hold(cn_dtype dtype, double value)
{
    return dtype != CN_I32 || (value == trunc(value) && value >= INT32_MIN && value <= INT32_MAX);
}

static bool fits_int32(const int64_t *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (values[i] != (int32_t)values[i])
            return cn_fail(CN_VALUE, "%lld at index %lld of an array is not in the range of int32",
                           (long long)values[i], (long long)i);
    return true;
}

bool cn_convert(void *to, cn_array_type to_type, const void *from, cn_array_type from_type, int64_t count)
{
    if (to_type == from_type) {
        if (count > 0)
            memcpy(to, from, (size_t)count * cn_array_type_size(to_type));
        return true;
    }
    if (to_type > CN_ARRAY_F64 && from_type <= CN_ARRAY_F64)
        return cn_fail(CN_TYPE, "float values cannot go into an array of integers");
    if (to_type == CN_ARRAY_I32 && from_type == CN_ARRAY_I64 && !fits_int32(from, count))
        return false;
#define FROM(index, TO, FROM_)                            \
    case index:                                           \
        for (int64_t i = 0; i < count; i++)               \
            ((TO *)to)[i] = (TO)((const FROM_ *)from)[i]; \
        return true;
#define TO(index, TO)                       \
    case index:                             \
        switch (from_type) {                \
            FROM(CN_ARRAY_F32, TO, float)   \
            FROM(CN_ARRAY_F64, TO, double)  \
            FROM(CN_ARRAY_I32, TO, int32_t) \
            FROM(CN_ARRAY_U8, TO, uint8_t)  \
            FROM(CN_ARRAY_I8, TO, int8_t)   \
            FROM(CN_ARRAY_I64, TO, int64_t) \
        }                                   \
        break;
    switch (to_type) {
        TO(CN_ARRAY_F32, float)
        TO(CN_ARRAY_F64, double)
        TO(CN_ARRAY_I32, int32_t)
        TO(CN_ARRAY_I64, int64_t)
    default:
        break;
    }
#undef FROM
#undef TO
    return cn_fail(CN_TYPE, "values cannot go into an array of so small integers");
}

bool cn_check_view(const char *what, const cn_view *view, cn_shape shape)
{
    char given[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
    int64_t size = cn_shape_size(view->shape);
    if (size < 0)
        return cn_fail(CN_SHAPES, "%s: the array's shape %s is not a shape", what,
                       cn_shape_text(view->shape, given, sizeof given));
    if (size != cn_shape_size(shape))
        return cn_fail(CN_SHAPES, "%s: the array has shape %s, not %s", what,
                       cn_shape_text(view->shape, given, sizeof given), cn_shape_text(shape, wanted, sizeof wanted));
    if (!view->data && size > 0)
        return cn_fail(CN_ARGUMENT, "%s: the array's pointer is NULL", what);
    return true;
}

void *cn_pointer(cn_tensor *tensor)
{
    cn_tensor *base = cn_base(tensor);
    unsigned char *memory = base->variable ? base->variable->storage : base->data;
    return memory ? memory + tensor->offset * (int64_t)cn_dtype_size(tensor->dtype) : NULL;
}

void cn_set_dense(cn_tensor *tensor)
{
    int64_t stride = 1;
    for (int i = tensor->shape.rank - 1; i >= 0; i--) {
        tensor->stride[i] = stride;
        stride *= tensor->shape.dim[i];
    }
    tensor->dense = true;
}

bool cn_strides_are_dense(const cn_shape *shape, const int64_t *stride)
{
    int64_t expected = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        if (shape->dim[i] != 1 && stride[i] != expected)
            return false;
        expected *= shape->dim[i];
    }
    return true;
}

bool cn_values(cn_tensor *tensor, cn_view out)
{
    if (cn_failed())
        return false;
    if (!tensor)
        return cn_fail(CN_ARGUMENT, "values: the tensor is NULL");
    if (!out.writable)
        return cn_fail(CN_ARGUMENT, "values: the array is const");
    if (!cn_check_read(tensor) || !cn_check_view("values", &out, tensor->shape))
        return false;
    if (!tensor->dense && !(tensor = cn_dense_copy(tensor)))
        return false;
    const void *values = cn_pointer(tensor);
    if (!values && cn_shape_size(tensor->shape) > 0)
        return cn_fail(CN_STATE, "values: the tensor has no value; it was recorded, not computed");
    return cn_convert((void *)(uintptr_t)out.data, out.type, values, cn_array_type_of(tensor->dtype),
                      cn_shape_size(tensor->shape));
}

double cn_item(cn_tensor *tensor)
{
    double value = NAN;
    return cn_values(tensor, cn_array(&value, 1)) ? value : NAN;
}

cn_tensor *cn_variable_with(cn_variable_args args)
{
    return cn_variable_within(args, NULL, NULL);
}

cn_tensor *cn_variable_within(cn_variable_args args, void *storage, void *block)
{
    int64_t size = cn_shape_size(args.shape);
    if (cn_failed())
        return NULL;
    if (!cn_is_dtype(args.dtype)) {
        cn_fail(CN_TYPE, "variable %s: %d is not an element type", args.name, (int)args.dtype);
        return NULL;
    }
    if (size < 0) {
        char text[CN_SHAPE_TEXT];
        cn_fail(CN_SHAPES, "variable %s: %s is not a shape", args.name, cn_shape_text(args.shape, text, sizeof text));
        return NULL;
    }
    cn_tensor *tensor = cn_allocate(1, sizeof *tensor);
    cn_variable *variable = cn_allocate(1, sizeof *variable);
    char *name = cn_copy_string(args.name ? args.name : "variable");
    void *owned = storage ? NULL : cn_allocate((size_t)size, cn_dtype_size(args.dtype));
    if (!tensor || !variable || !name || (!storage && !owned)) {
        cn_release(owned);
        cn_release(name);
        cn_release(variable);
        cn_release(tensor);
        return NULL;
    }
    *variable = (cn_variable){
        .storage = storage ? storage : owned, .owned = owned, .block = block, .references = 1, .name = name};
    *tensor = (cn_tensor){.dtype = args.dtype, .shape = args.shape, .variable = variable};
    cn_set_dense(tensor);
    return tensor;
}

void cn_variable_retain(cn_tensor *tensor)
{
    __atomic_add_fetch(&tensor->variable->references, 1, __ATOMIC_RELAXED);
}

void cn_variable_free(cn_tensor *tensor)
{
    if (!tensor || __atomic_sub_fetch(&tensor->variable->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    cn_variable *variable = tensor->variable;
    if (variable->forget_block)
        variable->forget_block(variable->block);
    cn_release(variable->owned);
    cn_release(variable->name);
    cn_release(variable);
    cn_release(tensor);
}

void cn_variable_move(cn_tensor *tensor, void *storage, void *block, void (*forget)(void *block))
{
    cn_variable *variable = tensor->variable;
    memcpy(storage, variable->storage, (size_t)cn_shape_size(tensor->shape) * cn_dtype_size(tensor->dtype));
    if (variable->forget_block)
        variable->forget_block(variable->block);
    cn_release(variable->owned);
    variable->owned = NULL;
    variable->storage = storage;
    variable->block = block;
    variable->forget_block = forget;
}

bool cn_variable_set(cn_tensor *tensor, cn_view values)
{
    if (cn_failed())
        return false;
    if (!tensor || tensor->tape || !tensor->variable)
        return cn_fail(CN_ARGUMENT, "variable_set: not a variable");
    if (!cn_check_view(tensor->variable->name, &values, tensor->shape) ||
        !cn_convert(tensor->variable->storage, cn_array_type_of(tensor->dtype), values.data, values.type,
                    cn_shape_size(tensor->shape)))
        return false;
    tensor->variable->version++;
    return true;
}
