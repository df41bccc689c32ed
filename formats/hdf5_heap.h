/* Private: the heaps of HDF5 files in which texts of variable length lie. */
#ifndef CN_FORMATS_HDF5_HEAP_H
#define CN_FORMATS_HDF5_HEAP_H
#include <stddef.h>

/* Where a file says that such a text is: its length, the address of its heap and its index there. */
enum { CN_HDF5_REFERENCE = 16 };

/* The text, which does not end with a NUL; NULL, without an error, if it does not lie in the file as the reference
 * says.
 */
const char *cn_hdf5_heap_text(const void *image, size_t bytes, const unsigned char reference[CN_HDF5_REFERENCE],
                              size_t *length);
#endif
