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
# In a short recording the first samples of workers, which have no labels yet, weigh more than in a long one.
"$python" "$here/attribution/run.py" contexts --fewer "$1" --seconds 4 --least 0.95 \
    --mode threads --mode gevent --mode gunicorn --mode uwsgi
