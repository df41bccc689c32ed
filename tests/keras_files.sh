#!/bin/bash
# keras_files.sh PROGRAM PYTHON SCRIPT: writes Keras' files in Python and opens them here.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$2" "$3" "$directory"
"$1" "$directory"
