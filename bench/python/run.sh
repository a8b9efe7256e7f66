#!/bin/sh
# The agent beside py-spy on the same Python processes, in turns. Needs root.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
venv=${XDG_CACHE_HOME:-$HOME/.cache}/fewer/py-spy
cargo build --quiet --release -p cli -p agent
[ -x "$venv/bin/py-spy" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet py-spy; }
exec python3 bench/python/compare.py --fewer "$target/release/fewer" --agent "$target/release/fewer-agent" \
    --py-spy "$venv/bin/py-spy" "$@"
