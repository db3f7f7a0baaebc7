"""What a table is in the database, as statements that make another one like it.

`CREATE TABLE ... LIKE` knows columns, their defaults, identities and comments. All else is asked
of the catalogs here. Parameters: `table`, which is found as statements find it, and `schema`,
where the other one stands; each row is a statement, in their order.
"""

# What a copy of the table would not have; what is there is told to the user.
CANNOT_BE_COPIED = """
SELECT 'a trigger ' || tgname FROM pg_trigger
WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal
UNION ALL SELECT 'a rule ' || rulename FROM pg_rewrite WHERE ev_class = %(table)s::regclass
UNION ALL SELECT 'a policy ' || polname FROM pg_policy WHERE polrelid = %(table)s::regclass
UNION ALL SELECT 'row level security' FROM pg_class
WHERE oid = %(table)s::regclass AND relrowsecurity
UNION ALL SELECT 'a foreign key ' || conname || ' of ' || conrelid::regclass::text
FROM pg_constraint WHERE confrelid = %(table)s::regclass
UNION ALL SELECT 'a view ' || ev_class::regclass::text
FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid AND classid = 'pg_rewrite'::regclass
WHERE refobjid = %(table)s::regclass AND ev_class <> %(table)s::regclass
UNION ALL SELECT 'a function ' || objid::regprocedure::text FROM pg_depend
WHERE refobjid = %(table)s::regclass AND classid = 'pg_proc'::regclass
UNION ALL SELECT 'a publication ' || pubname
FROM pg_publication_rel JOIN pg_publication ON pg_publication.oid = prpubid
WHERE prrelid = %(table)s::regclass
UNION ALL SELECT 'a tablespace of its own' FROM pg_class
WHERE reltablespace <> 0 AND (oid = %(table)s::regclass OR oid IN (
    SELECT indexrelid FROM pg_index WHERE indrelid = %(table)s::regclass))
UNION ALL SELECT 'parts or a parent' FROM pg_class
WHERE oid = %(table)s::regclass AND (relkind <> 'r' OR relispartition)
UNION ALL SELECT 'heirs or a parent' FROM pg_inherits
WHERE %(table)s::regclass IN (inhrelid, inhparent)
UNION ALL SELECT 'a sequence ' || objid::regclass::text || ' that is no identity'
FROM pg_depend JOIN pg_class ON pg_class.oid = objid AND relkind = 'S'
WHERE refobjid = %(table)s::regclass AND deptype = 'a'
LIMIT 1
"""

IS_UNLOGGED = "SELECT relpersistence = 'u' FROM pg_class WHERE oid = to_regclass(quote_ident(%s))"

_LIVE = "to_regclass(quote_ident(%(table)s))"
_SHADOW = "format('%%I.%%I', %(schema)s::text, %(table)s::text)"

# Checks, too: LIKE would take one that was never validated for one that was. Those of NOT NULL
# come with LIKE. Constraints before indexes, since they bring the indexes of their names.
CONSTRAINTS = f"""
SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', {_SHADOW}, conname,
              pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = {_LIVE} AND contype <> 'n'
ORDER BY contype <> 'p', conname
"""
INDEXES = f"""
SELECT replace(pg_get_indexdef(i.indexrelid),
               format(' ON %%I.%%I ', t.relnamespace::regnamespace::text, t.relname),
               format(' ON %%s ', {_SHADOW}))
FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid
WHERE t.oid = {_LIVE} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""

# The sequence of a table that was renamed once has still its former name.
SEQUENCES = f"""
SELECT format('ALTER SEQUENCE %%s RENAME TO %%I', made.sequence, live.name)
FROM pg_attribute AS a,
LATERAL (SELECT pg_get_serial_sequence({_SHADOW}, attname) AS sequence) AS made,
LATERAL (SELECT relname AS name FROM pg_class
         WHERE oid = pg_get_serial_sequence(quote_ident(%(table)s), attname)::regclass) AS live
WHERE a.attrelid = {_LIVE} AND a.attidentity <> ''
  AND (SELECT relname FROM pg_class WHERE oid = made.sequence::regclass) <> live.name
"""

OPTIONS = f"""
SELECT format('ALTER TABLE %%s SET (%%s%%I = %%L)', {_SHADOW}, prefix, option_name, option_value)
FROM pg_class AS c LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid,
LATERAL (SELECT '' AS prefix, * FROM pg_options_to_table(c.reloptions)
         UNION ALL SELECT 'toast.', * FROM pg_options_to_table(t.reloptions)) AS o
WHERE c.oid = {_LIVE}
UNION ALL
SELECT format('ALTER TABLE %%s ALTER %%I SET STATISTICS %%s', {_SHADOW}, attname, attstattarget)
FROM pg_attribute
WHERE attrelid = {_LIVE} AND attnum > 0 AND NOT attisdropped AND attstattarget >= 0
UNION ALL
SELECT format('ALTER TABLE %%s ALTER %%I SET (%%I = %%L)', {_SHADOW}, attname, option_name,
              option_value)
