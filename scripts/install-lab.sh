#!/bin/sh
# Installs Debian packages that the lab needs besides browsers.
set -u
. "$(dirname "$0")/debian.sh"

missing() {
    have ip || printf 'iproute2 '
    have nft || printf 'nftables '
    have setpriv || printf 'util-linux '
    have turnserver || printf 'coturn '
}

install_missing "the networks of the lab"

# Otherwise the service would start with the machine.
case "$packages" in *coturn*) systemctl disable coturn >/dev/null 2>&1 || true ;; esac
