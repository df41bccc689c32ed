#!/bin/bash
# transfer.sh PROGRAM PYTHON SCRIPT: runs the example of transfer learning on a model that h5py wrote, and on none. Skipped
# where Fashion-MNIST is not installed.
set -euo pipefail
program=$(realpath "$1")
script=$(realpath "$3")
[[ -d /usr/share/datasets/fashion-mnist ]] || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$2" "$script" .

"$program" edges.keras | tee output
awk '/^test accuracy:/ { right = $3 > 70 && $9 >= $3 } END { exit !right }' output
[[ $(head -c 2 transfer.keras) == PK ]]

if "$program" missing.keras >output 2>message; then exit 1; fi
grep 'transfer: missing.keras: No such file' message
