#!/bin/sh
# Makes everything that docker/tls/compose.yml and docker/swarm/tls.yml mount, to try TLS out:
#
#   sh docker/tls/certificates.sh .quorate/tls n1 n2 n3 n4 n5 n6 n7
#
# DIRECTORY/n1             the files of the node n1: for its two ports, and the root token
# DIRECTORY/client         the CA of the nodes' certificates for clients, a client certificate, and the root token
# DIRECTORY/prometheus/tls the same files for the container of Prometheus
# DIRECTORY/ca             two CAs, for the nodes and for clients, with their keys
#
# Run it again to renew the certificates: the CAs and the root token stay. It needs OpenSSL 1.1.1 or newer.
#
# With Compose, the user 1000 of the containers must be able to read the files. Another user runs the script with sudo,
# each time. Swarm reads the files as the user who deploys, so there the script needs no sudo.
set -eu
umask 077

if [ $# -lt 2 ]; then
  echo "usage: sh $0 DIRECTORY NODE..." >&2
  exit 2
fi
directory=$1
shift

# The user in the container, who must be able to read the files of the nodes.
node_user=1000
# With sudo, the files of the client belong to the user who typed the command.
client_user=${SUDO_UID:-0}
curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'

# refuse_unwritable PATH...: checks everything first, so that no run stops between two files.
refuse_unwritable() {
  for path in "$@"; do
    [ -e "$path" ] || continue
    if [ ! -w "$path" ] || [ ! -r "$path" ] || { [ -d "$path" ] && [ ! -x "$path" ]; }; then
      echo "$path is not writable, so nothing was changed. Run the script with sudo." >&2
      exit 1
    fi
  done
}

# quietly COMMAND...: shows the output only if the command fails.
quietly() {
  if ! output=$("$@" 2>&1); then
    printf '%s\n' "$output" >&2
    exit 1
  fi
}

# give USER PATH...: root alone can do so, and root alone has to.
give() {
  [ "$(id -u)" = 0 ] || return 0
  user=$1
  shift
  chown "$user" "$@"
}

# make_directory PATH: with the directories above it.
make_directory() {
  [ -d "$1" ] && return
  make_directory "$(dirname "$1")"
  mkdir "$1"
  give "$client_user" "$1"
}

# make_ca NAME
make_ca() {
  [ -e "$directory/ca/$1.pem" ] && return
  # shellcheck disable=SC2086
  quietly openssl req -x509 $curve -days 1825 -subj "/CN=Quorate $1" -addext keyUsage=critical,keyCertSign \
    -keyout "$directory/ca/$1.key" -out "$directory/ca/$1.pem.new"
  mv "$directory/ca/$1.pem.new" "$directory/ca/$1.pem"
}

# issue USER CA FILE EXTENSION...: each file is renamed into its place, because a node may read it meanwhile.
issue() {
  owner=$1
  ca=$directory/ca/$2
  file=$3
  shift 3
  printf '%s\n' "$@" >"$directory/ca/extensions"
  # shellcheck disable=SC2086
  quietly openssl req -new $curve -subj "/CN=$(basename "$file")" -keyout "$file.key.new" -out "$directory/ca/request"
  quietly openssl x509 -req -in "$directory/ca/request" -CA "$ca.pem" -CAkey "$ca.key" -CAcreateserial -days 90 \
    -extfile "$directory/ca/extensions" -out "$file.pem.new"
  give "$owner" "$file.key.new" "$file.pem.new"
  mv "$file.key.new" "$file.key"
  mv "$file.pem.new" "$file.pem"
}

# put USER MODE DIRECTORY FILE...
put() {
  owner=$1
  mode=$2
  to=$3
  shift 3
  for file in "$@"; do
    new=$to/$(basename "$file").new
    cp "$file" "$new"
    chmod "$mode" "$new"
    give "$owner" "$new"
    mv "$new" "${new%.new}"
  done
}

client=$directory/client
refuse_unwritable "$directory" "$directory/ca" "$directory/ca/"* "$client" "$client/"* \
  "$directory/prometheus" "$directory/prometheus/tls"
for node in "$@"; do refuse_unwritable "$directory/$node"; done

make_directory "$directory/ca"
make_directory "$client"
# Prometheus runs as another user, so its files are readable to all. The directory above them keeps others away.
make_directory "$directory/prometheus"
make_directory "$directory/prometheus/tls"
chmod 755 "$directory/prometheus/tls"

make_ca peer-ca
make_ca client-ca
if [ ! -e "$client/root-token" ]; then
  openssl rand -hex 32 >"$client/root-token.new"
  give "$client_user" "$client/root-token.new"
  mv "$client/root-token.new" "$client/root-token"
fi
put "$client_user" 600 "$client" "$directory/ca/client-ca.pem"
issue "$client_user" client-ca "$client/client" extendedKeyUsage=clientAuth
put "$client_user" 644 "$directory/prometheus/tls" \
  "$client/root-token" "$client/client-ca.pem" "$client/client.pem" "$client/client.key"

for node in "$@"; do
  own=$directory/$node
  make_directory "$own"
  give $node_user "$own"
  issue $node_user peer-ca "$own/peer" "subjectAltName=DNS:$node" extendedKeyUsage=serverAuth,clientAuth
  issue $node_user client-ca "$own/server" "subjectAltName=DNS:$node,DNS:localhost,IP:127.0.0.1" \
    extendedKeyUsage=serverAuth
  put $node_user 600 "$own" "$directory/ca/peer-ca.pem" "$directory/ca/client-ca.pem" "$client/root-token"
done

case $(id -u) in
0 | $node_user) ;;
*) echo "With Compose, the nodes run as user $node_user and cannot read these files yet: run the script with sudo." ;;
esac
