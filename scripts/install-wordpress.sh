#!/bin/sh
# What the tests of the WordPress plugin need beside their browsers, from Debian. Nothing of it is started, now or at the next boot:
# the tests run WordPress themselves, on loopback.
set -u
. "$(dirname "$0")/debian.sh"

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

# The wordpress package asks for some web server and some PHP in it. These two are small, and mini-httpd stays off until somebody turns it on.
beside() { case "$1" in *wordpress\ *) printf 'mini-httpd php-cgi php' ;; esac; }

install_missing "the tests of the WordPress plugin"
