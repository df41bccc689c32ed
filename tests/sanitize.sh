#!/bin/bash
# sanitize.sh PROGRAM…: runs a program built with sanitizers and fails if one of its processes reports an error.
# Criterion runs every test in a process of its own and does not look at what that reports at its exit: leaks.
set -uo pipefail
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:log_path=$reports/report
# HDF5 1.10 loses memory over headers that are damaged.
echo leak:libhdf5 >"$reports/suppressions"
export LSAN_OPTIONS=suppressions=$reports/suppressions:print_suppressions=0
export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
"$@"
status=$?
cat "$reports"/report* 2>/dev/null
! grep -qrs 'ERROR:' "$reports" || exit 1
exit $status
