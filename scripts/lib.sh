# Shared by the scripts; sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where cargo puts binaries: .cargo/config.toml names the target.
bin_dir=${CARGO_TARGET_DIR:-$root/target}/x86_64-unknown-linux-gnu/release

say() {
    echo "== $*" >&2
}

die() {
    echo "${0##*/}: $*" >&2
    exit 2
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

# need_rust: dies with advice where there is no Rust toolchain.
need_rust() {
    local part
    for part in cargo cargo-fmt cargo-clippy; do
        command -v "$part" >/dev/null || die "needs a Rust toolchain with rustfmt and clippy (https://rustup.rs); no $part found"
    done
}
