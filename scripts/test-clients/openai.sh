#!/usr/bin/env bash
# The OpenAI-compatible face against real clients: the official Python SDK, and LangChain above it.
# Needs python3 (3.9 or newer) with venv, and a way to PyPI for the first run; leaves everything under the target directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v python3 >/dev/null || { echo "error: \`python3\` is not there" >&2; exit 1; }
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv="$target/test-clients/openai"
wanted=scripts/test-clients/openai-requirements.txt
if ! cmp -s "$wanted" "$venv/installed.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$venv/installed.txt"
fi

cargo build -q -p waggle-chat-adapters --example openai_face
log=$(mktemp -d)
# One of the questions makes the desk panic, which is told on standard error.
RUST_BACKTRACE=0 "$target/debug/examples/openai_face" 0 >"$log/url" 2>"$log/errors" &
server=$!
is_done=
finish() {
    kill "$server" 2>/dev/null || true
    [ -n "$is_done" ] || cat "$log/errors" >&2
    rm -rf "$log"
}
trap finish EXIT
for _ in $(seq 100); do
    [ -s "$log/url" ] && break
    sleep 0.1
done
url=$(head -n 1 "$log/url")
[ -n "$url" ] || { echo "error: the example server did not start" >&2; exit 1; }

"$venv/bin/python" scripts/test-clients/openai_client.py "$url"
"$venv/bin/python" scripts/test-clients/openai_langchain.py "$url"
is_done=yes
