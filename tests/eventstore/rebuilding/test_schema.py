"""A rebuild puts new tables in the place of the old ones, and nobody can tell by their schema."""

import shutil
import subprocess

import pytest
from django.db import connection, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from eventstore.application import Application
from eventstore.errors import NotRebuildable
from tests.eventstore.rebuilding.catalog import catalog
from tests.eventstore.rebuilding.support import (
    at,
    differing,
    execute,
    last_run,
    query,
    rebuild,
    shadows,
    xmins,
)
from tests.eventstore.sample_tables import Item
from tests.eventstore.subscriptions.domain import Scene
from tests.eventstore.support import World
from tests.processes import database_url

#: What migrations, operators and extensions do to a table beside what its model says.
CHANGES = {
    "a column that a migration has added later": [
        "ALTER TABLE sample_item DROP COLUMN seen",
        "ALTER TABLE sample_item ADD COLUMN seen timestamptz",
    ],
    "a default of the database": ["ALTER TABLE sample_item ALTER title SET DEFAULT 'untitled'"],
    "an index by SQL": [
        "CREATE INDEX by_sql ON sample_item (lower(title) text_pattern_ops, count DESC)"
        " INCLUDE (day) WITH (fillfactor = 60) WHERE count > 0"
    ],
    "a unique index by SQL": [
        "CREATE UNIQUE INDEX once ON sample_item (item_id) NULLS NOT DISTINCT"
    ],
    "an index that a migration has renamed": [
        "ALTER INDEX sample_item_pkey RENAME TO former_name_pkey",
        "ALTER INDEX sample_item_key RENAME TO former_name_key",
    ],
    "a check by SQL": ["ALTER TABLE sample_item ADD CONSTRAINT positive CHECK (count >= 0)"],
    "a check that is not validated": [
        "ALTER TABLE sample_item ADD CONSTRAINT later CHECK (count >= 0) NOT VALID"
    ],
    "a deferrable constraint": [
        "ALTER TABLE sample_item ADD CONSTRAINT late UNIQUE (item_id) DEFERRABLE"
        " INITIALLY DEFERRED"
    ],
    "storage options": [
        "ALTER TABLE sample_item SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)",
        "ALTER TABLE sample_item SET (toast.autovacuum_enabled = off)",
    ],
    "comments": [
        "COMMENT ON TABLE sample_item IS 'it''s the items'",
        "COMMENT ON COLUMN sample_item.note IS '100% of it'",
        "COMMENT ON CONSTRAINT sample_item_key ON sample_item IS 'the key'",
        "COMMENT ON CONSTRAINT sample_item_small ON sample_item IS 'the check'",
        "COMMENT ON INDEX sample_item_key IS 'the index'",
    ],
    "grants": [
        "GRANT SELECT, INSERT ON sample_item TO reporting WITH GRANT OPTION",
        "GRANT SELECT ON sample_item TO PUBLIC",
        "GRANT SELECT (title), UPDATE (count) ON sample_item TO auditing",
    ],
    "a grant that its owner has given up": ["REVOKE TRUNCATE ON sample_item FROM CURRENT_USER"],
    "an owner of another name": ["ALTER TABLE sample_item OWNER TO reporting"],
    "what the planner shall know": [
        "ALTER TABLE sample_item ALTER count SET STATISTICS 500",
        "ALTER TABLE sample_item ALTER count SET (n_distinct = 5)",
        "CREATE STATISTICS together (ndistinct) ON count, title FROM sample_item",
        "COMMENT ON STATISTICS together IS 'they go together'",
    ],
    "storage of a column": ["ALTER TABLE sample_item ALTER note SET STORAGE EXTERNAL"],
    "an identity of its own": [
        "ALTER TABLE sample_item ALTER id SET INCREMENT BY 5 SET MAXVALUE 999999"
    ],
    "a table that was renamed once": [
        "ALTER TABLE sample_item RENAME TO older",
        "ALTER SEQUENCE sample_item_id_seq RENAME TO first_name_id_seq",
        "ALTER TABLE older RENAME TO sample_item",
    ],
    "a table that is not logged": ["ALTER TABLE sample_item SET UNLOGGED"],
    "a generated column": [
        "ALTER TABLE sample_item ADD COLUMN twice int GENERATED ALWAYS AS (count * 2) STORED"
    ],
    "an exclusion": [
        "ALTER TABLE sample_item ADD CONSTRAINT alone EXCLUDE USING btree (item_id WITH =)"
    ],
    "replica identity": [
        "ALTER TABLE sample_item REPLICA IDENTITY USING INDEX sample_item_pkey",
    ],
    "a foreign key to somewhere else": [
        "ALTER TABLE sample_item ADD CONSTRAINT of_tenant FOREIGN KEY (tenant_id)"
        " REFERENCES eventstore_tenant (id) DEFERRABLE INITIALLY DEFERRED"
    ],
}


@pytest.fixture(autouse=True)
def roles(tables: None) -> None:
    """They stay: roles belong to the whole server."""
    for role in ("reporting", "auditing"):
        execute(
            f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN END $$",
            f"GRANT {role} TO CURRENT_USER",
            f"GRANT ALL ON SCHEMA public TO {role}",
        )


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_a_table_is_the_same_after_a_rebuild(two: Scene, changes: list[str]) -> None:
    execute(*changes)
    two.note("a", "b")
    two.work()
    before = catalog("sample_item")
    number = query("SELECT 'sample_item'::regclass::oid")

    rebuild(two.application, "items")

    assert query("SELECT 'sample_item'::regclass::oid") != number, "it is another one"
    assert catalog("sample_item") == before
    assert two.texts() == ["a", "b"]
    rebuild(two.application, "items")
    assert catalog("sample_item") == before


