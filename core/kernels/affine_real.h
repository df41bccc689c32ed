/* Private: the functions of affine.c for one type, which includes this file once for float and once for double. No
 * include guard, for that reason. */
#define FN(name) CN_PASTE(name, SUFFIX)

static void FN(read_transform)(const void *from, double *transform)
{
    const REAL *numbers = from;
    for (int i = 0; i < NUMBERS; i++)
        transform[i] = (double)numbers[i];
}

static void FN(look)(const cn_affine *affine, const void *numbers, void *seen, void *image)
{
    const int64_t channels = affine->channels;
    REAL *restrict pixel = seen;
    double transform[NUMBERS];
    FN(read_transform)(numbers, transform);
    for (int64_t y = 0; y < affine->out_height; y++)
        for (int64_t x = 0; x < affine->out_width; x++, pixel += channels) {
            part parts[MOST_PARTS];
            int count = find_parts(affine, transform, x, y, parts);
            EACH_CHANNEL pixel[c] = 0;
            for (int i = 0; i < count; i++) {
                const REAL weight = (REAL)parts[i].weight, fill = weight * (REAL)affine->fill_value;
                if (parts[i].pixel == OUTSIDE) {
                    EACH_CHANNEL pixel[c] += fill;
                } else {
                    const REAL *restrict source = (const REAL *)image + parts[i].pixel * channels;
                    EACH_CHANNEL pixel[c] += weight * source[c];
                }
            }
        }
}

static void FN(spread)(const cn_affine *affine, const void *numbers, void *seen, void *image)
{
    const int64_t channels = affine->channels;
    const REAL *restrict pixel = seen;
    double transform[NUMBERS];
    FN(read_transform)(numbers, transform);
    for (int64_t y = 0; y < affine->out_height; y++)
        for (int64_t x = 0; x < affine->out_width; x++, pixel += channels) {
            part parts[MOST_PARTS];
            int count = find_parts(affine, transform, x, y, parts);
            for (int i = 0; i < count; i++) {
                const REAL weight = (REAL)parts[i].weight;
                if (parts[i].pixel != OUTSIDE) {
                    REAL *restrict target = (REAL *)image + parts[i].pixel * channels;
                    EACH_CHANNEL target[c] += weight * pixel[c];
                }
            }
        }
}

#undef FN
#undef REAL
#undef SUFFIX
