#!/bin/sh
# Installs what a build needs and this machine lacks: a C compiler, clang for the BPF programs, Node for the
# pages, Chromium for the browser tests, Rust. Does nothing, quickly, when all of it is there.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

say() { printf '%s\n' "setup: $*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else
        say "cannot install packages: not root and no sudo. Run as root: $*"
        return 1
    fi
}

# One name per tool, and what the package is called by each package manager.
package_of() {
    case "$1:$2" in
        cc:apt) echo gcc libc6-dev ;;      cc:dnf) echo gcc glibc-devel ;;    cc:pacman) echo gcc ;;
        clang:*) echo clang ;;
        llvm-strip:*) echo llvm ;;
        node:apt | npm:apt) echo nodejs npm ;;
        node:dnf | npm:dnf) echo nodejs npm ;;
        node:pacman | npm:pacman) echo nodejs npm ;;
        chromium:*) echo chromium ;;
        curl:*) echo curl ;;
        git:*) echo git ;;
    esac
}

install_missing() {
    missing=""
    for tool in cc clang llvm-strip node npm curl git "$@"; do
        have "$tool" || missing="$missing $tool"
    done
    [ -n "$missing" ] || return 0
    if have apt-get; then manager=apt; elif have dnf; then manager=dnf; elif have pacman; then manager=pacman
    else
        say "please install:$missing (no known package manager here)"
        return 1
    fi
    packages=""
    for tool in $missing; do packages="$packages $(package_of "$tool" $manager)"; done
    say "installing$packages"
    # shellcheck disable=SC2086 # the list is meant to split
    case $manager in
        apt) as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $packages >/dev/null ;;
        dnf) as_root dnf install -y -q $packages ;;
        pacman) as_root pacman -Sy --noconfirm --needed $packages ;;
    esac
}

install_rust() {
    have cargo && return 0
    say "installing Rust with rustup for this user"
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c clippy -c rustfmt
}

# A missing optional part is said and worked round; without a compiler nothing can go on.
install_missing "$@" || say "going on without what could not be installed"
install_rust
have cc || { say "a C compiler is needed (package gcc)"; exit 1; }
have clang || say "without clang the agent samples through the plain perf ring, with less context"
have node || say "without Node the collector serves a page that says how to build the real one"
