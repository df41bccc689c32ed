#!/bin/bash
# size.sh LIBRARY MOST: fails if the shared library, stripped, takes more bytes than that.
set -euo pipefail
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$1"
size=$(stat --format=%s "$stripped")
echo "$size bytes"
test "$size" -le "$2"
