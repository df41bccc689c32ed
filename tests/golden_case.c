/* One golden case: what it says, what it gives, and the comparison. */
#include "golden.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *golden_metadata(const golden_case *c, const char *key)
{
    return cn_safetensors_metadata(c->file, key);
}

/* JSON text of the metadata; NULL, without an error, if the key is missing. */
static json_t *read_json(const golden_case *c, const char *key)
{
    const char *text = golden_metadata(c, key);
    json_error_t error;
    json_t *value = text ? json_loads(text, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (text && !value)
        cn_fail(CN_FORMAT, "%s/%s: %s: %s", c->group, c->name, key, error.text);
    return value;
}

/* The last two parts of the path are group and name. */
static bool split_path(golden_case *c, const char *path)
{
    const char *name = strrchr(path, '/'), *group = name, *end = strrchr(path, '.');
    while (group > path && group[-1] != '/')
        group--;
    if (!name || group == name || !end || end <= name)
        return cn_fail(CN_ARGUMENT, "%s: not of the form group/name.safetensors", path);
    c->group = strndup(group, (size_t)(name - group));
    c->name = strndup(name + 1, (size_t)(end - name - 1));
    return c->group && c->name;
}

golden_case *golden_open(const char *path)
{
    golden_case *c = calloc(1, sizeof *c);
    if (c && split_path(c, path) && (c->file = cn_safetensors_open(path))) {
        c->used = calloc(cn_safetensors_count(c->file), sizeof *c->used);
        c->layer = golden_metadata(c, "layer");
        c->config = read_json(c, "config");
        c->call = read_json(c, "call");
        if (c->used && c->layer && c->config && !cn_failed())
            return c;
        cn_fail(CN_FORMAT, "%s: no layer or no config", path);
    }
    golden_close(c);
    return NULL;
}

void golden_close(golden_case *c)
{
    if (!c)
        return;
    json_decref(c->config);
    json_decref(c->call);
    cn_safetensors_close(c->file);
    free(c->used);
    free(c->group);
    free(c->name);
    free(c);
}

const cn_safetensors_entry *golden_find(const golden_case *c, const char *stem, int number)
{
    char name[80];
    const cn_safetensors_entry *entry = number ? NULL : cn_safetensors_find(c->file, stem);
    snprintf(name, sizeof name, "%s%d", stem, number);
    return entry ? entry : cn_safetensors_find(c->file, name);
}

int golden_count(const golden_case *c, const char *stem)
{
    int count = 0;
    while (golden_find(c, stem, count))
        count++;
    return count;
}

static void mark_used(golden_case *c, const cn_safetensors_entry *entry)
{
    c->used[entry - cn_safetensors_at(c->file, 0)] = true;
}

/* The values of an entry, to be freed: int32 for I32, else double. */
static void *read_values(const cn_safetensors_entry *entry, bool integers)
{
    void *values = calloc((size_t)cn_shape_size(entry->shape) + 1, sizeof(double));
    if (!values)
        cn_fail(CN_MEMORY, "out of memory");
    else if (!cn_safetensors_read(entry, integers ? CN_I32 : CN_F64, values)) {
        free(values);
        values = NULL;
    }
    return values;
}

cn_tensor *golden_input(golden_case *c, const char *stem, int number)
{
    const cn_safetensors_entry *entry = golden_find(c, stem, number);
    if (!entry)
        return NULL;
    mark_used(c, entry);
    bool integers = entry->type == CN_SAFETENSORS_I32;
    void *values = read_values(entry, integers);
    cn_view view = cn_array_with(values, integers ? CN_ARRAY_I32 : CN_ARRAY_F64, false, entry->shape);
    cn_tensor *tensor = values ? cn_constant_as(c->tape, view, integers ? CN_I32 : c->dtype) : NULL;
    free(values);
    return tensor;
}

static void note_error(golden_case *c, const char *name, double error)
{
    if (error > c->error || !c->worst) {
        c->error = error;
        c->worst = name;
    }
}

/* max |got - reference| / d, where d is max |reference|, at least 0.01, but 1 for a reference that is all but zero. */
static double relative_error(const double *got, const double *reference, int64_t count)
{
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < count; i++) {
        if (isfinite(reference[i]))
            largest = fmax(largest, fabs(reference[i]));
        if (got[i] == reference[i] || (isnan(got[i]) && isnan(reference[i])))
            continue;
        double d = fabs(got[i] - reference[i]);
        difference = isnan(d) ? (double)INFINITY : fmax(difference, d);
    }
    return difference / (largest < 1e-12 ? 1 : fmax(largest, 0.01));
}

