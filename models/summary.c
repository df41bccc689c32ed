/* model.summary(): the description of a model that summary_text.c sets in columns. */
#include "layers/session.h"
#include "models/structure.h"
#include "models/summary_text.h"
#include <inttypes.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

typedef struct row_list {
    cn_summary_row *row;
    int count, capacity;
} row_list;

/* The text as a string of its own; NULL if memory ran out on the way. */
static char *take(cn_text *text)
{
    if (!text->failed)
        return text->data;
    cn_text_free(text);
    return NULL;
}

/* "(None, 3)"; a list for several outputs, and for the input of a functional model. */
static void add_outputs(cn_text *text, const cn_node *node, bool list)
{
    char shape[CN_SHAPE_TEXT];
    list = list || node->output_count > 1;
    cn_text_add(text, list ? "[" : "");
    for (int i = 0; i < node->output_count; i++)
        cn_text_format(text, "%s%s", i ? ", " : "", cn_shape_text(cn_shape_of(&node->output[i]), shape, sizeof shape));
    cn_text_add(text, list ? "]" : "");
}

static bool is_call_of(const cn_node *node, const cn_part *part)
{
    return part->layer ? node->layer == part->layer : node == part->node;
}

static bool same_outputs(const cn_node *a, const cn_node *b)
{
    bool same = a->output_count == b->output_count;
    for (int i = 0; same && i < a->output_count; i++)
        same = cn_shape_equal(cn_shape_of(&a->output[i]), cn_shape_of(&b->output[i]));
    return same;
}

static char *shapes_of(const cn_topology *t, const cn_part *part, bool is_input)
{
    cn_text text = {0};
    bool same = true;
    for (int i = 0; i < t->node_count; i++)
        if (is_call_of(t->node[i], part))
            same = same && same_outputs(t->node[i], part->node);
    if (same)
        add_outputs(&text, part->node, is_input);
    else
        cn_text_add(&text, "multiple");
    return take(&text);
}

static const char *node_name(const cn_node *node)
{
    return node->layer ? cn_layer_name(node->layer) : node->name;
}

/* "['input_1[0][0]', 'dense[1][0]']": what each of the part's calls reads. */
static char *connections_of(const cn_topology *t, const cn_part *part)
{
    cn_text text = {0};
    bool any = false;
    cn_text_add(&text, "[");
    for (int i = 0; i < t->node_count; i++) {
        const cn_node *node = t->node[i];
        for (int j = 0; is_call_of(node, part) && j < node->input_count; j++) {
            const cn_node *producer = cn_node_of(node->input[j]);
            if (!producer || node_name(producer)[0] == '\0')
                continue;
            cn_text_format(&text, "%s'%s[%d][%d]'", any ? ", " : "", node_name(producer), producer->index,
                           node->input[j]->output);
            any = true;
        }
    }
    cn_text_add(&text, "]");
    return take(&text);
}

static char *title_of(const cn_part *part)
{
    cn_text text = {0};
    char type[CN_NAME_TEXT];
    if (!part->layer)
        cn_camel_case(part->node->operation->name, type, sizeof type);
    cn_text_format(&text, "%s (%s)", node_name(part->node), part->layer ? part->layer->type->name : type);
    return take(&text);
}

static char *parameters_of(const cn_layer *layer)
{
    cn_text text = {0};
    cn_text_format(&text, "%" PRId64, layer ? cn_count_params(layer) : 0);
    return take(&text);
}

static void free_row(const cn_summary_row *row)
{
    cn_release((char *)(uintptr_t)row->layer);
    cn_release((char *)(uintptr_t)row->output_shape);
    cn_release((char *)(uintptr_t)row->parameters);
    cn_release((char *)(uintptr_t)row->connected_to);
}

static bool add_row(row_list *rows, cn_summary_row row)
{
    if (!row.layer || !row.output_shape || !row.parameters ||
        !cn_grow((void **)&rows->row, rows->count, &rows->capacity, sizeof *rows->row)) {
        free_row(&row);
        return false;
    }
    rows->row[rows->count++] = row;
    return true;
}

static bool is_input_layer(const cn_part *part)
{
    return part->layer && strcmp(part->layer->type->name, "InputLayer") == 0;
}

/* Parts of a topology, the last included. */
typedef struct part_range {
    int first, last;
} part_range;

