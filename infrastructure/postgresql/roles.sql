-- Who may do what with the results that hosts share. The owner of the database runs it once, when the tables are there
-- (`vexlab results upgrade` makes them); it may be run again:
--
--     psql -v ON_ERROR_STOP=1 -f roles.sql vexlab
--
-- The owner makes and upgrades the tables. Members of vexlab_writer add results: the hosts that run cases. Members of
-- vexlab_reader read: `vexlab serve`, `report`, `trend`. Give each person and host a role of its own:
--
--     CREATE ROLE lab1 LOGIN PASSWORD '…' IN ROLE vexlab_writer;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['vexlab_writer', 'vexlab_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO vexlab_writer, vexlab_reader;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO vexlab_writer, vexlab_reader;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO vexlab_writer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vexlab_writer;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM vexlab_writer;

-- Tables of later versions, which the owner makes.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO vexlab_writer, vexlab_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT, UPDATE, DELETE ON TABLES TO vexlab_writer;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO vexlab_writer;
