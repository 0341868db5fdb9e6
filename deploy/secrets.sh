#!/bin/sh
# Makes .env from .env.example if there is none, and fills in each secret that is empty there.
# Running it again changes nothing: another EDGE_SECRET ends all playback links, another
# JWT_SECRET_KEY all sessions, another PASSWORD_PEPPER all passwords.
set -eu
cd "$(dirname "$0")/.."
umask 077

[ -e .env ] || cp .env.example .env
for name in JWT_SECRET_KEY EDGE_SECRET PASSWORD_PEPPER; do
  if grep -q "^$name=." .env; then
    echo "$name is there already."
    continue
  fi
  value=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
  line="$name=$value" name=$name awk '
    index($0, ENVIRON["name"] "=") == 1 { print ENVIRON["line"]; replaced = 1; next }
    { print }
    END { if (!replaced) print ENVIRON["line"] }
  ' .env >.env.new
  mv .env.new .env
  echo "$name is new, in .env."
done
