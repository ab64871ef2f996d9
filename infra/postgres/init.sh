#!/bin/sh
# Provisions the database that libpq's own variables (PGHOST, PGUSER, PGPASSWORD, PGDATABASE …) point to.
# Reads <SERVICE>_DATABASE_PASSWORD for each service.
set -eu

options='-c client_min_messages=warning'
for role in identity_broker mcp_provider tool_invoker device_auth; do
  variable=$(printf %s "$role" | tr a-z A-Z)_DATABASE_PASSWORD
  eval "password=\${$variable:-}"
  [ -n "$password" ] || { echo "infra/postgres/init.sh: $variable is not set" >&2; exit 1; }
  # libpq splits the options at spaces, and a backslash keeps the next character.
  escaped=$(printf %s "$password" | sed 's/[\\ ]/\\&/g')
  options="$options -c onbehalf.${role}_password=$escaped"
done

PGOPTIONS=$options exec psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file "$(dirname "$0")/provision.sql"
