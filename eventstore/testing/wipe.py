"""Empties a test database. The guards of the log are off for that one transaction.

A few rows are deleted, which takes 5 ms. TRUNCATE, which makes the files of all tables and their
indexes anew and so takes 50 to 200 ms, is for a database that many rows have made large.
"""

from django.db import connection, transaction

from eventstore.application import get_application
from eventstore.copying import MARK

#: Bytes in tables above which they are made anew: deleted rows still cost those who read past.
LARGE = 1024 * 1024

# The lock waits, as TRUNCATE would, for whoever still writes: no row of his comes afterwards.
EMPTY_EVERYTHING = f"""
DO $$
DECLARE
    tables regclass[];
    wiped regclass;
    copied name;
BEGIN
    FOR copied IN SELECT nspname FROM pg_namespace
        WHERE nspname ~ '^copy_[0-9]+$' AND obj_description(oid, 'pg_namespace') = '{MARK}'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', copied);
    END LOOP;
    SELECT array_agg(format('%I', tablename)::regclass) INTO tables
    FROM pg_tables
    WHERE schemaname = current_schema()
      AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission');
    EXECUTE format('LOCK %s IN SHARE ROW EXCLUSIVE MODE', array_to_string(tables, ', '));
    ALTER TABLE eventstore_event DISABLE TRIGGER eventstore_event_append_only;
    ALTER TABLE eventstore_event DISABLE TRIGGER eventstore_event_only_boxed;
    ALTER TABLE eventstore_stream DISABLE TRIGGER eventstore_stream_stays;
    ALTER TABLE eventstore_stream DISABLE TRIGGER eventstore_stream_only_with_its_tenant;
    IF (SELECT sum(pg_relation_size(size_of)) FROM unnest(tables) AS size_of) > {LARGE} THEN
        EXECUTE format('TRUNCATE %s', array_to_string(tables, ', '));
    ELSE
        SET CONSTRAINTS ALL DEFERRED;
        FOREACH wiped IN ARRAY tables LOOP
            EXECUTE format('DELETE FROM %s', wiped);
        END LOOP;
        SET CONSTRAINTS ALL IMMEDIATE;
    END IF;
    ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_append_only;
    ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_only_boxed;
    ALTER TABLE eventstore_stream ENABLE ALWAYS TRIGGER eventstore_stream_stays;
    ALTER TABLE eventstore_stream ENABLE ALWAYS TRIGGER eventstore_stream_only_with_its_tenant;
    PERFORM setval(seqrelid, seqstart, false)
    FROM pg_sequence JOIN pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')
    WHERE refobjid = ANY (tables);
END
$$
"""


def wipe() -> None:
    """Remove every row but Django's own, and all copies, and start all sequences anew.

    Only for a database whose name begins with `test_`; raises RuntimeError for any other.
    """
    name = str(connection.settings_dict["NAME"])
    if not name.startswith("test_"):
        raise RuntimeError(f"{name} is no test database, so it is not wiped.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(EMPTY_EVERYTHING)
    get_application().cache.clear()
    get_application().reader.forget()
