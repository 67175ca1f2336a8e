#!/bin/sh
# The tests open real browsers. Installs Debian's Chromium and Firefox where they are missing and the user is root;
# otherwise says in one line what to install. Exit 1 if a browser is still missing.
set -u

have() { for name; do command -v "$name" >/dev/null 2>&1 && return 0; done; return 1; }

missing() {
    have chromium chromium-browser google-chrome || printf 'chromium '
    have firefox-esr firefox || printf 'firefox-esr '
}

packages=$(missing)
[ -z "$packages" ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "freespan: the tests need a browser that is missing here: install ${packages% } (Debian: sudo apt install ${packages% }) and run this again." >&2
    exit 1
fi

echo "freespan: installing ${packages% } with apt" >&2
export DEBIAN_FRONTEND=noninteractive
# fonts-dejavu-core: without any font a browser draws boxes, which looks bad in screenshots.
# shellcheck disable=SC2086 # several package names
log=$({
    apt-get update -qq -o Acquire::Retries=3 &&
        apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 $packages fonts-dejavu-core
} </dev/null 2>&1) || {
    printf '%s\n' "$log" | tail -n 20 >&2
    echo "freespan: apt could not install ${packages% }: see above." >&2
    exit 1
}

packages=$(missing)
[ -z "$packages" ] || { echo "freespan: apt ran, but ${packages% } cannot be found." >&2; exit 1; }
