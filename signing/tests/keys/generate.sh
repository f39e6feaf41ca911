#!/usr/bin/env bash
# Makes the keys and certificates of the tests anew. They protect nothing.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ec() { openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$1" -out "$2"; }
ec P-256 one.pem
ec P-256 other.pem
ec P-384 p384.pem
openssl genpkey -algorithm ED25519 -out ed25519.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem
openssl ecparam -name prime256v1 -genkey -out sec1.pem
openssl pkey -in one.pem -aes256 -passout pass:secret -out encrypted.pem

root() { # NAME CURVE
    ec "$2" "$work/$1.key"
    openssl req -x509 -new -key "$work/$1.key" -subj "/CN=$1" -days 36500 -out "$1.crt" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
}
issue() { # NAME KEY ISSUER ISSUER-KEY EXTENSIONS
    openssl req -new -key "$2" -subj "/CN=$1" -out "$work/$1.csr"
    printf '%b' "$5" > "$work/$1.ext"
    openssl x509 -req -in "$work/$1.csr" -CA "$3.crt" -CAkey "$4" -days 36500 \
        -extfile "$work/$1.ext" -out "$1.crt"
}
ca="basicConstraints=critical,CA:TRUE\n"
entity="basicConstraints=critical,CA:FALSE\n"
signs="keyUsage=critical,digitalSignature\n"
root root P-256
root otherroot P-384
issue intermediate p384.pem root "$work/root.key" "${ca}keyUsage=critical,keyCertSign\n"
issue revoker p384.pem root "$work/root.key" "${ca}keyUsage=critical,cRLSign\n"
issue leaf one.pem intermediate p384.pem \
    "${entity}${signs}subjectAltName=email:release@example.com,URI:https://example.com/release\n"
issue direct one.pem root "$work/root.key" "${entity}extendedKeyUsage=codeSigning\n"
issue server one.pem root "$work/root.key" "${entity}${signs}extendedKeyUsage=serverAuth\n"
issue nousage one.pem root "$work/root.key" "${entity}"
issue encipher one.pem root "$work/root.key" "${entity}keyUsage=critical,keyEncipherment\n"
issue byother one.pem otherroot "$work/otherroot.key" "${entity}${signs}"
issue byrevoker one.pem revoker p384.pem "${entity}${signs}"
issue byleaf other.pem leaf one.pem "${entity}${signs}"
