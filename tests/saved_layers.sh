#!/bin/bash
# saved_layers.sh PROGRAM: saves models in one process and loads them in another.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$1" save "$directory"
"$1" check "$directory"
