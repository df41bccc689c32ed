#!/bin/bash
# exports.sh LIBRARY: fails if the shared library exports a symbol that does not begin with cn_, or none at all.
set -euo pipefail
symbols=$(nm --dynamic --defined-only --format=just-symbols "$1")
test -n "$symbols"
! grep -v '^cn_' <<<"$symbols"
