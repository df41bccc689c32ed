/* Private: the rows of all built-in operations. Each file of core/ops ends with a NULL-terminated list of its rows. */
#ifndef CN_CORE_OPS_REGISTRY_H
#define CN_CORE_OPS_REGISTRY_H
#include "core/operation.h"

/* NULL past the last one. */
const cn_operation *cn_builtin_operation(int index);
#endif
