/* Private: what HDF5's library trusts in a file is looked at here first, in the bytes of the file. */
#ifndef CN_FORMATS_HDF5_BYTES_H
#define CN_FORMATS_HDF5_BYTES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a file says that a text of variable length is: its length, the address of its heap and its index there. */
enum { CN_HDF5_REFERENCE = 16 };

/* The text, which does not end with a NUL; NULL, without an error, if it does not lie in the file as the reference
 * says.
 */
const char *cn_hdf5_heap_text(const void *image, size_t bytes, const unsigned char reference[CN_HDF5_REFERENCE],
                              size_t *length);

/* Whether the attributes of the object whose header is at that address have their names, types, shapes and data within
 * their own bounds. Headers of the newer form, which have checksums, are taken as they are. */
bool cn_hdf5_attributes_fit(const void *image, size_t bytes, uint64_t address);
#endif
