#!/usr/bin/env bash
# Chromium and Chinese fonts for the browser tests, from Debian; called by `make install`.
# The hub itself needs neither, so a machine without them is told, not refused, unless
# SUTONG_REQUIRE_SERVICES=1 says that a missing service is a failure.
set -euo pipefail

missing() {
    command -v chromium >/dev/null || echo chromium
    if ! command -v fc-list >/dev/null || [ -z "$(fc-list :lang=zh family 2>/dev/null)" ]; then
        echo fonts-noto-cjk fontconfig
    fi
}

wanted=$(missing | tr '\n' ' ')
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing from Debian: $wanted..."
    apt-get update -qq </dev/null || true
    # shellcheck disable=SC2086  # a list of package names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted \
        </dev/null >/dev/null || true
    wanted=$(missing | tr '\n' ' ')
    [ -n "$wanted" ] || exit 0
fi

echo "Browser tests will be skipped: missing $wanted(Debian: sudo apt-get install --no-install-recommends $wanted)" >&2
[ "${SUTONG_REQUIRE_SERVICES:-}" != 1 ]
