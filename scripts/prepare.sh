#!/bin/sh
# Installs what the demo and the tests need and this machine lacks: npm packages always, Debian packages where we are root and apt is there.
# usage: scripts/prepare.sh [DEBIAN-PACKAGE...]
set -eu
cd "$(dirname "$0")/.."

if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund
fi

missing=''
for package in "$@"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "prepare: these packages are missing, and only root on Debian or Ubuntu can install them here:$missing" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Where a package has another name or does not exist, the others still help.
apt-get install -y -qq --no-install-recommends $missing >/dev/null || for package in $missing; do
  apt-get install -y -qq --no-install-recommends "$package" >/dev/null || echo "prepare: no package $package here" >&2
done
