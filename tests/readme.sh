#!/bin/bash
# readme.sh README OUT: writes the C program of the README to a file.
set -euo pipefail
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$1" >"$2"
test -s "$2"
