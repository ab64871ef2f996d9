#!/bin/sh
# Starts Redis with one user per service and nothing for anyone else: keys and channels begin with the service's name.
# Used by the local runs, the tests and the image alike. Reads, for each service, <SERVICE>_REDIS_PASSWORD, and
#   REDIS_BIND  address to listen on (127.0.0.1)      REDIS_PORT  (6379)
#   REDIS_DIRECTORY  keep the data there; left out, nothing is kept
#   REDIS_ADMIN_PASSWORD  adds the user "admin"; left out, there is none
set -eu

digest() {
  if command -v sha256sum > /dev/null; then printf %s "$1" | sha256sum; else printf %s "$1" | shasum -a 256; fi | cut -d ' ' -f 1
}

password_of() {
  eval "password=\${$1:-}"
  [ -n "$password" ] || { echo "infra/redis/start.sh: $1 is not set" >&2; exit 1; }
  digest "$password"
}

# Left out on top of what can harm the server: commands that show or change what belongs to all, like the names of
# other services' keys (SCAN, RANDOMKEY, PUBSUB) and shared code (FUNCTION, SCRIPT FLUSH). INFO is what clients ask first.
rules='+@all -@dangerous -@admin +info -scan -randomkey -dbsize -pubsub -function -script|flush -script|kill -select -move -copy'

# Nobody can be the user "default". It may do everything all the same, because a start replays transactions and scripts of
# the append-only file as this user: what it may not do is left out there without a word.
configuration() {
  cat << END
bind ${REDIS_BIND:-127.0.0.1}
port ${REDIS_PORT:-6379}
protected-mode no
maxmemory-policy noeviction
save ""
user default off ~* &* +@all
END
  for service in identity-broker mcp-provider tool-invoker device-auth; do
    hash=$(password_of "$(printf %s "$service" | tr 'a-z-' 'A-Z_')_REDIS_PASSWORD")
    echo "user $service on #$hash ~$service:* &$service:* $rules"
  done
  if [ -n "${REDIS_ADMIN_PASSWORD:-}" ]; then
    echo "user admin on #$(digest "$REDIS_ADMIN_PASSWORD") ~* &* +@all"
  fi
  if [ -n "${REDIS_DIRECTORY:-}" ]; then
    echo "dir $REDIS_DIRECTORY"
    echo 'appendonly yes'
  fi
}

text=$(configuration)
exec redis-server - << END
$text
END
