-- A role that reads everything of one challenge, changes nothing, and is cut off when it overstays.
--
--     psql "$COORDINATOR_DATABASE_URL" --set role=analyst --file deploy/analyst-role.sql
--
-- Run it as the owner of the tables. It can be run again. docs/analysts.md says more.

\set ON_ERROR_STOP on
\if :{?role}
\else
    \set role analyst
\endif

BEGIN;

SELECT format('CREATE ROLE %I NOLOGIN', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec

ALTER ROLE :"role" SET default_transaction_read_only = on;
ALTER ROLE :"role" SET statement_timeout = '30s';
ALTER ROLE :"role" SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE :"role" SET idle_session_timeout = '15min';
ALTER ROLE :"role" SET work_mem = '16MB';

-- Whatever it was given before, from here on it reads.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"role";
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'role') \gexec
GRANT USAGE ON SCHEMA public TO :"role";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"role";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO :"role";

COMMIT;
