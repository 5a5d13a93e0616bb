#!/usr/bin/env bash
# Builds the eBPF programs into object/waggle.bpf.o, or tells whether that file is stale.
#
#   collectors-ebpf/build.sh           build; needs rustup, and installs what else is missing
#   collectors-ebpf/build.sh --check   compare with object/SOURCES.sha256; needs nothing but coreutils and awk
#
# The object is the same wherever it is built with the same compiler: paths are cut out of it, and only BTF is kept of its debug information.
set -euo pipefail

TOOLCHAIN=nightly
TARGET=bpfel-unknown-none
LINKER_VERSION=0.10.4

crate=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
workspace=$(dirname "$crate")
object=object/waggle.bpf.o
sources=object/SOURCES.sha256
cd "$crate"

# What the object is made of: the programs, what they use of the library, how they are built, and the versions they are built with.
list_sources() {
    find src/programs src/lib.rs src/protocol.rs src/wire.rs Cargo.toml build.sh -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum
    awk '/^name = "aya-ebpf/ { name = $3; getline; print "locked " name, $3 }' "$workspace/Cargo.lock"
    sha256sum "$object"
}

if [ "${1:-}" = --check ]; then
    if ! difference=$(diff <(grep -v '^#' "$sources") <(list_sources)); then
        echo "the eBPF object is stale; these changed since it was built:" >&2
        sed -n 's/^> \([0-9a-f]\{64\} *\)\{0,1\}/  /p; s/^< \([0-9a-f]\{64\} *\)\{0,1\}/  /p' <<<"$difference" | sort -u >&2
        echo "hint: run \`make ebpf\` and commit collectors-ebpf/object" >&2
        exit 1
    fi
    echo "the eBPF object is up to date"
    exit 0
fi

rustup run "$TOOLCHAIN" rustc --version >/dev/null 2>&1 || rustup toolchain install "$TOOLCHAIN" --profile minimal
sysroot=$(rustup run "$TOOLCHAIN" rustc --print sysroot)
[ -d "$sysroot/lib/rustlib/src/rust/library" ] || rustup component add rust-src --toolchain "$TOOLCHAIN"
cargo_home=${CARGO_HOME:-$HOME/.cargo}
PATH="$cargo_home/bin:$PATH"
if [ "$(bpf-linker --version 2>/dev/null)" != "bpf-linker $LINKER_VERSION" ]; then
    # It links with the LLVM that the compiler brings along.
    cargo +"$TOOLCHAIN" install bpf-linker --version "$LINKER_VERSION" --locked --force
fi

target_dir=${EBPF_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/waggle/ebpf-target}
rm -f "$target_dir/$TARGET/release/waggle-probes"
(
    cd "$workspace"
    unset CARGO_ENCODED_RUSTFLAGS
    # The LLVM pass that writes BTF wants full debug information.
    CARGO_PROFILE_RELEASE_DEBUG=2 \
    RUSTFLAGS="-C link-arg=--btf --remap-path-prefix=$workspace=waggle --remap-path-prefix=$cargo_home=cargo --remap-path-prefix=$sysroot=rust" \
        cargo +"$TOOLCHAIN" build --locked --package waggle-collectors-ebpf --features programs --bins \
        --target "$TARGET" -Z build-std=core --release --target-dir "$target_dir"
)

host=$(rustup run "$TOOLCHAIN" rustc --version --verbose | sed -n 's/^host: //p')
mkdir -p object
LD_LIBRARY_PATH="$sysroot/lib" "$sysroot/lib/rustlib/$host/bin/rust-objcopy" --strip-debug \
    "$target_dir/$TARGET/release/waggle-probes" "$object"
{
    echo "# $(rustup run "$TOOLCHAIN" rustc --version), bpf-linker $LINKER_VERSION"
    list_sources
} >"$sources"
ls -l "$object"
