/* Private: the text of model.summary() in Keras 2.7 to 2.12. */
#ifndef CN_MODELS_SUMMARY_TEXT_H
#define CN_MODELS_SUMMARY_TEXT_H
#include "core/text.h"

/* One layer. Layers inside a layer, where they are to be shown, follow it with a depth greater by one. */
typedef struct cn_summary_row {
    const char *layer;        /* "dense (Dense)" */
    const char *output_shape; /* "(None, 64)", "[(None, 64), (None, 64)]", "multiple" */
    const char *parameters;   /* "15010", "0 (unused)" */
    const char *connected_to; /* "['input_1[0][0]', 'input_2[0][0]']", "[]"; NULL if there is no such column */
    bool trainable;
    int depth; /* 0 in the model itself */
} cn_summary_row;

typedef struct cn_summary {
    const char *model; /* its name */
    const cn_summary_row *rows;
    int row_count;
    bool connections;                 /* the column "Connected to", which a model that is more than a chain has */
    bool show_trainable;              /* the column "Trainable" */
    int64_t trainable, non_trainable; /* numbers of parameters */
    int line_length;                  /* 0: 65, or 98 with connections; the column Trainable is not counted */
    const double *positions; /* where the 3 or 4 columns before Trainable end: parts of the line if the last is at most
                              * 1, else characters; NULL: Keras' */
} cn_summary;

/* Writes the summary, a line a call. CN_ARGUMENT if a column has no room for a character. */
bool cn_summary_text(const cn_summary *summary, cn_write write, void *context);
#endif
