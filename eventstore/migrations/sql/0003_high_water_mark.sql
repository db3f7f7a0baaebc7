-- The writer's half of the high-water mark (DESIGN section 5). A reader may pass a position only
-- once every transaction that could still commit a lower one has ended. So each transaction,
-- before it draws its first position, publishes the last position drawn so far: a shared advisory
-- lock whose key says "all that I shall write lies above this". Readers find the lowest such key
-- in pg_locks. The lock and the remembered setting both end with the transaction, and both go
-- when the savepoint in which they were made is rolled back.

CREATE FUNCTION eventstore_publish_floor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    this_transaction text := pg_current_xact_id()::text;
    floor bigint;
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
    -- Not `SELECT last_value FROM` the sequence, which reads its page without a lock: while another
    -- session writes a sequence to the log, every 32 positions, that shows up to 31 too many.
    floor := coalesce(pg_sequence_last_value('eventstore_event_position_seq'), 0);
    PERFORM pg_advisory_xact_lock_shared((3499::bigint << 48) | floor),
            set_config('eventstore.floor', this_transaction || ':' || floor, true);
    RETURN NULL;
END
$$;

CREATE TRIGGER eventstore_event_1_publish_floor
    BEFORE INSERT ON eventstore_event
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_publish_floor();
ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_1_publish_floor;