CANNOT_BE_COPIED = {
    "a view": "CREATE VIEW seen_items AS SELECT title FROM sample_item",
    "a materialized view": "CREATE MATERIALIZED VIEW kept AS SELECT title FROM sample_item",
    "a trigger": "CREATE TRIGGER told AFTER INSERT ON sample_item FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "a rule": "CREATE RULE quiet AS ON DELETE TO sample_item DO INSTEAD NOTHING",
    "a policy": "CREATE POLICY mine ON sample_item USING (true)",
    "row level security": "ALTER TABLE sample_item ENABLE ROW LEVEL SECURITY",
    "a foreign key": "CREATE TABLE other (item bigint CONSTRAINT of_item REFERENCES sample_item)",
    "a function": "CREATE FUNCTION counted() RETURNS bigint"
    " BEGIN ATOMIC SELECT count(*) FROM sample_item; END",
    "a publication": "CREATE PUBLICATION published FOR TABLE sample_item",
    "heirs": "CREATE TABLE heir () INHERITS (sample_item)",
    "a sequence": "CREATE SEQUENCE numbers OWNED BY sample_item.id",
}
AWAY = (
    "DROP MATERIALIZED VIEW IF EXISTS kept",
    "DROP VIEW IF EXISTS seen_items",
    "DROP FUNCTION IF EXISTS counted",
    "DROP TABLE IF EXISTS other, heir",
    "DROP PUBLICATION IF EXISTS published",
)


@pytest.mark.parametrize(
    ("what", "statement"), CANNOT_BE_COPIED.items(), ids=CANNOT_BE_COPIED.keys()
)
@pytest.mark.filterwarnings("ignore")
def test_what_a_new_table_would_lose_is_a_reason_to_refuse_and_none_not_to_check(
    two: Scene, what: str, statement: str
) -> None:
    two.note("a", "b")
    two.work()
    try:
        execute(statement)
        before = catalog("sample_item"), xmins("sample_item")
        with pytest.raises(NotRebuildable, match=what.replace("materialized ", "")):
            rebuild(two.application, "items")
        assert (catalog("sample_item"), xmins("sample_item")) == before
        assert shadows() == []
        assert last_run().status == "failed"
        assert differing(two.application, "items") == 0
    finally:
        execute(*AWAY)


def test_a_table_that_is_altered_while_it_is_rebuilt_is_not_replaced(two: Scene) -> None:
    """By a deploy, perhaps: its column, its index or its grant would be gone."""
    two.note("a")
    two.work()
    for statement in (
        "ALTER TABLE sample_item ADD COLUMN colour text",
        "CREATE INDEX made_meanwhile ON sample_item (count)",
        "GRANT SELECT ON sample_item TO reporting",
        "ALTER TABLE sample_item SET (fillfactor = 50)",
        "CREATE VIEW seen_items AS SELECT title FROM sample_item",
    ):
        with (
            at("rebuild.filled", lambda s=statement: execute(s)),
            pytest.raises(NotRebuildable, match=r"altered meanwhile|a view"),
        ):
            rebuild(two.application, "items")
        assert shadows() == []
    assert {"colour"} <= {row[1] for row in catalog("sample_item")["columns"]}
    execute("DROP VIEW seen_items")
    before = catalog("sample_item")
    rebuild(two.application, "items")
    assert catalog("sample_item") == before
    assert two.texts() == ["a"]


def test_later_migrations_find_what_they_look_for(two: Scene) -> None:
    """Fields and indexes are added, renamed and removed, by the names that Django has given."""
    two.note("a")
    two.work()
    state = ProjectState()
    state.add_model(ModelState.from_model(Item))
    migrate(state, migrations.AddIndex("item", models.Index(fields=["day"], name="by_day")))
    rebuild(two.application, "items")
    for operation in (
        migrations.RenameIndex("item", new_name="of_day", old_name="by_day"),
        migrations.AddField("item", "colour", models.CharField(max_length=9, null=True)),
        migrations.AlterField("item", "title", models.CharField(max_length=40, default="")),
        migrations.AddIndex("item", models.Index(fields=["colour"], name="by_colour")),
        migrations.RemoveConstraint("item", "sample_item_small"),
    ):
        migrate(state, operation)
        rebuild(two.application, "items")
        assert two.texts() == ["a"]
    for operation in (
        migrations.RemoveIndex("item", "of_day"),
        migrations.RemoveIndex("item", "by_colour"),
        migrations.RemoveField("item", "colour"),
        migrations.RemoveConstraint("item", "sample_item_key"),
        migrations.AlterField("item", "id", models.BigAutoField(primary_key=True)),
    ):
        migrate(state, operation)
    assert two.texts() == ["a"]


def migrate(state: ProjectState, operation: Operation) -> None:
    before = state.clone()
    operation.state_forwards("samples", state)
    with connection.schema_editor() as editor:
        operation.database_forwards("samples", editor, before, state)


def test_the_shipped_tables_are_the_same_after_a_rebuild_of_all(world: World) -> None:
    world.account("10.00")
    before = everything(world.application)
    for projection in world.application.projections:
        rebuild(world.application, projection.name)
    assert everything(world.application) == before
    assert shadows() == []


def everything(application: Application) -> list[object]:
    """With the dump, where the program for it is there."""
    names = [
        table.model._meta.db_table
        for projection in application.projections
        for table in projection.tables
    ]
    return [*map(catalog, names), dumped()]


def dumped() -> list[str]:
    program = shutil.which("pg_dump")
    if program is None:
        return []
    ended = subprocess.run(
        [program, "--schema-only", database_url()], capture_output=True, text=True, check=False
    )
    # A server that is newer than the program is refused by it.
    return [line for line in ended.stdout.splitlines() if not line.startswith(("--", "\\"))]
