#!/bin/sh
# Build the container image without a container engine, to try every step of the Dockerfile for real.
#
#   sh tests/system/build_image.sh FOLDER
#
# Needs root, debootstrap and buildah. Debian's own archive makes the stand-in for debian:bookworm-slim, so no image
# registry is asked. Everything is written below FOLDER (about 2 GB), which the caller removes; the result is the
# image and working container "sorter" in that folder's own storage:
#
#   buildah --storage-driver vfs --root FOLDER/storage --runroot FOLDER/run run sorter -- python run_sorter.py --help
set -eu

test $# -eq 1 || { echo "usage: build_image.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
checkout=$(cd "$(dirname "$0")/../.." && pwd)

in_storage() {
    command=$1
    shift
    buildah --storage-driver vfs --root "$folder/storage" --runroot "$folder/run" "$command" "$@"
}

make_base() {
    debootstrap --variant=minbase bookworm "$folder/base" >"$folder/debootstrap.log" 2>&1 \
        || { tail -n 20 "$folder/debootstrap.log" >&2; exit 1; }
    # As in the real slim image, and half the bytes to copy from layer to layer.
    rm -rf "$folder"/base/var/cache/apt/* "$folder"/base/var/lib/apt/lists/* "$folder"/base/usr/share/doc/* \
        "$folder"/base/usr/share/locale/* "$folder"/base/usr/share/man/*
    in_storage from --name base scratch >/dev/null
    in_storage add --quiet base "$folder/base" / >/dev/null
    in_storage commit --quiet --rm base debian:bookworm-slim >/dev/null
    rm -rf "$folder/base"
}

# How this machine reaches its package index is its own affair: its pip settings and certificates are lent to the
# build as a mount, and none of them gets into the image.
lend_pip_settings() {
    mkdir "$folder/lent"
    {
        echo "[global]"
        test -z "${PIP_INDEX_URL:-}" || echo "index-url = $PIP_INDEX_URL"
        certificates=${PIP_CERT:-${SSL_CERT_FILE:-}}
        if test -n "$certificates"; then
            cp "$certificates" "$folder/lent/certificates.pem"
            echo "cert = /run/lent/certificates.pem"
        fi
    } >"$folder/lent/pip.conf"
}

make_base
lend_pip_settings
in_storage bud --quiet --pull-never --format docker --isolation chroot --layers=false \
    --volume "$folder/lent:/run/lent:ro" --volume "$folder/lent/pip.conf:/etc/pip.conf:ro" \
    --tag sorter "$checkout" >"$folder/build.log" 2>&1 || { tail -n 40 "$folder/build.log" >&2; exit 1; }
in_storage from --pull-never --name sorter localhost/sorter >/dev/null
