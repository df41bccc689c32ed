#include "data/words.h"
#include <stdlib.h>
#include <string.h>

/* FNV-1a */
static size_t hash_of(const char *text, size_t bytes)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001B3u;
    return (size_t)(hash ^ hash >> 32);
}

/* The slot of a text, or the free one where it belongs. The number of slots is a power of two. */
static int32_t *slot_of(const cn_words *words, const char *text, size_t bytes)
{
    for (size_t at = hash_of(text, bytes);; at++) {
        int32_t *slot = &words->slot[at & (words->slots - 1)];
        if (*slot == 0)
            return slot;
        const cn_word *word = &words->word[*slot - 1];
        if (word->bytes == bytes && memcmp(word->text, text, bytes) == 0)
            return slot;
    }
}

/* Slots for the words that there are, at most half of them used. */
static bool make_slots(cn_words *words, size_t slots)
{
    int32_t *table = cn_allocate(slots, sizeof *table);
    if (!table)
        return false;
    cn_release(words->slot);
    words->slot = table;
    words->slots = slots;
    for (int i = 0; i < words->count; i++)
        *slot_of(words, words->word[i].text, words->word[i].bytes) = i + 1;
    return true;
}

int64_t cn_words_find(const cn_words *words, const char *text, size_t bytes)
{
    return words->slots ? *slot_of(words, text, bytes) - 1 : -1;
}

int64_t cn_words_add(cn_words *words, const char *text, size_t bytes)
{
    size_t wanted = 2 * ((size_t)words->count + 1);
    if (wanted > words->slots && !make_slots(words, words->slots ? 2 * words->slots : 64))
        return -1;
    int32_t *slot = slot_of(words, text, bytes);
    if (*slot == 0) {
        if (!cn_grow((void **)&words->word, words->count, &words->capacity, sizeof *words->word))
            return -1;
        char *copy = cn_arena_record(&words->arena, bytes + 1);
        if (!copy)
            return -1;
        memcpy(copy, text, bytes);
        words->word[words->count] = (cn_word){copy, bytes, 0, words->count};
        *slot = ++words->count;
    }
    words->word[*slot - 1].seen++;
    return *slot - 1;
}

bool cn_words_sort(cn_words *words, int (*compare)(const void *, const void *), int most)
{
    if (words->count > 0)
        qsort(words->word, (size_t)words->count, sizeof *words->word, compare);
    if (words->count > most)
        words->count = most;
    return words->slots == 0 || make_slots(words, words->slots);
}

void cn_words_free(cn_words *words)
{
    cn_release(words->word);
    cn_release(words->slot);
    cn_arena_free(&words->arena);
    *words = (cn_words){0};
}
