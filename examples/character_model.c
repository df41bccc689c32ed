/* A network that learns a poem letter by letter: from the letters so far it tells the probability of each next one
 * (Karpathy, "The unreasonable effectiveness of recurrent neural networks", 2015). Drawing letters by these, it writes
 * on.
 *
 *   character_model [TEXT]     a file to learn from; by default "Jabberwocky" (Lewis Carroll 1871) */
#include <cornet/cornet.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 40, WRITTEN = 400 };

static const char jabberwocky[] =
    "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\n"
    "And the mome raths outgrabe.\n\n"
    "\"Beware the Jabberwock, my son!\nThe jaws that bite, the claws that catch!\n"
    "Beware the Jubjub bird, and shun\nThe frumious Bandersnatch!\"\n\n"
    "He took his vorpal sword in hand;\nLong time the manxome foe he sought -\nSo rested he by the Tumtum tree\n"
    "And stood awhile in thought.\n\n"
    "And, as in uffish thought he stood,\nThe Jabberwock, with eyes of flame,\n"
    "Came whiffling through the tulgey wood,\nAnd burbled as it came!\n\n"
    "One, two! One, two! And through and through\nThe vorpal blade went snicker-snack!\n"
    "He left it dead, and with its head\nHe went galumphing back.\n\n"
    "\"And hast thou slain the Jabberwock?\nCome to my arms, my beamish boy!\nO frabjous day! Callooh! Callay!\"\n"
    "He chortled in his joy.\n\n"
    "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\n"
    "And the mome raths outgrabe.\n";

static cn_model *make_model(int64_t letters)
{
    cn_tensor *in = cn_input(STEPS);
    cn_tensor *x = cn_call(cn_embedding(letters, 16), in);
    x = cn_call(cn_gru(128, .return_sequences = true), x);
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(letters, cn_softmax), x)}, .name = "letters");
    cn_compile(model, .optimizer = cn_adam(0.005), .loss = cn_sparse_categorical_crossentropy(),
               .metrics = {cn_accuracy()});
    return model;
}

/* A number drawn by these probabilities, u being uniform between 0 and 1. */
static int32_t draw(const float *probability, int64_t count, double u)
{
    int32_t number = 0;
    for (double sum = probability[0]; sum < u && number + 1 < count; sum += (double)probability[number])
        number++;
    return number;
}

/* Begins as the text does. */
static void write_on(cn_model *model, const cn_vocabulary *vocabulary, const int32_t *text)
{
    int64_t letters = cn_vocabulary_size(vocabulary);
    int32_t window[STEPS];
    float *probability = calloc((size_t)(STEPS * letters), sizeof *probability);
    if (!probability)
        cn_fail(CN_MEMORY, "no memory for the probabilities");
    for (int i = 0; i < STEPS && !cn_failed(); i++) {
        window[i] = text[i];
        printf("%s", cn_vocabulary_token(vocabulary, window[i]));
    }
    for (int i = 0; i < WRITTEN; i++) {
        if (!cn_predict(model, {cn_array(window, 1, STEPS)}, {cn_array(probability, 1, STEPS, letters)}))
            break;
        for (int k = 0; k + 1 < STEPS; k++)
            window[k] = window[k + 1];
        window[STEPS - 1] = draw(probability + (STEPS - 1) * letters, letters, rand() / (RAND_MAX + 1.0));
        printf("%s", cn_vocabulary_token(vocabulary, window[STEPS - 1]));
    }
    printf("\n");
    free(probability);
}

int main(int argc, char **argv)
{
    char *read = argc > 1 ? cn_read_text(argv[1]) : NULL;
    const char *text = argc > 1 ? read : jabberwocky;
    cn_vocabulary *vocabulary =
        cn_vocabulary_new(text, .split = CN_CHARACTERS, .lower = false, .strip_punctuation = false);
    int64_t count = cn_encode(vocabulary, text, (cn_view){0});
    int32_t *numbers = calloc(count > 0 ? (size_t)count : 1, sizeof *numbers);
    cn_encode(vocabulary, text, cn_array(numbers, count));

    cn_model *model = make_model(cn_vocabulary_size(vocabulary));
    cn_dataset *data = cn_dataset_windows(cn_array(numbers, count), STEPS, .ahead = 1);
    data = cn_dataset_prefetch(cn_dataset_batch(cn_dataset_shuffle(data), 32), 2);
    cn_summary(model);
    for (int epochs = 1; epochs <= 16; epochs *= 4) {
        cn_fit_data(model, data, .epochs = epochs, .initial_epoch = epochs / 4, .verbose = 2);
        if (cn_failed())
            break;
        printf("\nAfter %d epochs:\n\n", epochs);
        write_on(model, vocabulary, numbers);
    }

    if (cn_failed())
        fprintf(stderr, "character_model: %s\n", cn_error_message());
    cn_dataset_free(data);
    cn_model_free(model);
    cn_vocabulary_free(vocabulary);
    cn_free_text(read);
    free(numbers);
    return cn_failed() ? 1 : 0;
}
