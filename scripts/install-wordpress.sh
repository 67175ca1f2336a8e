#!/bin/sh
# What the tests of the WordPress plugin need beside their browsers, from Debian: `install-wordpress.sh`, as root. Nothing of it is
# started, now or at the next boot: the tests run WordPress themselves, on loopback. Says in one line what is missing otherwise.
set -u

have() { command -v "$1" >/dev/null 2>&1; }

missing() {
    [ -f /usr/share/wordpress/wp-load.php ] || printf 'wordpress '
    [ -d /usr/share/wordpress/wp-content/themes/twentytwentythree ] || printf 'wordpress-theme-twentytwentythree '
    have php || printf 'php-cli '
    php_has mysqli || printf 'php-mysql '
    php_has dom || printf 'php-xml '
    php_has mbstring || printf 'php-mbstring '
    have xgettext || printf 'gettext '
    # the program alone, without the service that `mariadb-server` sets up
    [ -x /usr/sbin/mariadbd ] || printf 'mariadb-server-core '
}

php_has() { have php && php -m | grep -qx "$1"; }

packages=$(missing)
[ -z "$packages" ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "freespan: the tests of the WordPress plugin need ${packages% } (Debian: sudo apt install ${packages% })." >&2
    exit 1
fi

echo "freespan: installing ${packages% } with apt" >&2
export DEBIAN_FRONTEND=noninteractive
no_services=/usr/sbin/policy-rc.d
if [ ! -e "$no_services" ]; then
    trap 'rm -f "$no_services"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$no_services"
    chmod 755 "$no_services"
fi
# The wordpress package asks for some web server and some PHP in it. These two are small, and mini-httpd stays off until somebody turns it on.
case "$packages" in *wordpress\ *) packages="$packages mini-httpd php-cgi php" ;; esac
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
