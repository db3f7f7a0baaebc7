-- The exceptions to "events are facts": boxing, and the end of a tenant. A transaction may delete
-- all events of a stream at once when it has registered a box of just these, and insert them again
-- when it has marked that box as unboxed. The registry's rows name their transactions by id, which
-- nobody brings by chance; that the file holds the events was verified by who registered it.

DROP TRIGGER eventstore_event_append_only ON eventstore_event;
CREATE TRIGGER eventstore_event_append_only
    BEFORE UPDATE OR TRUNCATE ON eventstore_event
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse_change();
ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_append_only;

-- Whether this transaction removes the tenant: it says so, and nobody can use the tenant any more.
CREATE FUNCTION eventstore_is_being_removed(tenant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('eventstore.removed_tenant', true), '')
               = pg_current_xact_id()::text || ':' || tenant
       AND EXISTS (SELECT FROM eventstore_tenant AS t WHERE t.id = tenant AND NOT t.active)
$$;

CREATE FUNCTION eventstore_check_deleted_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (
            SELECT stream_id, tenant_id, count(*) AS events, max(version) AS last_version,
                   min(position) AS first_position, max(position) AS last_position
            FROM deleted GROUP BY stream_id, tenant_id
        ) AS d
        WHERE NOT eventstore_is_being_removed(d.tenant_id) AND NOT EXISTS (
            SELECT FROM eventstore_box AS b
            WHERE b.stream_id = d.stream_id AND b.tenant_id = d.tenant_id
              AND b.unboxed_at IS NULL AND b.boxed_in = pg_current_xact_id()::text::bigint
              AND b.event_count = d.events AND b.last_version = d.last_version
              AND b.first_position = d.first_position AND b.last_position = d.last_position)
    ) THEN
        RAISE EXCEPTION 'Events are facts: % of % is refused.', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Append an event that corrects the earlier one, or box the stream: '
                         'manage.py box.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER eventstore_event_only_boxed
    AFTER DELETE ON eventstore_event
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_check_deleted_events();
ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_only_boxed;

-- As in 0003_check_events.sql, which tells what is checked and why in this form; new is what
-- follows a position that was brought: whoever unboxes brings those that the events had.
CREATE OR REPLACE FUNCTION eventstore_check_events() RETURNS trigger LANGUAGE plpgsql AS $$
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
            SELECT s.tenant_id FROM eventstore_stream AS s
            WHERE s.id = i.stream_id AND s.status = 'active'
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

    -- All events of a stream at once, as they were: then their order is that of before.
    IF fault = 'position' AND NOT EXISTS (
        SELECT FROM (
            SELECT stream_id, tenant_id, count(*) AS events, max(version) AS last_version,
                   min(position) AS first_position, max(position) AS last_position
            FROM inserted GROUP BY stream_id, tenant_id
        ) AS i
        WHERE NOT EXISTS (
            SELECT FROM eventstore_box AS b
            WHERE b.stream_id = i.stream_id AND b.tenant_id = i.tenant_id
              AND b.unboxed_in = pg_current_xact_id()::text::bigint
              AND b.event_count = i.events AND b.last_version = i.last_version
              AND b.first_position = i.first_position AND b.last_position = i.last_position
              AND b.last_position <= pg_sequence_last_value('eventstore_event_position_seq'))
    ) THEN
        fault := NULL;
    END IF;

    IF fault IS NULL THEN
        RETURN NULL;
    END IF;
    IF fault = 'stream' THEN
        RAISE EXCEPTION 'An event belongs to no stream of its tenant.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'eventstore_event_stream',
                  HINT = 'Insert the stream first, and give its events its tenant. One in a box '
                         'takes none.';
    END IF;
    RAISE EXCEPTION '%', CASE fault WHEN 'position' THEN 'An event brought its own position.'
                                    ELSE 'An event would stand before its predecessor.' END
        USING ERRCODE = 'restrict_violation',
              HINT = 'Leave position out of the insert; its default draws the next one.';
END
$$;

-- A stream stays, and keeps its identity, until its tenant is removed: then, and only in the
-- transaction that says so, go the streams of that tenant, of which no event is left.
DROP TRIGGER eventstore_stream_identity ON eventstore_stream;
CREATE TRIGGER eventstore_stream_identity
    BEFORE UPDATE OF id, tenant_id, category, aggregate_id
    ON eventstore_stream
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse_stream_change();
ALTER TABLE eventstore_stream ENABLE ALWAYS TRIGGER eventstore_stream_identity;

CREATE FUNCTION eventstore_check_deleted_streams() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM deleted AS d
        WHERE NOT eventstore_is_being_removed(d.tenant_id)
           OR EXISTS (SELECT FROM eventstore_event AS e WHERE e.stream_id = d.id)
    ) THEN
        RAISE EXCEPTION 'A stream stays what it is: % of its row is refused.', TG_OP
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Streams go with their tenant: manage.py remove_tenant.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER eventstore_stream_only_with_its_tenant
    AFTER DELETE ON eventstore_stream
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_check_deleted_streams();
ALTER TABLE eventstore_stream ENABLE ALWAYS TRIGGER eventstore_stream_only_with_its_tenant;
