#!/bin/sh
# Runs once, in a new volume of the public side's own server, as the superuser: three roles with passwords, the database.
# public_web serves, public_ferry makes and takes the files that are carried; neither owns a table.
set -eu

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v owner_password="$OWNER_DB_PASSWORD" -v public_password="$PUBLIC_DB_PASSWORD" \
    -v ferry_password="$FERRY_DB_PASSWORD" <<'SQL'
CREATE ROLE owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE public_web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'public_password';
CREATE ROLE public_ferry LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'ferry_password';
CREATE DATABASE app OWNER owner;
REVOKE ALL ON DATABASE app FROM PUBLIC;
GRANT CONNECT ON DATABASE app TO public_web, public_ferry;
SQL
