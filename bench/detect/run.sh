#!/bin/sh
# How well and how fast the detectors are, on series and fleets whose truth is known; the report goes to
# bench/out/detect.md, and its tables are kept in bench/detect/README.md.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
mkdir -p bench/out
{
    cargo run --quiet --release -p analyzer-detect --example detect_report
    cargo run --quiet --release -p analyzer-detect --example regressions_report -- kinds
    cargo run --quiet --release -p analyzer-detect --example regressions_report -- quiet
    cargo run --quiet --release -p analyzer-detect --example regressions_report -- size
    cargo run --quiet --release -p analyzer-detect --example regressions_report -- speed "${SERIES:-1000000}"
} | tee bench/out/detect.md
