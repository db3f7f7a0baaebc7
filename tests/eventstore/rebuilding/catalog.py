"""Everything that PostgreSQL's catalogs say of a table, but the numbers that it gave out."""

from typing import Any

from tests.eventstore.rebuilding.support import query

# By what it is about: statements that take the table's name.
ABOUT = {
    "table": """
        SELECT relkind, relpersistence, relnamespace::regnamespace::text, relowner::regrole::text,
               relacl::text, relrowsecurity, relreplident, reltablespace, relispartition,
               (SELECT array_agg(option ORDER BY option) FROM unnest(reloptions) AS option),
               obj_description(oid, 'pg_class')
        FROM pg_class WHERE oid = %(table)s::regclass
    """,
    "columns": """
        SELECT row_number() OVER (ORDER BY attnum), attname, format_type(atttypid, atttypmod),
               attnotnull, attidentity, attgenerated, attcollation, attstorage, attcompression,
               attstattarget, attoptions::text, attacl::text, pg_get_expr(adbin, adrelid),
               col_description(attrelid, attnum)
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
    """,
    "constraints": """
        SELECT conname, contype, pg_get_constraintdef(oid), condeferrable, condeferred,
               convalidated, connoinherit, conindid::regclass::text,
               obj_description(oid, 'pg_constraint')
        FROM pg_constraint WHERE conrelid = %(table)s::regclass ORDER BY conname
    """,
    "indexes": """
        SELECT relname, pg_get_indexdef(indexrelid), reloptions::text, indisunique, indisprimary,
               indisvalid, indisclustered, indisreplident, indnullsnotdistinct,
               obj_description(indexrelid, 'pg_class')
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid = %(table)s::regclass ORDER BY relname
    """,
    "sequences": """
        SELECT s.relname, s.relnamespace::regnamespace::text, s.relowner::regrole::text, a.attname,
               deptype, seqtypid::regtype::text, seqstart, seqincrement, seqmin, seqmax, seqcache,
               seqcycle
        FROM pg_depend JOIN pg_class AS s ON s.oid = objid JOIN pg_sequence ON seqrelid = s.oid
        JOIN pg_attribute AS a ON attrelid = refobjid AND attnum = refobjsubid
        WHERE refobjid = %(table)s::regclass AND deptype IN ('a', 'i') ORDER BY s.relname
    """,
    "statistics": """
        SELECT stxname, stxnamespace::regnamespace::text, pg_get_statisticsobjdef(oid),
               obj_description(oid, 'pg_statistic_ext')
        FROM pg_statistic_ext WHERE stxrelid = %(table)s::regclass ORDER BY stxname
    """,
}


def catalog(table: str) -> dict[str, Any]:
    return {about: query(statement, {"table": table}) for about, statement in ABOUT.items()}
