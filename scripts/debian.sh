# Sourced by install-*.sh: installs Debian packages as root, or says in one line what to install.
# shellcheck shell=sh

# Succeeds if one of these programs is installed.
have() { for name; do command -v "$name" >/dev/null 2>&1 && return 0; done; return 1; }

# install_missing WHAT: installs the packages that `missing` prints, and those that `also` prints for them. Starts no
# service. Exits with 1 if something is still missing.
install_missing() {
    packages=$(missing)
    [ -z "$packages" ] && return 0
    if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
        echo "freespan: $1 need ${packages% }: install what is missing (Debian: sudo apt install ${packages% }) and run this again." >&2
        exit 1
    fi

    echo "freespan: installing ${packages% } with apt" >&2
    export DEBIAN_FRONTEND=noninteractive
    # Some Debian packages start a public service; the tests start their own ones.
    no_services=/usr/sbin/policy-rc.d
    if [ ! -e "$no_services" ]; then
        trap 'rm -f "$no_services"' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' >"$no_services"
        chmod 755 "$no_services"
    fi
    # shellcheck disable=SC2046,SC2086 # several package names
    log=$({
        apt-get update -qq -o Acquire::Retries=3 &&
            apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 $packages $(also "$packages")
    } </dev/null 2>&1) || {
        printf '%s\n' "$log" | tail -n 20 >&2
        echo "freespan: apt could not install ${packages% }: see above." >&2
        exit 1
    }

    left=$(missing)
    [ -z "$left" ] || { echo "freespan: apt ran, but ${left% } cannot be found." >&2; exit 1; }
}

also() { :; }
