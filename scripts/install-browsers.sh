#!/bin/sh
# Installs Debian's Chromium and Firefox, which the tests use, where they are missing.
set -u
. "$(dirname "$0")/debian.sh"

missing() {
    have chromium chromium-browser google-chrome || printf 'chromium '
    have firefox-esr firefox || printf 'firefox-esr '
}

# Without any font a browser draws boxes, also in screenshots.
also() { printf 'fonts-dejavu-core'; }

install_missing "the tests"
