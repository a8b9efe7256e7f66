#!/bin/sh
# What looking at memory costs, and what it does to the processes that are looked at.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release -p cli
exec python3 bench/memory/measure.py --fewer "$target/release/fewer" --out bench/out/memory.json "$@"
