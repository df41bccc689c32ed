/* Cornet: Keras for C. Models, layers, training, and the automatic differentiation under them.
 *
 * The headers below are the manual, in rising order: each is a page about one subject. */
#ifndef CN_CORNET_H
#define CN_CORNET_H
#include "core/error.h"
#include "core/memory.h"
#include "core/shape.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tensor.h"
#include "core/tape.h"
#include "core/operation.h"
#include "core/ops/creation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/activation.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "core/ops/product.h"
#include "core/ops/softmax.h"
#include "core/ops/crossentropy.h"
#include "core/ops/joining.h"
#include "core/ops/indexing.h"
#include "core/ops/sorting.h"
#include "data/idx.h"
#include "formats/safetensors.h"
#endif
