"""What a superuser could do to a stream, and which places `verify` must name then.

`account` has four versions and a snapshot of the third; `other` is like it. `tenant` is another
tenant than theirs.
"""

EVENT = "UPDATE eventstore_event SET {} WHERE stream_id = %(account)s AND version = {}"
STREAM = "UPDATE eventstore_stream SET {} WHERE id = %(account)s"
SNAPSHOT = "UPDATE eventstore_snapshot SET {} WHERE stream_id = %(account)s"
COMMAND = (
    "UPDATE eventstore_command SET {} WHERE aggregate_id = %(account_uuid)s"
    " AND result -> 'events' -> 0 ->> 'version' = '3'"
)
NO_COMMAND = COMMAND.replace("UPDATE", "DELETE FROM").replace(" SET {}", "")
DELETE_EVENTS = "DELETE FROM eventstore_event WHERE stream_id = %(account)s AND {}"
NO_SNAPSHOTS = "DELETE FROM eventstore_snapshot WHERE stream_id = %(account)s"
SEAL_SNAPSHOT = (
    "UPDATE eventstore_snapshot AS p SET digest = sha256("
    " e.hash || convert_to(p.state_schema || ':' || p.state::text, 'UTF8'))"
    " FROM eventstore_event AS e WHERE e.stream_id = p.stream_id AND e.version = p.version"
    " AND p.stream_id = %(account)s"
)
NO_STREAM = "DELETE FROM eventstore_stream WHERE id = %(account)s"
MEND_STREAM = STREAM.format(
    "(version, head_hash) = (SELECT version, hash FROM eventstore_event"
    " WHERE stream_id = %(account)s ORDER BY version DESC LIMIT 1)"
)


SWAP_DATA = (
    "UPDATE eventstore_event AS one SET data = two.data FROM eventstore_event AS two"
    " WHERE one.stream_id = %(account)s AND two.stream_id = %(account)s"
    " AND (one.version, two.version) IN ((2, 3), (3, 2))"
)


