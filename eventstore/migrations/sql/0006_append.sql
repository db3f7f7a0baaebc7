-- One call appends: version check, stream row, events, reactions, answer in the command log.
--
-- p_expected   the version that the writer loaded; 0: the stream must not exist
-- p_types, p_schema_versions, p_data  of the new events, a line for each: read in half the time of
--              one JSON array. JSON text contains no line feed; it is stored as it came.
-- p_hashes     of the new events, 32 bytes for each
-- p_command    the command whose answer this is; null outside a command
-- p_due_events, p_processes, p_instances  for each reaction that is due: the number of its event, from
--              1, the process manager's name and the instance; null where there is none
-- p_lease      how long nobody but the sender does these reactions; it claims them at their birth
-- p_inline     the projections that the writer brings up to date itself, in the order of their names;
--              null: it does not know
--
-- outcome      'appended', or 'conflict' or 'boxed' and nothing written
-- found_version  the version now of whatever stream of the tenant has this id (0: none)
-- positions    of the new events, in the order of their versions
-- same_modes   whether these are the projections that are inline: asked after the event table was
--              locked by the insert, as the switch of a mode locks it against inserts

CREATE FUNCTION eventstore_append(
    p_tenant uuid,
    p_category text,
    p_aggregate uuid,
    p_expected bigint,
    p_types text,
    p_schema_versions text,
    p_data text,
    p_hashes bytea,
    p_metadata json,
    p_recorded_at timestamptz,
    p_command uuid,
    p_due_events int[],
    p_processes text[],
    p_instances uuid[],
    p_lease interval,
    p_inline text[],
    OUT outcome text,
    OUT found_version bigint,
    OUT positions bigint[],
    OUT same_modes boolean
) LANGUAGE plpgsql AS $$
DECLARE
    new_version bigint := p_expected + length(p_hashes) / 32;
    new_head_hash bytea := substr(p_hashes, length(p_hashes) - 31);
    target_stream bigint;
BEGIN
    IF p_expected = 0 THEN
        INSERT INTO eventstore_stream
            (tenant_id, category, aggregate_id, version, head_hash, status, incarnation)
        VALUES (p_tenant, p_category, p_aggregate, new_version, new_head_hash, 'active', 0)
        ON CONFLICT (tenant_id, aggregate_id) DO NOTHING
        RETURNING id INTO target_stream;
    ELSE
        UPDATE eventstore_stream AS s
        SET version = new_version, head_hash = new_head_hash
        WHERE s.tenant_id = p_tenant AND s.aggregate_id = p_aggregate
          AND s.category = p_category AND s.version = p_expected AND s.status = 'active'
        RETURNING s.id INTO target_stream;
    END IF;

    IF target_stream IS NULL THEN
        SELECT CASE s.status WHEN 'boxed' THEN 'boxed' ELSE 'conflict' END, s.version
        INTO outcome, found_version
        FROM eventstore_stream AS s
        WHERE s.tenant_id = p_tenant AND s.aggregate_id = p_aggregate;
        outcome := coalesce(outcome, 'conflict');
        found_version := coalesce(found_version, 0);
        RETURN;
    END IF;

    IF new_version = p_expected + 1 THEN
        -- One event, as most commands record it: a tenth faster than as a table of one line.
        INSERT INTO eventstore_event
            (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)
        VALUES (target_stream, new_version, p_tenant, p_types, p_schema_versions::int, p_data::json,
                p_metadata, p_recorded_at, p_hashes)
        RETURNING ARRAY[position] INTO positions;
    ELSE
        -- Where the columns have not the same number of lines, the table refuses a null.
        WITH appended AS (
            INSERT INTO eventstore_event AS e (stream_id, version, tenant_id, type, schema_version,
                data, metadata, recorded_at, hash)
            SELECT target_stream, p_expected + n, p_tenant, type, schema_version::int,
                data::json, p_metadata, p_recorded_at, substr(p_hashes, 32 * n::int - 31, 32)
            FROM ROWS FROM (
                string_to_table(p_types, E'\n'),
                string_to_table(p_schema_versions, E'\n'),
                string_to_table(p_data, E'\n')
            ) WITH ORDINALITY AS new_event(type, schema_version, data, n)
            ORDER BY n
            RETURNING e.position, e.version
        )
        SELECT array_agg(position ORDER BY version) INTO positions FROM appended;
    END IF;

    IF length(p_hashes) <> 32 * cardinality(positions) THEN
        RAISE EXCEPTION '% events came with % bytes of hashes.',
            cardinality(positions), length(p_hashes)
            USING ERRCODE = 'data_exception', HINT = 'Pass 32 bytes for each event.';
    END IF;

    IF p_due_events IS NOT NULL THEN
        -- The instances' rows first: only who holds one draws ids for its reactions, so that they
        -- commit in the order of their ids. In the same order everywhere, against deadlocks.
        INSERT INTO eventstore_process AS p
            (tenant_id, process, instance_id, waits_for, started_at, updated_at)
        SELECT DISTINCT p_tenant, process, instance_id, 'its first step', p_recorded_at, p_recorded_at
        FROM unnest(p_processes, p_instances) AS due(process, instance_id)
        ORDER BY process, instance_id
        ON CONFLICT (tenant_id, process, instance_id) DO UPDATE SET updated_at = EXCLUDED.updated_at;

        INSERT INTO eventstore_reaction
            (tenant_id, process, instance_id, kind, name, event_id, "user", correlation_id,
             attempts, lease_until, created_at)
        SELECT p_tenant, process, instance_id, 'event', (string_to_array(p_types, E'\n'))[number],
               positions[number], p_metadata ->> 'user', (p_metadata ->> 'correlation_id')::uuid,
               1, clock_timestamp() + p_lease, clock_timestamp()
        FROM unnest(p_due_events, p_processes, p_instances)
            WITH ORDINALITY AS due(number, process, instance_id, n)
        ORDER BY n;
    END IF;

    IF p_command IS NOT NULL THEN
        -- A command that saves several aggregates answers with its own one's version.
        UPDATE eventstore_command AS c
        SET ended_at = clock_timestamp(),
            result = coalesce(c.result, '{}')
                || CASE WHEN c.aggregate_id = p_aggregate
                        THEN jsonb_build_object('category', p_category, 'version', new_version,
                            'created', p_expected = 0 OR coalesce(c.result ->> 'created', 'false')::boolean)
                        ELSE '{}' END
                || jsonb_build_object(
                    'position', positions[array_upper(positions, 1)],
                    'events', coalesce(c.result -> 'events', '[]') || (
                        SELECT jsonb_agg(jsonb_build_object(
                            'type', type, 'version', p_expected + n, 'position', position) ORDER BY n)
                        FROM ROWS FROM (
                            string_to_table(p_types, E'\n'), unnest(positions)
                        ) WITH ORDINALITY AS new_event(type, position, n)))
        WHERE c.tenant_id = p_tenant AND c.id = p_command;
    END IF;

    same_modes := p_inline IS NULL OR p_inline = ARRAY(
        SELECT projection::text FROM eventstore_subscription
        WHERE mode = 'inline' ORDER BY projection COLLATE "C");
    outcome := 'appended';
    found_version := new_version;
END
$$;
