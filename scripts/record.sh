#!/usr/bin/env bash
# Records one run of every fault for `waggle demo --replay`. Needs root on Linux.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build
waggle="$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/waggle"
faults=$("$waggle" demo --list-faults | awk '{print $1}')
for fault in $faults; do
    echo "recording $fault"
    "$waggle" demo --once --json --fault "$fault" --orders 26 --record evals/chaos/recordings >/dev/null
done
ls -l evals/chaos/recordings
