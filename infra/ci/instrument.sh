#!/bin/sh
# Stands between cargo and rustc for the workspace's own crates. Names stay uncompressed: not every build of LLVM's tools has zlib.
exec "$@" -C instrument-coverage -C llvm-args=-enable-name-compression=false
