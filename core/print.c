#include "core/print.h"
#include "core/array_text.h"
#include "core/engine.h"
#include <string.h>

static bool tensor_text(cn_text *text, cn_tensor *x, cn_style style)
{
    if (cn_failed())
        return false;
    if (!x)
        return cn_fail(CN_ARGUMENT, "print: the tensor is NULL");
    if (!cn_check_read(x))
        return false;
    const void *values = cn_pointer(x);
    if (!values && cn_shape_size(x->shape) != 0)
        return cn_fail(CN_STATE, "print: the tensor has no value; it was recorded, not computed");
    return cn_array_text(text, values, x->dtype, x->shape, x->stride,
                         style == CN_REPR ? cn_dtype_name(x->dtype) : NULL);
}

/* Arrays of other types are printed by what they are read as, under their own type's name. */
static bool view_text(cn_text *text, const cn_view *x, cn_style style)
{
    static const char *const names[] = {"float32", "float64", "int32", "uint8", "int8", "int64"};
    static const cn_dtype dtypes[] = {CN_F32, CN_F64, CN_I32, CN_I32, CN_I32, CN_I32};
    cn_dtype dtype = dtypes[x->type];
    int64_t size = cn_shape_size(x->shape);
    if (cn_failed() || !cn_check_view("print", x, x->shape))
        return false;
    cn_tensor dense = {.dtype = dtype, .shape = x->shape};
    cn_set_dense(&dense);
    void *copy = cn_allocate((size_t)size, cn_dtype_size(dtype));
    bool done = copy && cn_convert(copy, cn_array_type_of(dtype), x->data, x->type, size) &&
                cn_array_text(text, copy, dtype, x->shape, dense.stride, style == CN_REPR ? names[x->type] : NULL);
    cn_release(copy);
    return done;
}

static bool put(cn_text *text, bool done)
{
    if (done)
        printf("%s\n", text->data ? text->data : "");
    cn_text_free(text);
    return done;
}

void cn_print_label(const char *label)
{
    if (!cn_failed())
        printf("%s ", label ? label : "");
}

bool cn_print_tensor(cn_tensor *x)
{
    cn_text text = {0};
    return put(&text, tensor_text(&text, x, CN_STR));
}

bool cn_print_tensor_repr(cn_tensor *x)
{
    cn_text text = {0};
    return put(&text, tensor_text(&text, x, CN_REPR));
}

bool cn_print_array(cn_view x)
{
    cn_text text = {0};
    return put(&text, view_text(&text, &x, CN_STR));
}

bool cn_print_array_repr(cn_view x)
{
    cn_text text = {0};
    return put(&text, view_text(&text, &x, CN_REPR));
}

bool cn_print_shape(cn_shape x)
{
    char text[CN_SHAPE_TEXT];
    if (cn_failed())
        return false;
    printf("%s\n", cn_shape_text(x, text, sizeof text));
    return true;
}

int64_t cn_format(cn_tensor *x, cn_style style, char *buffer, size_t size)
{
    cn_text text = {0};
    int64_t length = -1;
    if (tensor_text(&text, x, style)) {
        length = (int64_t)text.size;
        if (size > 0) {
            size_t copied = text.size < size - 1 ? text.size : size - 1;
            memcpy(buffer, text.data, copied);
            buffer[copied] = '\0';
        }
    }
    cn_text_free(&text);
    return length;
}
