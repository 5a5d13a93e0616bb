#!/bin/sh
# Builds the page into dist/, where `cargo build` embeds it. May be run again at any time.
# Exit codes: 0 built, 3 Node or npm is missing or too old, otherwise that of the step that failed.
set -eu
cd "$(dirname "$0")"

LEAST_NODE=18

# A page that is newer than all it is made of is left alone, and so is what embeds it.
if [ -f dist/index.html ]; then
    newer=$(find src public index.html package.json package-lock.json tsconfig.json vite.config.ts -newer dist/index.html)
    if [ -z "$newer" ]; then
        echo "web page: up to date"
        exit 0
    fi
fi

missing() {
    echo "error: $1" >&2
    echo "hint: on Debian or Ubuntu, \`apt-get install nodejs npm\`; elsewhere, https://nodejs.org" >&2
    exit 3
}

command -v node >/dev/null 2>&1 || missing "the web page is built with Node.js $LEAST_NODE or newer, and \`node\` is not there"
command -v npm >/dev/null 2>&1 || missing "the web page is built with npm, and \`npm\` is not there"
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge "$LEAST_NODE" ] || missing "the web page is built with Node.js $LEAST_NODE or newer, and this is $(node --version)"

# What is installed is kept while the lockfile is the one that it was installed from.
stamp=node_modules/.installed-from
if ! cmp -s package-lock.json "$stamp"; then
    echo "web page: installing what it is built with"
    # No package's own install script is needed, and so none is run.
    npm ci --ignore-scripts --no-audit --no-fund || {
        code=$?
        echo "hint: npm needs its registry; behind a mirror, \`npm config set registry <url>\`" >&2
        exit "$code"
    }
    cp package-lock.json "$stamp"
fi

echo "web page: checking types and building"
npm run --silent build
