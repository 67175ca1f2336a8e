#!/bin/sh
# Collects the plugin's texts for translators into its .pot file, or into FILE: `wordpress_strings.sh [FILE]`. Needs gettext.
set -eu

to=$(realpath -m "${1:-$(dirname "$0")/../wordpress/freespan-switch/languages/freespan-switch.pot}")
cd "$(dirname "$0")/../wordpress/freespan-switch"

# Locations are left out, since they change with every line; so is the date.
find . -name '*.php' | LC_ALL=C sort | xgettext --files-from=- --language=PHP --from-code=UTF-8 --no-location --sort-output \
    --keyword=__ --keyword=esc_html__ --keyword=esc_html_e --add-comments=translators: \
    --package-name='freespan switch' --output=- |
    sed -e '/^"POT-Creation-Date/d' -e '/^# /d' -e '/^#$/d' -e 's/charset=CHARSET/charset=UTF-8/' >"$to"