static double integer_error(const int32_t *got, const int32_t *reference, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (got[i] != reference[i])
            return (double)INFINITY;
    return 0;
}

bool golden_compare(golden_case *c, const char *stem, int number, cn_tensor *got)
{
    const cn_safetensors_entry *entry = golden_find(c, stem, number);
    if (!entry)
        return false;
    mark_used(c, entry);
    bool integers = entry->type == CN_SAFETENSORS_I32;
    if (got &&
        (!cn_shape_equal(cn_shape_of(got), entry->shape) || cn_dtype_of(got) != (integers ? CN_I32 : c->dtype))) {
        char is[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
        return cn_fail(CN_SHAPES, "%s is %s of %s, not %s", entry->name, cn_shape_text(cn_shape_of(got), is, sizeof is),
                       cn_dtype_name(cn_dtype_of(got)), cn_shape_text(entry->shape, wanted, sizeof wanted));
    }
    int64_t count = cn_shape_size(entry->shape);
    void *reference = read_values(entry, integers), *values = calloc((size_t)count + 1, sizeof(double));
    cn_view view = cn_array_with(values, integers ? CN_ARRAY_I32 : CN_ARRAY_F64, true, entry->shape);
    if (reference && values && (!got || cn_values(got, view)))
        note_error(c, entry->name,
                   integers ? integer_error(values, reference, count) : relative_error(values, reference, count));
    free(reference);
    free(values);
    return true;
}

void golden_add_input(golden_case *c, golden_function *f, const char *stem, int number, cn_tensor *input)
{
    char name[64];
    snprintf(name, sizeof name, "d%s", stem);
    if (!golden_find(c, name, number) || f->input_count == GOLDEN_MOST)
        return;
    f->input[f->input_count] = input;
    f->stem[f->input_count] = stem;
    f->number[f->input_count++] = number;
}

void golden_add_output(golden_case *c, golden_function *f, int number, cn_tensor *output)
{
    golden_compare(c, "y", number, output);
    if (!golden_find(c, "dy", number) || f->y_count == GOLDEN_MOST)
        return;
    f->y[f->y_count] = output;
    f->dy[f->y_count++] = golden_input(c, "dy", number);
}

void golden_compare_gradients(golden_case *c, const golden_function *f)
{
    cn_tensor *d[GOLDEN_MOST], *h[GOLDEN_MOST], *gradient[GOLDEN_MOST], *direction[GOLDEN_MOST];
    char name[64];
    int directions = 0;
    if (!f->input_count || !cn_vjp(f->y, f->dy, f->y_count, f->input, f->input_count, d))
        return;
    for (int i = 0; i < f->input_count; i++) {
        snprintf(name, sizeof name, "d%s", f->stem[i]);
        golden_compare(c, name, f->number[i], d[i]);
        snprintf(name, sizeof name, "v%s", f->stem[i]);
        cn_tensor *v = golden_input(c, name, f->number[i]);
        if (v && d[i]) {
            gradient[directions] = d[i];
            direction[directions++] = v;
        }
    }
    if (!directions || !cn_vjp(gradient, direction, directions, f->input, f->input_count, h))
        return;
    for (int i = 0; i < f->input_count; i++) {
        snprintf(name, sizeof name, "h%s", f->stem[i]);
        golden_compare(c, name, f->number[i], h[i]);
    }
}

int golden_int(const golden_case *c, const char *key, int otherwise)
{
    json_t *value = json_object_get(c->config, key);
    return json_is_integer(value) ? (int)json_integer_value(value) : otherwise;
}

bool golden_bool(const golden_case *c, const char *key)
{
    return json_is_true(json_object_get(c->config, key));
}

double golden_number(const golden_case *c, const char *key, double otherwise)
{
    json_t *value = json_object_get(c->config, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

cn_shape golden_ints(const golden_case *c, const char *key)
{
    json_t *list = json_object_get(c->config, key);
    if (json_is_integer(list))
        return CN_SHAPE(json_integer_value(list));
    cn_shape ints = {.rank = (int)json_array_size(list)};
    for (int i = 0; i < ints.rank && i < CN_MAX_RANK; i++)
        ints.dim[i] = json_integer_value(json_array_get(list, (size_t)i));
    return ints;
}
