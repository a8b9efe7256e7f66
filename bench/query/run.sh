#!/bin/sh
# The generated day of 92 M rows: our scan, the bare decode bound and DuckDB on the same files. About 15 minutes.
set -eu
cd "$(dirname "$0")/../.."
cargo build --quiet --release -p query-bench
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${CARGO_TARGET_DIR:-target}/release/query-bench" --dir "$folder" "$@"
