#!/bin/sh
# Installs what the site needs and this machine lacks, and prints the Python of its environment.
# Debian packages come from apt, Python packages go into the cache folder. Does nothing, quickly, when all is there.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
sdk=$(CDPATH='' cd -- "$here/../../sdk/python" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fewer
venv=$cache/platform

say() { printf '%s\n' "demo: $*" >&2; }

fail() { say "$*"; exit 1; }

have() { PATH=$PATH:/usr/sbin:/usr/lib/rabbitmq/bin command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else return 1
    fi
}

missing_packages() {
    [ -n "$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null)" ] || echo postgresql
    have memcached || echo memcached
    have rabbitmq-server || echo rabbitmq-server
    have setpriv || echo util-linux
    "$1" -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

# The demo runs its own servers. The packages' services must not be started by their installation.
without_services() {
    guard=/usr/sbin/policy-rc.d
    if [ -e $guard ]; then "$@"; return; fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee $guard >/dev/null
    as_root chmod +x $guard
    status=0
    "$@" || status=$?
    as_root rm -f $guard
    return $status
}

apt_install() {
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install_packages() {
    missing=$(missing_packages "$1" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    have apt-get || fail "please install: $missing(only apt-get is known here)"
    say "installing $missing"
    # shellcheck disable=SC2086 # the list is meant to split
    without_services apt_install $missing || fail "could not install: $missing(is there a network, and are you root?)"
}

find_python() {
    for python in python3 python3.13 python3.12 python3.11 python3.10 /usr/bin/python3; do
        if "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            "$python" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    fail "a CPython 3.10 to 3.13 is needed (package python3)"
}

# An environment whose stamp differs from its requirements is made anew. The SDK is linked to the checkout.
install_environment() {
    stamp=$({ "$1" -V; cat "$here/requirements.txt"; } | sha256sum | cut -c1-16)
    if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
        say "installing Python packages into $venv"
        rm -rf "$venv"
        "$1" -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" ||
            fail "could not install the packages of tests/platform/requirements.txt (is there a network?)"
        echo "$stamp" >"$venv/stamp"
    fi
    "$venv/bin/python" - "$sdk/src" <<'EOF'
import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "fewer-checkout.pth").write_text(sys.argv[1] + "\n")
EOF
}

python=$(find_python)
install_packages "$python"
install_environment "$python"
echo "$venv/bin/python"
