# Shared by the scripts; sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where cargo puts binaries (.cargo/config.toml names the target); CPUID_BIN_DIR names others, which are not built.
bin_dir=${CPUID_BIN_DIR:-${CARGO_TARGET_DIR:-$root/target}/x86_64-unknown-linux-gnu/release}

say() {
    echo "== $*" >&2
}

die() {
    echo "${0##*/}: $*" >&2
    exit 2
}

# usage: prints what the script's first comment says.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

# help_if_asked "$@": with --help, prints the usage, and that is all.
help_if_asked() {
    case ${1:-} in
        -h | --help) usage; exit ;;
    esac
}

# as_root COMMAND...: as root, through sudo if need be.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root, or sudo, for: $*"
    fi
}

# install_packages PACKAGE...: installs the Debian packages that are missing, and says so first.
install_packages() {
    local package missing=()
    for package in "$@"; do
        [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == *' installed' ]] || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        return
    fi
    command -v apt-get >/dev/null || die "needs the Debian packages ${missing[*]}, and there is no apt-get"
    say "installing with apt-get: ${missing[*]}"
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2
}

# need_rust [PART...]: dies with advice where there is no Rust toolchain; adds the parts that rustup can add (its minimal
# profile has but stand-ins of them), installs the linker that it calls.
need_rust() {
    local part
    for part in cargo "$@"; do
        "$part" --version >/dev/null 2>&1 && continue
        command -v rustup >/dev/null || die "needs a Rust toolchain (https://rustup.rs): no $part found"
        [ "$part" != cargo-fmt ] || part=cargo-rustfmt
        say "adding to the Rust toolchain: ${part#cargo-}"
        rustup component add "${part#cargo-}" >&2 || die "needs a Rust toolchain with ${part#cargo-}"
    done
    command -v cc >/dev/null || install_packages gcc libc6-dev
}

# cargo_tool NAME VERSION: installs a program of crates.io into .cache/tools, at that version, and puts it into PATH.
cargo_tool() {
    local tools=$root/.cache/tools
    PATH=$tools/bin:$PATH
    mkdir -p "$tools"
    ! cargo install --list --root "$tools" | grep -q "^$1 v$2:" || return 0
    say "installing with cargo into .cache/tools: $1 $2 (some minutes)"
    # Elsewhere, so that this workspace's .cargo/config.toml is not that of the tool.
    (cd / && cargo install --quiet --locked --root "$tools" "$1@$2") >&2
}

# need_qemu: QEMU, installed if it is missing.
need_qemu() {
    if ! command -v qemu-system-x86_64 >/dev/null && [ ! -x /usr/libexec/qemu-kvm ]; then
        install_packages qemu-system-x86
    fi
}

# build: the release binaries.
build() {
    [ -z "${CPUID_BIN_DIR:-}" ] || return 0
    need_rust
    say "building (cargo build --release)"
    (cd "$root" && cargo build --release --quiet) >&2
}

# linux_guest CPU SMP ARGUMENTS: boots Debian's kernel under emulation with the probe alone as PID 1, started with
# ARGUMENTS, and prints what came over the serial line.
linux_guest() {
    local files work
    files=$("$root/scripts/guest-files")
    work=$(mktemp -d)
    cp "$bin_dir/cpuid-probe" "$work/init"
    (cd "$work" && echo init | cpio --quiet -o -H newc >initramfs)
    timeout -k 5 120 qemu-system-x86_64 -accel tcg -machine pc -cpu "$1" -smp "$2" -m 256 -nodefaults -display none \
        -no-reboot -serial stdio -kernel "$files/vmlinuz" -initrd "$work/initramfs" \
        -append "console=ttyS0 quiet panic=-1 mitigations=off -- $3" </dev/null 2> >(grep -v "warning: TCG doesn't support" >&2 || true)
    rm -r "$work"
}
