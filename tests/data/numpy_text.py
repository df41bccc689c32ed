#!/usr/bin/env python3
"""Writes numpy_text.txt beside this file: arrays, and how NumPy (1.24) prints them. test_array_text.c reads it.

A case is `case DTYPE DIMS...`; then `bits HEX...`, the elements' bits in row-major order, or `range FIRST STEP`,
first + i * step; then `str LINES` and `repr LINES`, each followed by so many lines of NumPy's output.
"""
import pathlib

import numpy as np

assert np.__version__.startswith("1.24."), np.__version__
random = np.random.default_rng(24)
F32, F64, I32 = np.float32, np.float64, np.int32
out = []


def printed(array):
    for name, text in (("str", str(array)), ("repr", repr(array))):
        lines = text.split("\n")
        out.append(f"{name} {len(lines)}")
        out.extend(lines)


def case(values, dtype, shape=None):
    with np.errstate(over="ignore"):
        array = np.array(values, dtype)
    if shape is not None:
        array = array.reshape(shape)
    out.append(" ".join(["case", array.dtype.name, *map(str, array.shape)]))
    bits = array.ravel().view(np.uint64 if dtype == F64 else np.uint32)
    out.append(" ".join(["bits", *(f"{b:x}" for b in bits)]))
    printed(array)


def range_case(dtype, shape, first, step):
    array = (first + np.arange(np.prod(shape)) * step).astype(dtype).reshape(shape)
    out.append(" ".join(["case", array.dtype.name, *map(str, shape)]))
    out.append(f"range {first} {step}")
    printed(array)


nan, inf = np.nan, np.inf
for dtype in (F32, F64):
    # Scalars: what str() says of them differs from an element of an array.
    for value in (0, -0.0, 1, 1.5, -0.1, 1e-4, 9.9e-5, 1e8, 12345678.9, 123456789.125, 1e15, 1e16, 1e-38, 1 / 3, nan, inf, -inf):
        case(value, dtype, ())
    # The rules for positional or scientific: 1e8, 1e-4, a ratio of 1000.
    for row in ([1, 2, 3], [0.5, 10, 100], [0.1, 0.25, 1000], [1, 1000], [1, 1000.5], [0, 1e-3], [1e-4], [1e-4, 1],
                [99999992.0], [1e8], [0, 0], [-0.0, 0.0], [1e-10, -1e10], [1e-300, 1], [1e30, 1e-30], [123456.789, 1000]):
        case(row, dtype)
    # The digits: one third, neighbours of powers of ten, powers of two (whose neighbours are at unequal distances).
    case([1 / 3, 2 / 3, 0.1, 0.30000000000000004], dtype)
    case(np.nextafter(np.array([1, 10, 100], dtype), dtype(0)), dtype)
    case(2.0 ** np.arange(-24, 0), dtype)
    case(2.0 ** np.arange(0, 27), dtype)
    case(2.0 ** np.arange(-126, 127, 11), dtype)
    case([2.0 ** -44, 2.0 ** 60, 2.0 ** 26 + 8, 1e23, 5e-324, 1.401298464324817e-45, 2.2250738585072014e-308], dtype)
    case([0.123456785, 1.000000005, 0.5, 16777216, 75479432], dtype)
    # Not finite.
    for row in ([nan], [inf], [-inf], [nan, inf], [nan, -inf], [1, nan], [1.25, -inf], [-1.5, inf, nan], [1e-9, nan, -inf],
                [1234.5, nan, 1]):
        case(row, dtype)
    # Line breaks, brackets and blank lines.
    case(random.standard_normal(7), dtype)
    case(random.standard_normal(40), dtype)
    case(random.standard_normal(40) * 1e12, dtype)
    case([*np.zeros(20), 12.5], dtype)
    for shape in ((1, 1), (2, 3), (3, 1), (2, 17), (2, 2, 3), (1, 4, 1, 2), (2, 1, 2, 1, 2), (1, 2, 1, 2, 1, 2), (2,) * 7, (2,) * 8, (1,) * 8):
        case(random.standard_normal(shape), dtype)
    case([[[6, 10]] * 3, [[7.2, 12]] * 3], dtype)
    # No elements.
    for shape in ((0,), (0, 3), (3, 0), (2, 0, 2)):
        case([], dtype, shape)
    # A thousand elements are printed, of more only the edges.
    for shape in ((1000,), (1001,), (100, 10), (2, 501), (7, 7, 30), (6, 6, 6, 6), (1, 3, 600), (1001, 1), (1, 1, 1, 1, 1, 1, 7, 300)):
        range_case(dtype, shape, -2.5, 0.5)
    range_case(dtype, (20, 100), 0, 0.001)
    range_case(dtype, (1200,), -1e9, 12345)
for value in (0, -7, 2147483647, -2147483648):
    case(value, I32, ())
for row in ([1, 2, 3], [-1, 10, 100], [2147483647, -2147483648], [0] * 30, [100000] * 12, [[4, 2], [3, 6]], [[[1], [-2]]]):
    case(row, I32)
for shape in ((0,), (4, 0)):
    case([], I32, shape)
for shape in ((30,), (6, 6), (2, 3, 4), (1000,), (2000,), (40, 40), (7, 8, 9, 10)):
    range_case(I32, shape, -10, 1)
pathlib.Path(__file__).with_suffix(".txt").write_text("\n".join(out) + "\n")
