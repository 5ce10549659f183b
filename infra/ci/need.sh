#!/usr/bin/env bash
# Sees to it that a program is there: need.sh PROGRAM PACKAGE. What is missing is installed by apt, or named.
set -euo pipefail
program=$1 package=$2
if command -v "$program" >/dev/null; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "$program is missing: sudo apt-get install $package, then run this again" >&2
    exit 1
fi
apt-get update -qq
apt-get install -y -qq "$package" >/dev/null
