#!/bin/sh
# Installs Debian packages that the tests of the WordPress plugin need besides browsers. None of their services is started,
# now or at the next boot: the tests run WordPress themselves, on loopback.
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
    # The program alone, without the service that `mariadb-server` sets up.
    [ -x /usr/sbin/mariadbd ] || printf 'mariadb-server-core '
}

php_has() { have php && php -m | grep -qx "$1"; }

# The package wordpress depends on a web server with PHP. This one is small, and stays off until it is enabled.
also() { case "$1" in *wordpress\ *) printf 'mini-httpd php-cgi php' ;; esac; }

install_missing "the tests of the WordPress plugin"
