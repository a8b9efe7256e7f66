#!/bin/sh
# Runs the SDK's tests on every CPython 3.8 to 3.13 found, pure and accelerated, and the taps where they are installed.
#
#   tests/run.sh                    all interpreters found
#   tests/run.sh --one              the newest one only
#   FEWER_PYTHONS="python3.9 …"     exactly these
#
# Environments are kept in the cache folder and are made again only when the requirements change.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
sdk=$(dirname "$here")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fewer/venvs

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2] if sys.implementation.name == "cpython" else "")' 2>/dev/null; }

find_pythons() {
    for minor in 13 12 11 10 9 8; do
        for candidate in "$HOME"/.pyenv/versions/3."$minor".*/bin/python "python3.$minor" python3 /usr/bin/python3; do
            if [ "$(version_of "$candidate")" = "3.$minor" ]; then
                echo "$candidate"
                break
            fi
        done
    done
}

# An environment whose stamp differs from its requirements is made anew.
prepare() {
    python=$1 venv=$2 version=$3
    taps=
    case $version in 3.8 | 3.9 | 3.10) ;; *) taps="-r $here/requirements-taps.txt" ;; esac
    stamp=$(cat "$here"/requirements*.txt "$sdk/setup.py" "$sdk/src/fewer/_accel.c" | sha256sum | cut -c1-16)
    if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
        rm -rf "$venv"
        "$python" -m venv "$venv"
        # shellcheck disable=SC2086
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" $taps
        build_accelerator "$venv"
        echo "$stamp" >"$venv/stamp"
    fi
}

# The compiled module alone is kept; the Python files beside it are linked to the sources under test.
build_accelerator() {
    work=$(mktemp -d)
    cp -R "$sdk/pyproject.toml" "$sdk/setup.py" "$sdk/README.md" "$sdk/src" "$work"
    FEWER_ACCEL=1 "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$work/out" "$work"
    mkdir -p "$1/accelerated/fewer"
    cp "$work"/out/fewer/_accel.*.so "$1/accelerated/fewer/"
    rm -rf "$work"
}

run() {
    python=$1
    version=$(version_of "$python")
    venv=$cache/$version
    prepare "$python" "$venv" "$version"
    for source in "$sdk"/src/fewer/*.py; do ln -sf "$source" "$venv/accelerated/fewer/"; done
    echo "== CPython $version, pure"
    suite "$venv" "$sdk/src"
    echo "== CPython $version, accelerated"
    suite "$venv" "$venv/accelerated"
}

suite() {
    tests=$here
    [ -e "$1/lib/python$version/site-packages/django" ] || tests="$here --ignore=$here/taps"
    # shellcheck disable=SC2086
    TEST_FEWER_SOURCE=$2 "$1/bin/python" -m pytest -q -p no:cacheprovider --rootdir "$here" $tests
}

pythons=${FEWER_PYTHONS:-$(find_pythons)}
[ "${1:-}" = --one ] && pythons=$(echo "$pythons" | head -n 1)
[ -n "$pythons" ] || { echo "no CPython 3.8 to 3.13 found" >&2; exit 1; }
for python in $pythons; do run "$python"; done
