#!/bin/sh
# The tests open real browsers: installs Debian's Chromium and Firefox where they are missing.
set -u
. "$(dirname "$0")/debian.sh"

missing() {
    have chromium chromium-browser google-chrome || printf 'chromium '
    have firefox-esr firefox || printf 'firefox-esr '
}

# Without any font a browser draws boxes, which looks bad in screenshots.
beside() { printf 'fonts-dejavu-core'; }

install_missing "the tests"
