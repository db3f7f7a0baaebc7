-- Replaced by 0003_high_water_mark.sql and 0003_check_events.sql.
--
-- The writer's half of the high-water mark (DESIGN section 5). A reader may pass a position only
-- once every transaction that could still commit a lower one has ended. So each transaction,
-- before it draws its first position, publishes the last position drawn so far: a shared advisory
-- lock whose key says "all that I shall write lies above this". Readers find the lowest such key
-- in pg_locks. The lock and the remembered setting both end with the transaction, and both go
-- when the savepoint in which they were made is rolled back.

CREATE FUNCTION eventstore_publish_floor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    floor bigint;
    this_transaction text := pg_current_xact_id()::text;
BEGIN
    -- Once per transaction: a lock per statement fills the lock table of the whole server.
    -- The setting names its transaction, so that a session's `SET eventstore.floor` hides nothing.
    IF split_part(current_setting('eventstore.floor', true), ':', 1) = this_transaction THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Events are appended under READ COMMITTED, not %.',
            upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'invalid_transaction_state',
                  HINT = 'Under another level a version conflict would go unseen.';
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        RAISE EXCEPTION 'Events are not appended with synchronous_commit = off.'
            USING ERRCODE = 'invalid_transaction_state',
                  HINT = 'An acknowledged command could be lost in a crash. Set it to on.';
    END IF;
    SELECT last_value - (NOT is_called)::int INTO floor FROM eventstore_event_position_seq;
    PERFORM pg_advisory_xact_lock_shared((3499::bigint << 48) | floor);
    PERFORM set_config('eventstore.floor', this_transaction || ':' || floor, true);
    RETURN NULL;
END
$$;

CREATE TRIGGER eventstore_event_1_publish_floor
    BEFORE INSERT ON eventstore_event
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_publish_floor();
ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_1_publish_floor;

-- A position drawn before the floor was published, or brought by hand, would be outside the lock.
CREATE FUNCTION eventstore_check_positions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    floor bigint := split_part(current_setting('eventstore.floor'), ':', 2)::bigint;
    ceiling bigint;
BEGIN
    SELECT last_value INTO ceiling FROM eventstore_event_position_seq;
    IF EXISTS (SELECT FROM inserted WHERE position <= floor OR position > ceiling) THEN
        RAISE EXCEPTION 'An event brought its own position.'
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Leave position out of the insert; its default draws the next one.';
    END IF;
    -- Between the two may lie positions that others drew and did not use.
    IF EXISTS (
        SELECT FROM inserted AS i
        JOIN eventstore_event AS e ON e.stream_id = i.stream_id AND e.version = i.version - 1
        WHERE e.position > i.position
    ) THEN
        RAISE EXCEPTION 'An event would stand before its predecessor.'
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Leave position out of the insert; its default draws the next one.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER eventstore_event_2_check_positions
    AFTER INSERT ON eventstore_event
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_check_positions();
ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_2_check_positions;
