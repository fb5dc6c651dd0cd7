-- Rights in the database, to run as its owner after the first migration and after each one: psql -d binfen -f roles.sql
--
-- `binfen_owner` owns the tables and migrates. `binfen` serves: it may neither change the schema nor switch a trigger off, and
-- of what is only ever added to (the ledger, the scans, the log of operators' deeds …) it may change and delete nothing, whatever a
-- statement says. The database's triggers refuse that too, to everybody.
GRANT USAGE ON SCHEMA public TO binfen;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO binfen;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM binfen;

DO $$
DECLARE added_to text;
BEGIN
    FOR added_to IN
        SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%\_is\_append\_only'
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM binfen', added_to);
    END LOOP;
END $$;

-- Who makes snapshots locks the last one of a town, which takes the right to change a column; the trigger refuses the change.
GRANT UPDATE (town_id) ON monitor_snapshot TO binfen;
