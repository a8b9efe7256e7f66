#!/bin/sh
# The agent's whole pipeline beside `perf record`, in one run on the same load. Needs root.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release -p cli -p agent
exec python3 bench/agent/compare.py --fewer "$target/release/fewer" --agent "$target/release/fewer-agent" "$@"
