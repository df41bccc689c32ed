#!/bin/bash
# installed.sh BUILD CPP_PROGRAM: installs what was built into a directory of its own, compiles every header there alone,
# as strict C11 and as C++17, and builds and runs a program with the flags that pkg-config gives.
set -euo pipefail
build=$1 program=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root meson install -C "$build" --no-rebuild >/dev/null
pc=$(find "$root" -name cornet.pc)
include=$(find "$root" -path '*/cornet/cornet.h')
include=${include%/cornet/cornet.h}
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root LD_LIBRARY_PATH=${pc%/pkgconfig/*}
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)

for compilers in "gcc g++" "clang clang++"; do
    read -r c cpp <<<"$compilers"
    command -v "$cpp" >/dev/null || continue
    while read -r header; do
        echo "$c and $cpp: $header"
        "$c" -std=c11 "${warnings[@]}" -fsyntax-only -I "$include" -x c - <<<"#include <$header>"
        "$cpp" -std=c++17 "${warnings[@]}" -fsyntax-only -I "$include" -x c++ - <<<"#include <$header>"
    done < <(cd "$include" && find cornet -name '*.h' | sort)
    # shellcheck disable=SC2046 # the flags are words
    "$cpp" -std=c++17 "$program" -o "$root/program" $(pkg-config --cflags --libs cornet)
    "$root/program"
done
