/* Text as numbers: a vocabulary gives each word or character a number, as Keras' TextVectorization does. */
#ifndef CN_DATA_TEXT_H
#define CN_DATA_TEXT_H
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_vocabulary cn_vocabulary;

/* What a token is: what lies between white space, or a character of UTF-8. */
typedef enum cn_token_kind { CN_WORDS, CN_CHARACTERS } cn_token_kind;

/* The arguments of cn_vocabulary_new. */
typedef struct cn_vocabulary_args {
    const char *text;
    int64_t max_tokens; /* of the vocabulary, the two that stand for padding and for unknown tokens included; 0: all */
    cn_token_kind split;
    bool lower CN_DEFAULT(true);             /* A to Z become small letters */
    bool strip_punctuation CN_DEFAULT(true); /* leaves out the punctuation marks of ASCII */
} cn_vocabulary_args;
/* The tokens of a text, by falling number of times they occur, those of one number in falling order of their bytes:
 * number 0 is padding, "", 1 an unknown token, "[UNK]", 2 the most frequent one.
 *     cn_vocabulary *letters = cn_vocabulary_new(text, .split = CN_CHARACTERS, .strip_punctuation = false); */
#define cn_vocabulary_new(...) \
    cn_vocabulary_with((cn_vocabulary_args){.lower = true, .strip_punctuation = true, .text = __VA_ARGS__})
CN_API cn_vocabulary *cn_vocabulary_with(cn_vocabulary_args args);
/* NULL is fine. */
CN_API void cn_vocabulary_free(cn_vocabulary *vocabulary);

/* The number of tokens, padding and unknown included: the input_dim of an embedding. */
CN_API int64_t cn_vocabulary_size(const cn_vocabulary *vocabulary);
/* The token of a number; NULL if there is none. */
CN_API const char *cn_vocabulary_token(const cn_vocabulary *vocabulary, int64_t number);

/* Writes the numbers of a text's tokens to a vector of int32, int64 or floats: the first ones if there are more than it
 * has room for, and 0 after the last if there are fewer. Returns how many tokens the text has, also without writing any
 * if `out` is (cn_view){0}; -1 with the error set. */
CN_API int64_t cn_encode(const cn_vocabulary *vocabulary, const char *text, cn_view out);

/* The text of a file, plain or gzip, to be given to cn_free_text; NULL with the error set. */
CN_API char *cn_read_text(const char *path);
CN_API void cn_free_text(char *text);

#ifdef __cplusplus
}
#endif
#endif
