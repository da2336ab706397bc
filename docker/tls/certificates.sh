#!/bin/sh
# Makes everything that docker/tls/compose.yml and docker/tls/stack.yml mount, to try TLS out:
#
#   sh docker/tls/certificates.sh .quorate/tls n1 n2 n3 n4 n5
#
# DIRECTORY/n1/    the files of the node n1: for its two ports, and the root token
# DIRECTORY/client the CA of the nodes' certificates for clients, a client certificate, and the root token
# DIRECTORY/ca     two CAs, for the nodes and for clients, with their keys
#
# Run it again to renew the certificates: the CAs and the root token stay. It needs OpenSSL 1.1.1 or newer.
set -eu
umask 077

if [ $# -lt 2 ]; then
  echo "usage: sh $0 DIRECTORY NODE..." >&2
  exit 2
fi
directory=$1
shift
mkdir -p "$directory/ca" "$directory/client"

# The user in the container, who must be able to read the files.
node_user=1000
curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'

# make_ca NAME
make_ca() {
  [ -e "$directory/ca/$1.pem" ] && return
  # shellcheck disable=SC2086
  openssl req -x509 $curve -days 1825 -subj "/CN=Quorate $1" -addext keyUsage=critical,keyCertSign \
    -keyout "$directory/ca/$1.key" -out "$directory/ca/$1.pem" 2>/dev/null
}

# issue CA FILE EXTENSION...: each file is renamed into its place, because a node may read it meanwhile.
issue() {
  ca=$directory/ca/$1
  file=$2
  shift 2
  printf '%s\n' "$@" >"$directory/ca/extensions"
  # shellcheck disable=SC2086
  openssl req -new $curve -subj "/CN=$(basename "$file")" -keyout "$file.key.new" -out "$directory/ca/request" 2>/dev/null
  openssl x509 -req -in "$directory/ca/request" -CA "$ca.pem" -CAkey "$ca.key" -CAcreateserial -days 90 \
    -extfile "$directory/ca/extensions" -out "$file.pem.new" 2>/dev/null
  mv "$file.key.new" "$file.key"
  mv "$file.pem.new" "$file.pem"
}

# put FILE DIRECTORY
put() {
  cp "$1" "$2/$(basename "$1").new"
  mv "$2/$(basename "$1").new" "$2/$(basename "$1")"
}

make_ca peer-ca
make_ca client-ca
[ -e "$directory/client/root-token" ] || openssl rand -hex 32 >"$directory/client/root-token"
put "$directory/ca/client-ca.pem" "$directory/client"
issue client-ca "$directory/client/client" extendedKeyUsage=clientAuth

for node in "$@"; do
  own=$directory/$node
  mkdir -p "$own"
  issue peer-ca "$own/peer" "subjectAltName=DNS:$node" extendedKeyUsage=serverAuth,clientAuth
  issue client-ca "$own/server" "subjectAltName=DNS:$node,DNS:localhost,IP:127.0.0.1" extendedKeyUsage=serverAuth
  put "$directory/ca/peer-ca.pem" "$own"
  put "$directory/ca/client-ca.pem" "$own"
  put "$directory/client/root-token" "$own"
  if [ "$(id -u)" = 0 ]; then chown -R $node_user "$own"; fi
done

case $(id -u) in
0 | $node_user) ;;
*) echo "The nodes run as user $node_user. Let them read their files: sudo chown -R $node_user $directory/n*" ;;
esac
