#!/bin/sh
# Finds what the browser tests drive, and nginx with the modules that others start. Where Debian's
# packages may be installed, it installs what is missing. Tests that still cannot run are skipped,
# so this never fails.
set -u

first_of() {
  for name in "$@"; do
    # Debian keeps nginx where an ordinary user's PATH does not lead.
    PATH="$PATH:/usr/sbin:/sbin" command -v "$name" && return
  done
  return 1
}

find_browser() { first_of chromium chromium-browser google-chrome google-chrome-stable; }
find_nginx() { first_of nginx; }
# What signs requests to a bucket (deploy/bucket).
find_njs() { ls /usr/lib/nginx/modules/ngx_http_js_module.so 2>/dev/null; }

# What live streams come in by (deploy/rtmp.conf).
find_rtmp() { ls /usr/lib/nginx/modules/ngx_rtmp_module.so 2>/dev/null; }

# Prints what has to stand before a command for it to run as root; fails if that cannot be had.
as_root() {
  [ "$(id -u)" -eq 0 ] && return
  command -v sudo >/dev/null && sudo -n true 2>/dev/null && echo "sudo -n"
}

install_packages() {
  command -v apt-get >/dev/null || { echo "There is no apt-get here to install $* with."; return 1; }
  root=$(as_root) || { echo "Installing $* needs root, or sudo without a password."; return 1; }
  echo "Installing $* with apt-get ..."
  log=$(mktemp) || return 1
  # shellcheck disable=SC2086 # $root is nothing, or two words
  $root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update && apt-get install --yes --no-install-recommends "$@"' sh "$@" \
    >"$log" 2>&1 </dev/null
  status=$?
  [ "$status" -eq 0 ] || { echo "apt-get could not:"; tail -n 5 "$log"; }
  rm -f "$log"
  return "$status"
}

missing=""
find_browser >/dev/null || missing="chromium"
find_nginx >/dev/null || missing="$missing nginx-light"
find_njs >/dev/null || missing="$missing libnginx-mod-http-js"
find_rtmp >/dev/null || missing="$missing libnginx-mod-rtmp"
# shellcheck disable=SC2086 # a list of words
[ -z "$missing" ] || install_packages $missing

echo "Browser: $(find_browser || echo "none; browser tests will be skipped")"
echo "nginx:   $(find_nginx || echo "none; tests of deploy/nginx.conf will be skipped")"
echo "njs:     $(find_njs || echo "none; tests of deploy/bucket will be skipped")"
echo "rtmp:    $(find_rtmp || echo "none; tests of deploy/rtmp.conf will be skipped")"
exit 0
