#!/bin/bash
# saved_layers.sh PROGRAM PYTHON SCRIPT: saves models in one process, loads them in another and reads them in Python.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$1" save "$directory"
"$1" check "$directory"
"$2" "$3" "$directory"