static const part_range all_parts = {0, INT_MAX};

/* The first part and the last whose names begin as the regular expression says. */
static bool find_matches(const cn_model *model, const char *expression, part_range *found)
{
    regex_t regex;
    *found = (part_range){INT_MAX, -1};
    if (regcomp(&regex, expression, REG_EXTENDED) != 0)
        return cn_fail(CN_ARGUMENT, "summary: %s is no regular expression", expression);
    for (int i = 0; i < model->topology.part_count; i++) {
        const cn_part *part = &model->topology.part[i];
        regmatch_t match;
        if ((model->sequential && is_input_layer(part)) || regexec(&regex, node_name(part->node), 1, &match, 0) != 0 ||
            match.rm_so != 0)
            continue;
        if (found->last < 0)
            found->first = i;
        found->last = i;
    }
    regfree(&regex);
    return found->last >= 0 || cn_fail(CN_ARGUMENT, "summary: no layer of %s has a name that begins with %s",
                                       cn_model_name(model), expression);
}

/* Keras' layer_range, whose ends may be given in either order. */
static bool find_range(const cn_model *model, const char *const *expressions, part_range *range)
{
    part_range lower, upper;
    *range = all_parts;
    if (!expressions[0] && !expressions[1])
        return true;
    if (!expressions[0] || !expressions[1])
        return cn_fail(CN_ARGUMENT, "summary: layer_range has two ends, of which one is given");
    if (!find_matches(model, expressions[0], &lower) || !find_matches(model, expressions[1], &upper))
        return false;
    *range = lower.first <= upper.last ? (part_range){lower.first, upper.last} : (part_range){upper.first, lower.last};
    return true;
}

static bool add_model(row_list *rows, cn_model *model, part_range range, bool connections, bool expand, int depth)
{
    const cn_topology *t = &model->topology;
    for (int i = range.first; i < t->part_count && i <= range.last; i++) {
        const cn_part *part = &t->part[i];
        bool is_input = is_input_layer(part);
        if (is_input && model->sequential)
            continue;
        char *connected = connections ? connections_of(t, part) : NULL;
        cn_summary_row row = {.layer = title_of(part),
                              .output_shape = shapes_of(t, part, is_input),
                              .parameters = parameters_of(part->layer),
                              .connected_to = connected,
                              .trainable = part->layer && cn_is_trainable(part->layer),
                              .depth = depth};
        cn_model *inner = cn_layer_model(part->layer);
        if (!add_row(rows, row) || (connections && !connected) ||
            (expand && inner && !add_model(rows, inner, all_parts, connections, expand, depth + 1)))
            return false;
    }
    return true;
}

static bool count_weights(cn_model *model, cn_summary *summary)
{
    cn_weight_view *views = NULL;
    int count = 0;
    if (!cn_layer_weights(&model->base, &views, &count))
        return false;
    for (int i = 0; i < count; i++)
        *(views[i].trainable ? &summary->trainable : &summary->non_trainable) +=
            cn_shape_size(views[i].weight->variable->shape);
    cn_release(views);
    return true;
}

bool cn_summary_with(cn_summary_args args)
{
    if (cn_failed())
        return false;
    cn_model *model = args.model;
    if (!model)
        return cn_fail(CN_ARGUMENT, "summary: the model is NULL");
    if (!model->topology.part_count)
        return cn_fail(CN_STATE, "summary: %s is not built yet: give it an input layer, or call cn_build",
                       cn_model_name(model));
    row_list rows = {0};
    part_range range;
    cn_summary summary = {.model = cn_model_name(model),
                          .connections = !model->sequential && !model->topology.chain,
                          .show_trainable = args.show_trainable,
                          .line_length = args.line_length,
                          .positions = args.positions[0] > 0 ? args.positions : NULL};
    bool done = find_range(model, args.layer_range, &range) &&
                add_model(&rows, model, range, summary.connections, args.expand_nested, 0) &&
                count_weights(model, &summary);
    summary.rows = rows.row;
    summary.row_count = rows.count;
    done = done && cn_summary_text(&summary, cn_write_to_file, args.file ? args.file : stdout);
    for (int i = 0; i < rows.count; i++)
        free_row(&rows.row[i]);
    cn_release(rows.row);
    return done;
}
