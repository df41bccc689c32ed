/* Private: entries that run row-wise kernels. */
#ifndef CN_CORE_OPS_ROWS_H
#define CN_CORE_OPS_ROWS_H
#include "core/engine.h"
#include "core/kernels/rowwise.h"

/* In prepare: runs a row kernel (CN_ROW_...) along the axes from `begin` up to `end` of dense tensors of that shape,
 * the axes counting as one. `layout` says what the pointers are: m, of that shape; n, a number a row; l, an int32 label
 * a row, which is checked to be an index into the row. */
bool cn_prepare_rows(const cn_entry *entry, cn_preparation *preparation, int row, const cn_shape *shape, int begin,
                     int end, const char *layout);
/* In a kernel: whether each label is a class from 0 to classes - 1; else the error tells where it stands. */
bool cn_check_labels(const char *name, const int32_t *label, cn_shape labels, int64_t classes);
#endif
