#!/bin/sh
# Installs the Debian packages of web servers that stand in front of a host in the tests. None of their services is
# started, now or at the next boot: the tests run the servers themselves, on loopback.
set -u
. "$(dirname "$0")/debian.sh"

missing() {
    have nginx || printf 'nginx-light '
    have apache2 || printf 'apache2 '
    have haproxy || printf 'haproxy '
    have caddy || printf 'caddy '
}

also() { :; }

install_missing "the tests of reverse proxies"
