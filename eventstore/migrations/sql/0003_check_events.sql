-- What must hold for new events, once for each statement that inserts, whatever the statement.
--
-- 1. A position lies between the floor that the transaction has published and the last one drawn.
--    One that was drawn before, or is brought by hand, would be outside the lock.
-- 2. An event's position is above that of the version before it. (Between the floor and the last
--    position drawn may lie some that others drew and did not use.) Nobody but a hand-made insert
--    comes below a version that is stored already; `manage.py verify` finds that.
-- 3. An event belongs to a stream of its tenant. This was a foreign key from (tenant_id, stream_id),
--    which cost as much as the insert itself (a trigger, a query and a row lock for each event), and
--    slept under `session_replication_role = replica`. What else it gave: nobody deletes a stream
--    that has events, or changes its key, also not at the same moment. The trigger
--    eventstore_stream_identity refuses both for every stream, so no row lock is needed against
--    it. And TRUNCATE of the streams took the events along, whose guard refused it: below, the
--    streams have that guard themselves.
--
-- An event whose predecessor is in the same statement is compared with that one. Only the others,
-- usually the first of each stream, look into the tables. They do so in scalar subqueries and
-- without a variable of the function: a join is planned once for each connection, badly if its
-- first insert was long or met empty tables (100 events then took 8 ms more), and a statement
-- with parameters may be planned again each time.

CREATE FUNCTION eventstore_check_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fault text;
BEGIN
    -- min: of several faults one is enough.
    SELECT min(CASE
        WHEN i.position <= (SELECT split_part(current_setting('eventstore.floor'), ':', 2)::bigint)
          OR i.position > (
              SELECT coalesce(pg_sequence_last_value('eventstore_event_position_seq'), 0)
          ) THEN 'position'
        WHEN i.version_before = i.version - 1 THEN
            CASE WHEN i.position < i.position_before THEN 'order' END
        WHEN i.tenant_id IS DISTINCT FROM (
            SELECT s.tenant_id FROM eventstore_stream AS s WHERE s.id = i.stream_id
        ) THEN 'stream'
        WHEN i.position < (
            SELECT e.position FROM eventstore_event AS e
            WHERE e.stream_id = i.stream_id AND e.version < i.version
            ORDER BY e.version DESC LIMIT 1
        ) THEN 'order'
    END)
    INTO fault
    FROM (
        SELECT stream_id, tenant_id, version, position,
               lag(version) OVER of_stream AS version_before,
               lag(position) OVER of_stream AS position_before
        FROM inserted
        WINDOW of_stream AS (PARTITION BY stream_id, tenant_id ORDER BY version)
    ) AS i;

    IF fault IS NULL THEN
        RETURN NULL;
    END IF;
    IF fault = 'stream' THEN
        RAISE EXCEPTION 'An event belongs to no stream of its tenant.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'eventstore_event_stream',
                  HINT = 'Insert the stream first, and give its events its tenant.';
    END IF;
    RAISE EXCEPTION '%', CASE fault WHEN 'position' THEN 'An event brought its own position.'
                                    ELSE 'An event would stand before its predecessor.' END
        USING ERRCODE = 'restrict_violation',
              HINT = 'Leave position out of the insert; its default draws the next one.';
END
$$;

CREATE TRIGGER eventstore_event_2_check_events
    AFTER INSERT ON eventstore_event
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_check_events();
ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_2_check_events;

CREATE TRIGGER eventstore_stream_stays
    BEFORE TRUNCATE ON eventstore_stream
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse_change();
ALTER TABLE eventstore_stream ENABLE ALWAYS TRIGGER eventstore_stream_stays;
