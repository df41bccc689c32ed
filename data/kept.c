#include "data/kept.h"
#include <string.h>

typedef struct cn_kept_view {
    int number; /* in the element */
    cn_view array;
} kept_view;

static size_t aligned(size_t bytes)
{
    return (bytes + CN_ALIGNMENT - 1) / CN_ALIGNMENT * CN_ALIGNMENT;
}

static bool make_room(cn_kept *kept, size_t bytes)
{
    if (bytes <= kept->room)
        return true;
    cn_release(kept->block);
    kept->block = cn_allocate(bytes, 1);
    kept->room = kept->block ? bytes : 0;
    return kept->block != NULL;
}

bool cn_keep(cn_kept *kept, const cn_element *element)
{
    kept_view views[CN_ELEMENT_ARRAYS];
    size_t bytes[CN_ELEMENT_ARRAYS], size = 0;
    cn_element given = *element;
    int count = 0;
    for (int i = 0; i < CN_ELEMENT_ARRAYS; i++) {
        const cn_view *view = cn_element_view(&given, i);
        if (!view->data)
            continue;
        if (!cn_array_bytes(view->type, view->shape, &bytes[count]))
            return false;
        size += aligned(bytes[count]);
        views[count++] = (kept_view){i, *view};
    }
    size_t first = aligned((size_t)count * sizeof *views);
    if (!make_room(kept, first + size))
        return false;
    unsigned char *to = (unsigned char *)kept->block + first;
    for (int i = 0; i < count; i++) {
        memcpy(to, views[i].array.data, bytes[i]);
        views[i].array.data = to;
        to += aligned(bytes[i]);
    }
    memcpy(kept->block, views, (size_t)count * sizeof *views);
    kept->count = count;
    return true;
}

void cn_kept_element(const cn_kept *kept, cn_element *element)
{
    *element = (cn_element){0};
    for (int i = 0; i < kept->count; i++)
        *cn_element_view(element, kept->block[i].number) = kept->block[i].array;
}
