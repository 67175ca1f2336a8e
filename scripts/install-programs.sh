#!/bin/sh
# Gets what `make programs-test` runs: Debian packages, clients of Python and Node.js in folders of their own, and the
# source of curl with its test data and test server. Nothing of it is kept in the repository. What cannot be had here is
# said in one line, and its tests are skipped.
set -u
. "$(dirname "$0")/debian.sh"
cd "$(dirname "$0")/.." || exit 1

programs=$PWD/build/programs
mkdir -p "$programs"

lacking() { echo "freespan: without $1: $2" >&2; }

missing() {
    have curl || printf 'curl '
    have wget || printf 'wget '
    have git || printf 'git '
    have aria2c || printf 'aria2 '
    have ffmpeg || printf 'ffmpeg '
    have mpv || printf 'mpv '
    have go || printf 'golang-go '
    have node || printf 'nodejs '
    have npm || printf 'npm '
    have cc || printf 'gcc libc6-dev '
    have make || printf 'make '
    have tinyproxy || printf 'tinyproxy-bin '
}

# In a shell of its own, since it exits where it cannot install.
(install_missing "the programs of others") || lacking "some programs" "the tests of those that are there run"

# The clients of Python, and the suites of those that have one in their source distribution.
suites="urllib3 requests httpx"
if [ ! -e "$programs/venv/.setup" ]; then
    echo "freespan: filling build/programs/venv with pip" >&2
    rm -rf "$programs/venv" "$programs/suites"
    .venv/bin/python -m venv "$programs/venv" &&
        "$programs/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            h11 aiohttp aiohttp-socks 'requests[socks]' 'httpx[socks,http2]' 'urllib3[socks]' wheel setuptools \
            pytest pytest-httpbin pytest-mock pytest-socket pytest-timeout hypercorn quart quart-trio trio trustme \
            uvicorn chardet cryptography click rich pygments 'zstandard' brotli &&
        for suite in $suites; do
            version=$("$programs/venv/bin/python" -c "from importlib.metadata import version; print(version('$suite'))")
            "$programs/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
                --no-binary "$suite" --dest "$programs/suites" "$suite==$version" &&
                mkdir -p "$programs/suites/$suite" &&
                tar -xzf "$programs/suites/$suite-$version.tar.gz" -C "$programs/suites/$suite" --strip-components 1
        done &&
        touch "$programs/venv/.setup" ||
        lacking "the client libraries of Python" "pip could not install them"
fi

# Node's own HTTP client, of the line that fits this Node.js.
if [ ! -d "$programs/node/node_modules/undici" ]; then
    mkdir -p "$programs/node"
    npm install --prefix "$programs/node" --silent --no-audit --no-fund --ignore-scripts undici@7 >/dev/null 2>&1 ||
        lacking "undici" "npm could not install it"
fi

# The index of the distribution that the installed curl comes from, asked for sources in a place of its own, so that
# the settings of the machine stay as they are.
fetch_curl() {
    state=$programs/apt
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" &&
        apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        grep -E '/(debian|debian-security|ubuntu)/? ' | sort -u >"$state/sources.list" &&
        cd "$state" && set -- -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" -o APT::Sandbox::User=root &&
        apt-get "$@" -qq update && apt-get "$@" -qq source --download-only curl &&
        rm -rf "$programs/curl" && mkdir "$programs/curl" &&
        tar -xf "$(find . -name 'curl_*.orig.tar.*' ! -name '*.asc')" -C "$programs/curl" --strip-components 1
}

# sws is a small program of its own, and needs none of the libraries that curl is built with.
build_sws() {
    cd "$programs/curl" && if [ ! -x configure ]; then autoreconf -fi; fi &&
        ./configure --quiet --disable-shared --disable-manual --disable-ldap --without-ssl --without-zlib \
            --without-brotli --without-zstd --without-libpsl --without-nghttp2 --without-libidn2 &&
        make -s -C tests/server sws
}

if [ ! -x "$programs/curl/tests/server/sws" ]; then
    echo "freespan: building curl's test server in build/programs/curl" >&2
    (fetch_curl && build_sws) >"$programs/curl.log" 2>&1 ||
        lacking "curl's own test data" "its source could not be had or built: build/programs/curl.log"
fi
exit 0
