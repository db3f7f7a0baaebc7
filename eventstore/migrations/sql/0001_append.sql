-- Replaced by 0003_append.sql.
--
-- One call appends: version check, stream row, events, answer in the command log.
--
-- p_expected   the version that the writer loaded; 0: the stream must not exist
-- p_events     [{"type", "schema_version", "data", "hash"}, ...]; json, so that data stays as it is
-- p_head_hash  the last event's hash
-- p_command    the command whose answer this is; null outside a command
--
-- outcome      'appended', or 'conflict' or 'boxed' and nothing written
-- found_version  the stream's version now (0: no stream of this tenant, category and id)
-- positions    of the new events, in the order of their versions

CREATE FUNCTION eventstore_append(
    p_tenant uuid,
    p_category text,
    p_aggregate uuid,
    p_expected bigint,
    p_events json,
    p_metadata json,
    p_recorded_at timestamptz,
    p_head_hash bytea,
    p_command uuid,
    OUT outcome text,
    OUT found_version bigint,
    OUT positions bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    new_version bigint := p_expected + json_array_length(p_events);
    target_stream bigint;
    references_of_events jsonb;
BEGIN
    IF p_expected = 0 THEN
        INSERT INTO eventstore_stream
            (tenant_id, category, aggregate_id, version, head_hash, status, incarnation)
        VALUES (p_tenant, p_category, p_aggregate, new_version, p_head_hash, 'active', 0)
        ON CONFLICT (tenant_id, aggregate_id) DO NOTHING
        RETURNING id INTO target_stream;
    ELSE
        UPDATE eventstore_stream AS s
        SET version = new_version, head_hash = p_head_hash
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

    WITH appended AS (
        INSERT INTO eventstore_event AS e
            (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)
        SELECT target_stream, p_expected + n, p_tenant, type, schema_version, data,
               p_metadata, p_recorded_at, decode(hash, 'hex')
        FROM ROWS FROM (
            json_to_recordset(p_events) AS (type text, schema_version int, data json, hash text)
        ) WITH ORDINALITY AS new_event(type, schema_version, data, hash, n)
        ORDER BY n
        RETURNING e.position, e.version, e.type
    )
    SELECT array_agg(a.position ORDER BY a.version),
           CASE WHEN p_command IS NOT NULL THEN jsonb_agg(
               jsonb_build_object('type', a.type, 'version', a.version, 'position', a.position)
               ORDER BY a.version)
           END
    INTO positions, references_of_events
    FROM appended AS a;

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
                    'events', coalesce(c.result -> 'events', '[]') || references_of_events)
        WHERE c.tenant_id = p_tenant AND c.id = p_command;
    END IF;

    outcome := 'appended';
    found_version := new_version;
END
$$;
