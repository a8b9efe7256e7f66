#!/bin/sh
# How wrong lists of dead-code candidates are and whether they say so, on simulated fleets whose calling rates are known. The
# report goes to bench/out/dead_code_list.md and the figure to bench/out/dead_code_list.svg; docs/dead-code.md has both.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
mkdir -p bench/out
cargo run --quiet --release -p analyzer-detect --example dead_code_report -- bench/out/dead_code_list.svg |
    tee bench/out/dead_code_list.md
