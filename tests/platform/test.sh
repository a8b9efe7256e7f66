#!/bin/sh
# Installs what the site needs and runs the platform's own tests. With the path of `fewer`, and as root, also records
# programs whose stacks tell which request they work on: threads, gevent and two kinds of prefork workers.
#
#   test.sh [FEWER]
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=$(sh "$here/install.sh")
(cd "$here/tests" && "$python" -m unittest)
[ $# -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "skipped: recording other processes needs root"
    exit 0
fi
# A recording begins before the program does, and its first tenths of a second have no labels: more of a short one.
"$python" "$here/attribution/run.py" contexts --fewer "$1" --seconds 10 --least 0.9 \
    --mode threads --mode gevent --mode gunicorn --mode uwsgi
