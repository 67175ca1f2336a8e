#!/bin/sh
# What the lab needs beside the tests' browsers, from Debian.
set -u
. "$(dirname "$0")/debian.sh"

missing() {
    have ip || printf 'iproute2 '
    have nft || printf 'nftables '
    have setpriv || printf 'util-linux '
    have turnserver || printf 'coturn '
}

install_missing "the networks of the lab"

# with the next start of the machine it would be there again
case "$packages" in *coturn*) systemctl disable coturn >/dev/null 2>&1 || true ;; esac
