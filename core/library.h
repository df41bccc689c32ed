/* Private: shared libraries that are loaded when something first needs them. HDF5 and libzip bring some thirty others
 * along (network and cryptography among them), OpenBLAS starts threads and takes memory: a program that wants none of
 * them starts in a fraction of the time.
 *
 * What is used of a library is a list of names, NAMES(X), from which come a struct of typed addresses and the names to
 * look up:
 *
 *     static struct { NAMES(CN_LIBRARY_ADDRESS) } zlib;
 *     static const char *const names[] = {NAMES(CN_LIBRARY_NAME) NULL}; */
#ifndef CN_CORE_LIBRARY_H
#define CN_CORE_LIBRARY_H
#include "core/error.h"

#define CN_LIBRARY_ADDRESS(name) __typeof__(name) *name;
#define CN_LIBRARY_NAME(name) #name,

/* Loads the library of that file name, once, and finds all names; false, without an error, if there is no such library
 * on the machine or it lacks a name. */
bool cn_find_library(const char *file, const char *const *names, void *addresses);
/* The same with an error, CN_UNSUPPORTED; `user`, what needs the library, begins the message. */
bool cn_load_library(const char *file, const char *const *names, void *addresses, const char *user);
#endif
