#include "core/ops/affine_transform.h"
#include "core/engine.h"
#include "core/kernels/kernels.h"
#include "core/ops/shaping.h"
#include "core/pieces.h"
#include <string.h>

/* What is seen of an image is linear in it: looking and spreading are each other's gradients. */

typedef struct affine_attributes {
    int64_t size[2]; /* of the result; 0: that of input 0 */
    cn_interpolation interpolation;
    cn_fill_mode fill_mode;
    double fill_value;
} affine_attributes;

static cn_shape result_shape(const cn_entry *e)
{
    const affine_attributes *attributes = e->attributes;
    cn_shape shape = e->input[0]->shape;
    for (int i = 0; i < 2; i++)
        if (attributes->size[i] > 0)
            shape.dim[1 + i] = attributes->size[i];
    return shape;
}

static bool affine_infer(const cn_entry *e, cn_type *output)
{
    const affine_attributes *attributes = e->attributes;
    const cn_tensor *x = e->input[0], *transform = e->input[1];
    if (x->dtype == CN_I32 || transform->dtype != x->dtype)
        return cn_entry_fail(e, CN_TYPE, "takes images and transforms of one type of floats");
    if (x->shape.rank != 4)
        return cn_entry_fail(e, CN_SHAPES, "takes a batch of images, of rank 4");
    if (transform->shape.rank != 2 || transform->shape.dim[1] != 8 ||
        (transform->shape.dim[0] != 1 && transform->shape.dim[0] != x->shape.dim[0]))
        return cn_entry_fail(e, CN_SHAPES, "takes eight numbers for each image, or for all");
    if (attributes->interpolation != CN_NEAREST && attributes->interpolation != CN_BILINEAR)
        return cn_entry_fail(e, CN_ARGUMENT, "interpolation is nearest or bilinear");
    if (attributes->size[0] < 0 || attributes->size[1] < 0 || x->shape.dim[1] == 0 || x->shape.dim[2] == 0)
        return cn_entry_fail(e, CN_SHAPES, "images have a height and a width");
    *output = (cn_type){x->dtype, result_shape(e)};
    return true;
}

typedef struct affine_plan {
    cn_affine affine;
    cn_affine_loop *loop;
    int64_t images;
    size_t transform_bytes, image_bytes, seen_bytes; /* from one to the next */
    bool spreads;
} affine_plan;

typedef struct affine_work {
    const affine_plan *plan;
    char *out;
    char *in;
    const char *transform;
} affine_work;

static void run_image(void *context, int64_t image)
{
    const affine_work *work = context;
    const affine_plan *plan = work->plan;
    const char *transform = work->transform + (size_t)image * plan->transform_bytes;
    char *whole = (plan->spreads ? work->out : work->in) + (size_t)image * plan->image_bytes;
    char *seen = (plan->spreads ? work->in : work->out) + (size_t)image * plan->seen_bytes;
    if (plan->spreads)
        memset(whole, 0, plan->image_bytes);
    plan->loop(&plan->affine, transform, seen, whole);
}

static bool run_affine(void *const *pointer, const void *prepared)
{
    const affine_plan *plan = prepared;
    affine_work work = {plan, pointer[0], pointer[1], pointer[2]};
    double pixels = (double)(plan->images * plan->affine.out_height * plan->affine.out_width);
    cn_parallel(plan->images, pixels * (20 + (double)plan->affine.channels), run_image, &work);
    return true;
}

static bool prepare_affine(const cn_entry *e, cn_preparation *preparation, bool spreads)
{
    const affine_attributes *attributes = e->attributes;
    const cn_shape *whole = spreads ? &e->output[0]->shape : &e->input[0]->shape;
    const cn_shape *seen = spreads ? &e->input[0]->shape : &e->output[0]->shape;
    cn_dtype dtype = e->input[0]->dtype;
    size_t element = cn_dtype_size(dtype);
    affine_plan *plan = cn_prepared(preparation, sizeof *plan);
    if (!plan)
        return false;
    plan->affine = (cn_affine){whole->dim[1],
                               whole->dim[2],
                               seen->dim[1],
                               seen->dim[2],
                               whole->dim[3],
                               (int)attributes->fill_mode,
                               attributes->interpolation == CN_BILINEAR,
                               attributes->fill_value};
    const cn_affine_kernels *kernels = cn_kernels_now()->affine;
    plan->loop = (spreads ? kernels->spread : kernels->look)[dtype];
    plan->images = whole->dim[0];
    plan->transform_bytes = e->input[1]->shape.dim[0] > 1 ? 8 * element : 0;
    plan->image_bytes = (size_t)(whole->dim[1] * whole->dim[2] * whole->dim[3]) * element;
    plan->seen_bytes = (size_t)(seen->dim[1] * seen->dim[2] * seen->dim[3]) * element;
    plan->spreads = spreads;
    preparation->kernel = run_affine;
    return true;
}

static bool look_prepare(const cn_entry *e, cn_preparation *preparation)
{
    return prepare_affine(e, preparation, false);
}

static bool spread_prepare(const cn_entry *e, cn_preparation *preparation)
{
    return prepare_affine(e, preparation, true);
}

static const cn_operation affine_transform, affine_transform_grad;

/* That of one is the other, with the size that the first was given. */
static bool record_gradient(const cn_entry *e, const cn_operation *gradient, cn_tensor *dy, cn_tensor **dx)
{
    affine_attributes attributes = *(const affine_attributes *)e->attributes;
    if (e->needed[1])
        return cn_entry_fail(e, CN_GRADIENT, "has no gradient for the transforms");
    memcpy(attributes.size, e->input[0]->shape.dim + 1, sizeof attributes.size);
    attributes.fill_value = 0;
    cn_tensor *inputs[] = {dy, e->input[1]};
    return (dx[0] = cn_record(gradient, &attributes, inputs, 2)) != NULL;
}

static bool look_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return record_gradient(e, &affine_transform_grad, dy[0], dx);
}

static bool spread_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return record_gradient(e, &affine_transform, dy[0], dx);
}

static const cn_operation affine_transform = {.name = "affine_transform",
                                              .attributes = sizeof(affine_attributes),
                                              .infer = affine_infer,
                                              .prepare = look_prepare,
                                              .vjp = look_vjp};
static const cn_operation affine_transform_grad = {.name = "affine_transform_grad",
                                                   .attributes = sizeof(affine_attributes),
                                                   .infer = affine_infer,
                                                   .prepare = spread_prepare,
                                                   .vjp = spread_vjp};

/* Channels are the kernel's innermost loop: where they come first they are brought to the end, and back. */
cn_tensor *cn_image_affine_transform_with(cn_image_affine_transform_args args)
{
    bool first = args.data_format == CN_CHANNELS_FIRST;
    affine_attributes attributes = {{args.size[0], args.size[1]}, args.interpolation, args.fill_mode, args.fill_value};
    cn_tensor *inputs[] = {first ? cn_moveaxis(args.x, 1, -1) : args.x, args.transform};
    cn_tensor *y = cn_record(&affine_transform, &attributes, inputs, 2);
    return first && y ? cn_moveaxis(y, -1, 1) : y;
}

extern const cn_operation *const cn_affine_operations[];
const cn_operation *const cn_affine_operations[] = {&affine_transform, &affine_transform_grad, NULL};
