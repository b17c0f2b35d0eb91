#!/bin/sh
# Runs once, in a new volume, as the superuser: three roles with passwords, the extensions, the database.
# The superuser is used by nobody else. template1 gets the extensions too, for databases that owner makes (restores).
set -eu

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v owner_password="$OWNER_DB_PASSWORD" -v web_password="$WEB_DB_PASSWORD" \
    -v public_password="$PUBLIC_DB_PASSWORD" <<'SQL'
CREATE ROLE owner LOGIN CREATEDB NOSUPERUSER NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'web_password';
CREATE ROLE public_web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'public_password';
GRANT pg_monitor TO owner;
\connect template1
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS btree_gin;
GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO owner;
-- Whoever may lock holds up all that waits for the same lock: taking registrations in, imports, changes of the tree.
DO $$ DECLARE one regprocedure; BEGIN
    FOR one IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_' LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO owner, web', one);
    END LOOP;
END $$;
CREATE DATABASE app OWNER owner;
REVOKE ALL ON DATABASE app FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE app TO web;
GRANT CONNECT ON DATABASE app TO public_web;
SQL
