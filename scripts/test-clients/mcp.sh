#!/bin/bash
# Drives the MCP server with the official Python SDK. Needs Python 3.11 or newer with venv, and cargo.
set -euo pipefail
cd "$(dirname "$0")/../.."

CARGO=${CARGO:-cargo}
PYTHON=${PYTHON:-python3}
here=scripts/test-clients
target=$("$CARGO" metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv=$target/test-clients/mcp
stamp=$venv/installed

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
	printf '%s\n' "error: \`$PYTHON\` is older than 3.11" "hint: name another with PYTHON=python3.12" >&2
	exit 1
}
# Installed anew when the versions change, or when it was broken off.
if ! cmp -s "$here/mcp_requirements.txt" "$stamp"; then
	rm -rf "$venv"
	"$PYTHON" -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/mcp_requirements.txt"
	cp "$here/mcp_requirements.txt" "$stamp"
fi
"$CARGO" build --quiet -p waggle-mcp --example shop
exec "$venv/bin/python" "$here/mcp_client.py" "$target/debug/examples/shop"
