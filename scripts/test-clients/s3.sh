#!/usr/bin/env bash
# The knowledge index in a bucket, against a server that speaks S3 (moto), on this machine alone.
# Needs python3 (3.9 or newer) with venv, and a way to PyPI for the first run; leaves everything under the target directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v python3 >/dev/null || { echo "error: \`python3\` is not there" >&2; exit 1; }
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv="$target/test-clients/s3"
wanted=scripts/test-clients/s3-requirements.txt
if ! cmp -s "$wanted" "$venv/installed.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$venv/installed.txt"
fi

log=$(mktemp)
port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$log"' EXIT
export WAGGLE_S3_ENDPOINT="http://127.0.0.1:$port"
export AWS_ACCESS_KEY_ID=hive AWS_SECRET_ACCESS_KEY=hive AWS_EC2_METADATA_DISABLED=true
"$venv/bin/python" - <<'PYTHON'
import os, time, boto3, botocore
s3 = boto3.client("s3", endpoint_url=os.environ["WAGGLE_S3_ENDPOINT"], region_name="us-east-1")
for _ in range(100):
    try:
        s3.create_bucket(Bucket="hive")
        break
    except botocore.exceptions.EndpointConnectionError:
        time.sleep(0.1)
else:
    raise SystemExit("the server does not answer")
PYTHON
cargo test --workspace --test index in_a_bucket
