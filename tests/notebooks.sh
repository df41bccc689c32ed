#!/bin/bash
# notebooks.sh PROGRAM EXPECTED SUMMARIES: runs a program of examples/notebooks and compares what it prints with a file.
# Of that file a line
#   @NAME      stands for the lines of SUMMARIES/NAME.txt, byte for byte;
#   ~REGEX     for a line that an extended regular expression matches as a whole, in which % is what the last
#              parentheses matched: random numbers;
# and any other line for itself, but that numbers with a decimal point may differ by 1e-6.
set -euo pipefail
program=$1 expected=$2 summaries=$3
output=$(mktemp)
trap 'rm -f "$output"' EXIT

"$program" >"$output" # whose status counts too
mapfile -t lines <"$output"

close() # LINE WANTED
{
    awk -v line="$1" -v wanted="$2" 'BEGIN {
        number = "-?[0-9]+[.][0-9]*(e[-+][0-9]+)?"
        while (match(wanted, number)) {
            before = substr(wanted, 1, RSTART - 1); w = substr(wanted, RSTART, RLENGTH)
            wanted = substr(wanted, RSTART + RLENGTH)
            if (!match(line, number) || substr(line, 1, RSTART - 1) != before) exit 1
            difference = substr(line, RSTART, RLENGTH) - w
            if (difference > 1e-6 || difference < -1e-6) exit 1
            line = substr(line, RSTART + RLENGTH)
        }
        exit line != wanted
    }'
}

at=0 captured=
expect() # WANTED, KIND: text, close or regex
{
    local line=${lines[at]-nothing}
    case $2 in
        text) [[ $line == "$1" ]] && at=$((at + 1)) && return ;;
        close) close "$line" "$1" && at=$((at + 1)) && return ;;
        regex)
            if [[ $line =~ ^${1//%/$captured}$ ]]; then
                captured=${BASH_REMATCH[1]-$captured}
                at=$((at + 1))
                return
            fi
            ;;
    esac
    printf '%s: line %d is\n%s\nnot (%s)\n%s\n' "$expected" $((at + 1)) "$line" "$2" "$1"
    exit 1
}

while IFS= read -r wanted; do
    case $wanted in
        @*) while IFS= read -r line; do expect "$line" text; done <"$summaries/${wanted#@}.txt" ;;
        ~*) expect "${wanted#\~}" regex ;;
        *) expect "$wanted" close ;;
    esac
done <"$expected"
if ((at != ${#lines[@]})); then
    printf '%s: line %d is\n%s\nbeyond the end\n' "$expected" $((at + 1)) "${lines[at]}"
    exit 1
fi
