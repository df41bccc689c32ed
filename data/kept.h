/* Private: copies of elements, for who keeps more than the last one of a data set. */
#ifndef CN_DATA_KEPT_H
#define CN_DATA_KEPT_H
#include "data/iterator.h"

/* A copy in one block as large as its arrays, which the next copy takes over if it fits. {0} is empty; the block is to
 * be given to cn_release. */
typedef struct cn_kept {
    struct cn_kept_view *block; /* the arrays that there are, then their data */
    size_t room;
    int count;
} cn_kept;

bool cn_keep(cn_kept *kept, const cn_element *element);
/* The element, whose arrays lie in the block. */
void cn_kept_element(const cn_kept *kept, cn_element *element);
#endif