FROM pg_attribute, pg_options_to_table(attoptions)
WHERE attrelid = {_LIVE} AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT format('ALTER TABLE %%s REPLICA IDENTITY %%s', {_SHADOW}, CASE relreplident
              WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX ' ||
              (SELECT quote_ident(relname) FROM pg_index JOIN pg_class AS x ON x.oid = indexrelid
               WHERE indrelid = c.oid AND indisreplident) END)
FROM pg_class AS c WHERE oid = {_LIVE} AND relreplident <> 'd'
UNION ALL
SELECT format('ALTER TABLE %%s CLUSTER ON %%I', {_SHADOW}, relname)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = {_LIVE} AND indisclustered
"""

COMMENTS = f"""
SELECT format('COMMENT ON TABLE %%s IS %%L', {_SHADOW}, description)
FROM (SELECT obj_description({_LIVE}, 'pg_class') AS description) AS d
WHERE description IS NOT NULL
UNION ALL
SELECT format('COMMENT ON CONSTRAINT %%I ON %%s IS %%L', conname, {_SHADOW}, description)
FROM pg_constraint AS c,
LATERAL (SELECT obj_description(c.oid, 'pg_constraint') AS description) AS d
WHERE conrelid = {_LIVE} AND contype <> 'n' AND description IS NOT NULL
UNION ALL
SELECT format('COMMENT ON INDEX %%I.%%I IS %%L', %(schema)s::text, relname, description)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid,
LATERAL (SELECT obj_description(indexrelid, 'pg_class') AS description) AS d
WHERE indrelid = {_LIVE} AND description IS NOT NULL
"""

OWNER = f"""
SELECT format('ALTER TABLE %%s OWNER TO %%I', {_SHADOW}, pg_get_userbyid(relowner))
FROM pg_class WHERE oid = {_LIVE} AND pg_get_userbyid(relowner) <> current_user
"""
# First away with what the server grants on every new table, then what was granted on this one.
GRANTS = f"""
WITH live AS (SELECT oid, relacl, relowner FROM pg_class WHERE oid = {_LIVE}),
shadow AS (SELECT relacl FROM pg_class WHERE oid = {_SHADOW}::regclass),
given AS (
    SELECT a.*
    FROM live, aclexplode(coalesce(relacl, acldefault('r', relowner))) WITH ORDINALITY AS a
    WHERE relacl IS NOT NULL OR (SELECT relacl FROM shadow) IS NOT NULL
)
SELECT statement FROM (
    SELECT 0 AS step, 0 AS number, format('REVOKE ALL ON %%s FROM %%s', {_SHADOW},
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
    FROM (SELECT grantee FROM shadow, aclexplode(relacl)
          UNION SELECT relowner FROM live) AS granted
    WHERE EXISTS (SELECT FROM given) OR (SELECT relacl = '{{}}' FROM live)
    UNION ALL
    SELECT 1, ordinality, format('GRANT %%s ON %%s TO %%s%%s', privilege_type, {_SHADOW},
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM given
    UNION ALL
    SELECT 2, attnum, format('GRANT %%s (%%I) ON %%s TO %%s%%s', privilege_type, attname,
        {_SHADOW},
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM live JOIN pg_attribute ON attrelid = live.oid AND NOT attisdropped, aclexplode(attacl)
) AS g(step, number, statement)
ORDER BY step, number
"""

#: In this order: an index must be there before anything is said of it.
DEFINITIONS = (CONSTRAINTS, INDEXES, SEQUENCES, OPTIONS, COMMENTS, OWNER, GRANTS)

# What must not have changed between the making of a copy and its swap: the table and its columns.
COLUMNS = f"""
SELECT c.oid::bigint, relacl::text, relpersistence::text, attname, attnum,
       format_type(atttypid, atttypmod), attnotnull, attidentity::text, attgenerated::text,
       attstorage::text, attacl::text, attcollation::bigint, pg_get_expr(adbin, adrelid)
FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE c.oid = {_LIVE} AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
COMPARED = (COLUMNS, CONSTRAINTS, INDEXES, OPTIONS, COMMENTS)

# These do not move from schema to schema with their table: they are made anew where it arrives.
STATISTICS = f"""
SELECT statement FROM (
    SELECT oid, 0, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = {_LIVE}
    UNION ALL
    SELECT oid, 1, format('COMMENT ON STATISTICS %%I.%%I IS %%L',
        stxnamespace::regnamespace::text, stxname, obj_description(oid, 'pg_statistic_ext'))
    FROM pg_statistic_ext
    WHERE stxrelid = {_LIVE} AND obj_description(oid, 'pg_statistic_ext') IS NOT NULL
) AS s(oid, step, statement)
ORDER BY oid, step
"""
