-- Events are facts: nothing updates, deletes or truncates them, also not from psql.
-- Statement triggers, because row triggers do not see TRUNCATE; ENABLE ALWAYS, because
-- `session_replication_role = replica` switches ordinary triggers off.

CREATE FUNCTION eventstore_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Events are facts: % of % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'Append an event that corrects the earlier one.';
END
$$;

CREATE TRIGGER eventstore_event_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON eventstore_event
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse_change();
ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_append_only;

-- A stream stays, and keeps its identity. (The foreign key below sleeps under
-- `session_replication_role = replica`, this does not. TRUNCATE must cascade to the events.)
CREATE FUNCTION eventstore_refuse_stream_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A stream stays what it is: % of its row is refused.', TG_OP
        USING ERRCODE = 'restrict_violation',
              HINT = 'Only its version, head, status and incarnation change, by appends and boxes.';
END
$$;

CREATE TRIGGER eventstore_stream_identity
    BEFORE DELETE OR UPDATE OF id, tenant_id, category, aggregate_id
    ON eventstore_stream
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse_stream_change();
ALTER TABLE eventstore_stream ENABLE ALWAYS TRIGGER eventstore_stream_identity;

-- An event belongs to its stream's tenant: the key that it refers to contains both.
-- (The foreign key is replaced by 0003_check_events.sql.)
ALTER TABLE eventstore_event
    ADD CONSTRAINT eventstore_event_stream FOREIGN KEY (tenant_id, stream_id)
    REFERENCES eventstore_stream (tenant_id, id);

ALTER TABLE eventstore_event ADD CONSTRAINT eventstore_event_version_from_1 CHECK (version >= 1);