#: What is done, and all places that are named then, the first one first.
FORGERIES: dict[str, tuple[tuple[str, ...], list[tuple[str, int]]]] = {
    "a changed amount": (
        (EVENT.format("data = replace(data::text, '20.00', '2000.00')::json", 3),),
        [("account", 3)],
    ),
    "a space in an event": (
        (EVENT.format("data = (data::text || ' ')::json", 3),),
        [("account", 3)],
    ),
    "a changed time": (
        (EVENT.format("recorded_at = recorded_at + interval '1 microsecond'", 2),),
        [("account", 2)],
    ),
    "a time that never comes": (
        (EVENT.format("recorded_at = 'infinity'", 2),),
        [("account", 2)],
    ),
    "another user": (
        (EVENT.format("metadata = replace(metadata::text, 'mary', 'otto')::json", 2),),
        [("account", 2)],
    ),
    "another type": (
        (EVENT.format("type = 'account.money_withdrawn'", 2),),
        [("account", 2)],
    ),
    "another schema version": (
        (EVENT.format("schema_version = schema_version - 1", 2),),
        [("account", 2)],
    ),
    "a deleted tail": (
        (DELETE_EVENTS.format("version > 3"),),
        [("account", 4)],
    ),
    "a deleted tail, the stream mended": (
        (DELETE_EVENTS.format("version > 3"), MEND_STREAM),
        [("account", 4)],
    ),
    "a deleted tail with a snapshot, the stream mended": (
        (DELETE_EVENTS.format("version > 2"), MEND_STREAM),
        [("account", 3), ("account", 4)],
    ),
    "a deleted first event": (
        (DELETE_EVENTS.format("version = 1"),),
        [("account", 2), ("account", 1)],
    ),
    "a deleted event in the middle": (
        (DELETE_EVENTS.format("version = 2"),),
        [("account", 3), ("account", 2)],
    ),
    "all events of a stream deleted": (
        (DELETE_EVENTS.format("true"),),
        [("account", 1), ("account", 2), ("account", 3), ("account", 4)],
    ),
    "a deleted stream": (
        (DELETE_EVENTS.format("true"), NO_SNAPSHOTS, NO_STREAM),
        [("account", 1), ("account", 2), ("account", 3), ("account", 4)],
    ),
    "a deleted row of a stream": (
        (NO_SNAPSHOTS, NO_STREAM),
        [("row of account", 1)],
    ),
    "data swapped": ((SWAP_DATA,), [("account", 2), ("account", 3)]),
    "versions swapped": (
        (
            EVENT.format("version = 99", 2),
            EVENT.format("version = 2", 3),
            EVENT.format("version = 3", 99),
        ),
        [("account", 2), ("account", 3), ("account", 4)],
    ),
    "positions swapped": (
        (
            EVENT.format("position = -position", 3),
            EVENT.format(
                "position = (SELECT -position FROM eventstore_event"
                " WHERE stream_id = %(account)s AND version = 3)",
                2,
            ),
        ),
        [("account", 3), ("account", 2)],
    ),
    "an event moved to another stream": (
        (
            "UPDATE eventstore_event SET stream_id = %(other)s, version = 5"
            " WHERE stream_id = %(account)s AND version = 4",
        ),
        [("account", 4), ("other", 5)],
    ),
    "an event moved to another tenant": (
        (EVENT.format("tenant_id = %(tenant)s", 4),),
        [("account", 4)],
    ),
    "a stream moved to another tenant": (
        (STREAM.format("tenant_id = %(tenant)s"),),
        [("account", 1), ("account", 2), ("account", 3), ("account", 4)],
    ),
    "another category": (
        (STREAM.format("category = 'person'"),),
        [("person", 1), ("person", 2), ("person", 3), ("person", 4)],
    ),
    "a changed hash": (
        (EVENT.format("hash = sha256('')", 2),),
        [("account", 2), ("account", 3)],
    ),
    "a changed head": ((STREAM.format("head_hash = sha256('')"),), [("account", 4)]),
    "a stream said to be longer": ((STREAM.format("version = 9"),), [("account", 5)]),
    "a stream said to be shorter": ((STREAM.format("version = 3"),), [("account", 4)]),
    "a stream said to be boxed": (
        (STREAM.format("status = 'boxed'"),),
        [("account", 1), ("account", 4)],
    ),
    "a snapshot with another balance": (
        (SNAPSHOT.format("state = replace(state::text, '30.00', '3000.00')::json"),),
        [("account", 3)],
    ),
    "a snapshot with another balance and its digest": (
        (SNAPSHOT.format("state = replace(state::text, '30.00', '3000.00')::json"), SEAL_SNAPSHOT),
        [("account", 3)],
    ),
    "a snapshot that cannot be read": (
        (SNAPSHOT.format("state = '[]'"),),
        [("account", 3)],
    ),
    "a snapshot beyond the stream": ((SNAPSHOT.format("version = 9"),), [("account", 9)]),
    "a snapshot of no stream": ((SNAPSHOT.format("stream_id = 4711"),), [("stream 4711", 3)]),
    "an answer that names another version": (
        (COMMAND.format("result = jsonb_set(result, '{events,0,version}', '7')"),),
        [("account", 3), ("account", 7)],
    ),
    "an answer without events": (
        (COMMAND.format("result = result - 'events'"),),
        [("account", 3)],
    ),
    "an answer that cannot be read": (
        (COMMAND.format("result = jsonb_set(result, '{events,0,version}', '\"x\"')"),),
        [("", None)],
    ),
    "a command said to be refused": (
        (COMMAND.format("status = 'refused'"),),
        [("account", 3)],
    ),
    "a deleted command": (
        (NO_COMMAND,),
        [("account", 3)],
    ),
}
