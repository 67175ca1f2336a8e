#!/bin/sh
# What the lab needs beside the tests' browsers, from Debian: `install-lab.sh`, as root. Says in one line what is missing otherwise.
set -u

have() { command -v "$1" >/dev/null 2>&1; }

missing() {
    have ip || printf 'iproute2 '
    have nft || printf 'nftables '
    have setpriv || printf 'util-linux '
    have turnserver || printf 'coturn '
}

packages=$(missing)
[ -z "$packages" ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "freespan: the lab needs ${packages% } (Debian: sudo apt install ${packages% })." >&2
    exit 1
fi

echo "freespan: installing ${packages% } with apt" >&2
export DEBIAN_FRONTEND=noninteractive
# Debian starts a TURN server, open to all, when it installs coturn: the lab starts its own one, and nobody else asked for any.
no_services=/usr/sbin/policy-rc.d
if [ ! -e "$no_services" ]; then
    trap 'rm -f "$no_services"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$no_services"
    chmod 755 "$no_services"
fi
# shellcheck disable=SC2086 # several package names
log=$({
    apt-get update -qq -o Acquire::Retries=3 &&
        apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 $packages
} </dev/null 2>&1) || {
    printf '%s\n' "$log" | tail -n 20 >&2
    echo "freespan: apt could not install ${packages% }: see above." >&2
    exit 1
}

# with the next start of the machine it would be there again
case "$packages" in *coturn*) systemctl disable coturn >/dev/null 2>&1 || true ;; esac

packages=$(missing)
[ -z "$packages" ] || { echo "freespan: apt ran, but ${packages% } cannot be found." >&2; exit 1; }
