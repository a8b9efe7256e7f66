#!/bin/sh
# Installs what the site needs and runs the platform's own tests.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=$(sh "$here/install.sh")
cd "$here/tests"
exec "$python" -m unittest
