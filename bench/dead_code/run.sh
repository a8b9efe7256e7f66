#!/bin/sh
# What reading execution marks costs, and what it does to the process that is read.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release -p agent --example code_cost
exec python3 bench/dead_code/measure.py --tool "$target/release/examples/code_cost" --out bench/out/dead_code.json "$@"
