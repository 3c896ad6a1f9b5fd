#!/bin/sh
# Makes a certificate authority, the broker's certificate, and one for each client; for docs/security.md.
#
#   make_certificates.sh FOLDER HOST [HOST...]
#
# FOLDER is made if need be. Each HOST is a name or an IPv4 address by which clients reach the broker. What is there
# already is kept: to renew a certificate, remove its .pem and run this again; its key is used again, unless removed too.
# ROLES (sorter plc operator monitor) and DAYS (397) may be set in the environment.
set -eu
umask 077

if [ "$#" -lt 2 ]; then
    echo "usage: make_certificates.sh FOLDER HOST [HOST...]" >&2
    exit 2
fi
folder=$1
shift
roles=${ROLES:-sorter plc operator monitor}
days=${DAYS:-397}
mkdir -p "$folder"
cd "$folder"

key() { # NAME
    [ -e "$1.key" ] || openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
}

signed() { # NAME CN EXTENSIONS
    if [ -e "$1.pem" ]; then
        echo "$1.pem is there already"
        return
    fi
    key "$1"
    printf '%s\n' "$3" >"$1.extensions"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.request"
    # Written aside first: a half-written certificate must never be read.
    openssl x509 -req -in "$1.request" -CA ca.pem -CAkey ca.key -days "$days" -sha256 \
        -set_serial "0x$(openssl rand -hex 16)" -extfile "$1.extensions" -out "$1.new" 2>/dev/null
    rm "$1.request" "$1.extensions"
    chmod 644 "$1.new"
    mv "$1.new" "$1.pem"
    echo "$1.pem made, for $days days"
}

if [ ! -e ca.pem ]; then
    key ca
    openssl req -x509 -new -key ca.key -days 3650 -sha256 -subj "/CN=conveyor color sorter authority" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" -out ca.new
    chmod 644 ca.new
    mv ca.new ca.pem
    echo "ca.pem made, for 3650 days"
fi

names=""
for host in "$@"; do
    case $host in
        *[!0-9.]*) names="$names,DNS:$host" ;;
        *) names="$names,IP:$host" ;;
    esac
done
signed broker "$1" "subjectAltName=${names#,}
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
authorityKeyIdentifier=keyid"

for role in $roles; do
    signed "$role" "$role" "basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
authorityKeyIdentifier=keyid"
done
