#!/bin/bash
# character_model.sh PROGRAM: what the example writes after its last epoch has verses of the poem, and a text that is
# too short or missing is refused.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" >"$work/output"
sed -n '/^After 16 epochs:$/,$p' "$work/output" | tee "$work/written"
verses=$(tail -n +5 "$work/written" | grep -cxF -e 'All mimsy were the borogoves,' -e 'And the mome raths outgrabe.' \
    -e 'The jaws that bite, the claws that catch!' -e 'Did gyre and gimble in the wabe:' \
    -e '"Beware the Jabberwock, my son!' -e 'Came whiffling through the tulgey wood,')
((verses >= 2))

echo 'Too short.' >"$work/text"
if "$1" "$work/text" 2>"$work/message"; then exit 1; fi
grep 'the data set gives no batch' "$work/message"
if "$1" "$work/missing" 2>"$work/message"; then exit 1; fi
grep 'missing: No such file' "$work/message"
