#!/bin/sh
# What the lab needs beside the tests' browsers, from Debian: `install-lab.sh`, as root. Says in one line what is missing otherwise.
set -u

have() { command -v "$1" >/dev/null 2>&1; }

missing() {
    have ip || printf 'iproute2 '
    have nft || printf 'nftables '
    have setpriv || printf 'util-linux '
}

packages=$(missing)
[ -z "$packages" ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "freespan: the lab needs ${packages% } (Debian: sudo apt install ${packages% })." >&2
    exit 1
fi

echo "freespan: installing ${packages% } with apt" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # several package names
log=$({
    apt-get update -qq -o Acquire::Retries=3 &&
        apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 $packages
} </dev/null 2>&1) || {
    printf '%s\n' "$log" | tail -n 20 >&2
    echo "freespan: apt could not install ${packages% }: see above." >&2
    exit 1
}

packages=$(missing)
[ -z "$packages" ] || { echo "freespan: apt ran, but ${packages% } cannot be found." >&2; exit 1; }
