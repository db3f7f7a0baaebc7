DO $$
BEGIN
    IF current_setting('server_version_num')::int < 150000 THEN
        RAISE EXCEPTION 'Daybook needs PostgreSQL 15 or newer; this is %.',
            current_setting('server_version')
            USING HINT = 'Point DATABASE_URL to a newer server.';
    END IF;
END
$$;
