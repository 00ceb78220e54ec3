#!/bin/sh
# Sees to the system packages that building, testing or measuring needs.
# usage: packages.sh [wrk|valgrind]
#
# It looks for the things themselves, not for package names, so an httpd or a Python of one's own counts too.
# What is missing is installed with apt-get as root; otherwise the one command that does it is printed.
# PYTHON and APXS, when set, say which Python and which apxs are meant.
set -eu

python=${PYTHON:-/usr/bin/python3}
apxs=${APXS:-apxs}
missing=

need() { missing="$missing $1"; }

# True if one of the files exists; an unmatched pattern stays as it is, and names no file.
any() {
    for file in "$@"; do
        [ -e "$file" ] && return 0
    done
    return 1
}

# The directory in which this Python's C headers lie, and "yes" if its library is shared: what an embedder needs.
python_headers() {
    "$python" -c '
import os, sys, sysconfig
header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("LDLIBRARY") or "")
sys.exit(not (os.path.exists(header) and ".so" in library))'
}

# apache2-bin and not apache2: the latter would also start a server on port 80.
command -v apache2 >/dev/null || command -v httpd >/dev/null || any /usr/sbin/apache2 /usr/sbin/httpd || [ -n "${APXS:-}" ] || need apache2-bin
if ! command -v "$apxs" >/dev/null; then
    if [ -n "${APXS:-}" ]; then
        echo "APXS=$apxs is not a program that can be run." >&2
        exit 1
    fi
    need apache2-dev
fi
command -v cc >/dev/null || need gcc
any "${LIBCLANG_PATH:-/nowhere}"/libclang*.so* /usr/lib/llvm*/lib/libclang*.so* /usr/lib/*/libclang*.so* /usr/lib64/libclang*.so* || need libclang-dev
any /usr/include/stddef.h /usr/lib/llvm*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h || need libclang-dev
command -v make >/dev/null || need make
if [ ! -x "$(command -v "$python")" ]; then
    if [ "$python" != /usr/bin/python3 ]; then
        echo "PYTHON=$python is not a program that can be run." >&2
        exit 1
    fi
    need python3
    need python3-dev
elif ! python_headers; then
    if [ "$(realpath "$python")" != "$(realpath /usr/bin/python3)" ]; then
        echo "PYTHON=$python has no headers or no shared library; a Python built with --enable-shared is needed." >&2
        exit 1
    fi
    need python3-dev
fi
# What is asked for besides is named as its package is.
[ -z "${1:-}" ] || command -v "$1" >/dev/null || need "$1"

[ -n "$missing" ] || exit 0
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ' | sed 's/ $//')

if ! command -v apt-get >/dev/null; then
    echo "Something is missing. On Debian it is in these packages: $missing. Install what your system calls them." >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing: $missing. This installs them:" >&2
    echo "    sudo sh -c 'apt-get update && apt-get install --yes --no-install-recommends $missing'" >&2
    exit 1
fi
echo "Installing $missing ..."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # the names are words of their own
apt-get install --yes --no-install-recommends $missing
