/* Private: texts by number, 0, 1, ... in the order in which they were added. */
#ifndef CN_DATA_WORDS_H
#define CN_DATA_WORDS_H
#include "core/arena.h"

typedef struct cn_word {
    const char *text; /* ended by a NUL */
    size_t bytes;
    int64_t seen; /* how often it was added */
    int32_t number;
} cn_word;

/* {0} is empty. */
typedef struct cn_words {
    cn_word *word; /* by number; a sort leaves in each the number that it had before */
    int count, capacity;
    int32_t *slot; /* a hash table of numbers + 1 */
    size_t slots;
    cn_arena arena; /* of the texts */
} cn_words;

/* The number of a text, added if it is new; -1 with the error set. */
int64_t cn_words_add(cn_words *words, const char *text, size_t bytes);
/* -1 if it is not there. */
int64_t cn_words_find(const cn_words *words, const char *text, size_t bytes);
/* Numbers the words in another order and drops those beyond the first `most`. `compare` is qsort's, of two cn_word. */
bool cn_words_sort(cn_words *words, int (*compare)(const void *, const void *), int most);
void cn_words_free(cn_words *words);
#endif
