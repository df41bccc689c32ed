#include "data/windows.h"
#include "data/arrays.h"
#include "data/iterator.h"

static void window_at(const cn_dataset *data, int64_t index, cn_element *element)
{
    cn_view sequence = data->arrays.x[0], targets = data->arrays.y[0];
    int64_t first = index * data->count;
    *element = (cn_element){.x = {cn_samples(sequence, first, data->window)}};
    if (targets.data)
        element->y[0] = cn_sample(targets, first);
    else if (data->ahead > 0)
        element->y[0] = cn_samples(sequence, first + data->ahead, data->window);
}

static const cn_dataset_class windows_class = {.at = window_at};

static bool has_steps(const cn_view *view)
{
    return view->data && view->shape.rank >= 1 && cn_shape_size(view->shape) >= 0;
}

cn_dataset *cn_dataset_windows_with(cn_dataset_windows_args args)
{
    static const char who[] = "dataset_windows";
    if (!cn_failed() && (!has_steps(&args.sequence) || (args.targets.data && !has_steps(&args.targets))))
        return cn_dataset_refuse(NULL, who, "the first axis must be the steps");
    if (args.length < 1 || args.stride < 1 || args.ahead < 0)
        return cn_dataset_refuse(NULL, who, "it takes a length and a stride from 1 and an .ahead from 0");
    if (args.targets.data && args.ahead > 0)
        return cn_dataset_refuse(NULL, who, "it takes .ahead or .targets, not both");
    cn_dataset *data = cn_dataset_new(&windows_class, NULL);
    if (!data)
        return NULL;
    /* The number of steps that a window can begin at. */
    int64_t steps = args.sequence.shape.dim[0];
    int64_t beginnings =
        args.ahead < steps && args.length <= steps - args.ahead ? steps - args.ahead - args.length + 1 : 0;
    if (args.targets.data && args.targets.shape.dim[0] < beginnings)
        beginnings = args.targets.shape.dim[0];
    args.sequence.writable = args.targets.writable = false;
    data->arrays = (cn_element){.x = {args.sequence}, .y = {args.targets}};
    data->length = beginnings / args.stride + (beginnings % args.stride != 0);
    data->count = args.stride;
    data->window = args.length;
    data->ahead = args.ahead;
    return data;
}
