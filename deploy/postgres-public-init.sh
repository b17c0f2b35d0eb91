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
\connect app
-- Whoever may lock holds up the files that are carried.
DO $$ DECLARE one regprocedure; BEGIN
    FOR one IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_' LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO owner, public_ferry', one);
    END LOOP;
END $$;
SQL
