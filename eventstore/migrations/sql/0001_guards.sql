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

-- An event belongs to its stream's tenant: the key that it refers to contains both.
ALTER TABLE eventstore_event
    ADD CONSTRAINT eventstore_event_stream FOREIGN KEY (tenant_id, stream_id)
    REFERENCES eventstore_stream (tenant_id, id);

ALTER TABLE eventstore_event ADD CONSTRAINT eventstore_event_version_from_1 CHECK (version >= 1);
