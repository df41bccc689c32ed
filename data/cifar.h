/* CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in their binary form (https://www.cs.toronto.edu/~kriz/cifar.html). */
#ifndef CN_DATA_CIFAR_H
#define CN_DATA_CIFAR_H
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes, shaped as Keras' load_data() does. */
typedef struct cn_cifar {
    cn_view x;      /* pictures, (samples, 32, 32, 3), from 0 to 255 */
    cn_view y;      /* classes, (samples, 1), of CIFAR-100 the fine ones */
    cn_view coarse; /* the coarse classes of CIFAR-100, (samples, 1) */
} cn_cifar;

enum { CN_MAX_CIFAR_FILES = 8 };

typedef struct cn_cifar_args {
    const char *path[CN_MAX_CIFAR_FILES]; /* ends with NULL */
    int classes;                          /* 10 or 100 */
} cn_cifar_args;
/* The samples of some files, plain or gzip, one after the other:
 * cn_cifar10_read({"data_batch_1.bin", "data_batch_2.bin"}), cn_cifar100_read({"train.bin"}). NULL with the error set:
 * CN_FILE if a file cannot be read, CN_FORMAT if it does not end with a record or has a label that is no class,
 * CN_UNSUPPORTED if it is gzip and the library was built without zlib. */
#define cn_cifar10_read(...) cn_cifar_read_with((cn_cifar_args){.classes = 10, .path = __VA_ARGS__})
#define cn_cifar100_read(...) cn_cifar_read_with((cn_cifar_args){.classes = 100, .path = __VA_ARGS__})
CN_API cn_cifar *cn_cifar_read_with(cn_cifar_args args);
/* Frees the arrays too; NULL is fine. */
CN_API void cn_cifar_free(cn_cifar *cifar);

#ifdef __cplusplus
}
#endif
#endif
