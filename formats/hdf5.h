/* Private: the part of HDF5 that Keras' files use, through HDF5's C library.
 *
 * Objects are named by their path from the root, "layers/dense/vars/0", and only hard links inside the file are
 * followed. A file is in memory, so that it is written in one piece and what is read stays the same while it is read.
 * Files are used under one lock, from open or create to close. */
#ifndef CN_FORMATS_HDF5_H
#define CN_FORMATS_HDF5_H
#include "core/arena.h"
#include "core/shape.h"

typedef struct cn_hdf5 {
    int64_t file;      /* HDF5's handle */
    const char *name;  /* for messages; the caller's */
    const void *image; /* of a file that is read, and its size */
    size_t bytes;
    cn_arena arena; /* of the texts that are read */
} cn_hdf5;

/* Whether bytes begin as HDF5 does. */
bool cn_is_hdf5(const void *image, size_t bytes);
/* After success and failure alike the file must be closed, before the image goes. */
bool cn_hdf5_open(cn_hdf5 *file, const char *name, const void *image, size_t bytes);
bool cn_hdf5_create(cn_hdf5 *file, const char *name);
/* The bytes of a file that was created, to be given to cn_release. */
unsigned char *cn_hdf5_image(cn_hdf5 *file, size_t *bytes);
void cn_hdf5_close(cn_hdf5 *file);

bool cn_hdf5_has(cn_hdf5 *file, const char *path);
/* How many members a group has, 0 if there is no such group. */
int64_t cn_hdf5_members(cn_hdf5 *file, const char *path);

/* The numbers of a data set of that shape, whatever their type, as that type. */
bool cn_hdf5_read(cn_hdf5 *file, const char *path, cn_dtype dtype, cn_shape shape, void *numbers);
/* A data set of that type, in groups that are made where they are missing. */
bool cn_hdf5_write(cn_hdf5 *file, const char *path, cn_dtype dtype, cn_shape shape, const void *numbers);
bool cn_hdf5_make_group(cn_hdf5 *file, const char *path);

/* The text of an attribute ("/" is the root); NULL, without an error, if there is none. It is the file's. */
const char *cn_hdf5_text(cn_hdf5 *file, const char *path, const char *attribute);
bool cn_hdf5_set_text(cn_hdf5 *file, const char *path, const char *attribute, const char *text);
/* A list of names, which Keras divides among attributes with numbers where it is too long for one. NULL with the error
 * set, or without one if there is none. */
const char **cn_hdf5_names(cn_hdf5 *file, const char *path, const char *attribute, size_t *count);
bool cn_hdf5_set_names(cn_hdf5 *file, const char *path, const char *attribute, const char *const *names, size_t count);
#endif
