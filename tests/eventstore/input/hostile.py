"""The one list of hostile bodies; every door that takes commands is tried with all of it.

Each case stands beside a sound body of the same command, from which it differs in one flaw.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

#: The doors' tests make these two first.
PERSON = UUID("0a1b2c3d-0000-4000-8000-00000000000e")
ACCOUNT = UUID("0a1b2c3d-0000-4000-8000-00000000000f")

MALFORMED = "malformed_json"
INVALID = "validation_failed"

#: Fields of a sound body, each as it stands in JSON.
SOUND: dict[str, dict[str, str]] = {
    "register-person": {"first_name": '"Ada"', "last_name": '"King"'},
    "open-account": {"owner_id": f'"{PERSON}"', "code": '"CZ-1"'},
    "deposit-money": {"aggregate_id": f'"{ACCOUNT}"', "amount": '"12.34"'},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """`fields`: those that the answer names, no more and no less."""

    name: str
    command: str = "register-person"
    body: bytes
    code: str
    fields: tuple[str, ...] = ()

    @property
    def sound(self) -> bytes:
        return body_of(SOUND[self.command])


def body_of(fields: dict[str, str]) -> bytes:
    return ("{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}").encode()


def _changed(command: str, field: str, text: str) -> bytes:
    return body_of(SOUND[command] | {field: text})


def _wrong(command: str, field: str, *texts: str) -> list[Hostile]:
    """Values that JSON can carry and the field cannot hold."""
    return [
        Hostile(
            name=f"{command} {field} {text[:40]}",
            command=command,
            body=_changed(command, field, text),
            code=INVALID,
            fields=(field,),
        )
        for text in texts
    ]


def _unreadable(name: str, body: bytes) -> Hostile:
    return Hostile(name=name, body=body, code=MALFORMED)


def _value(text: str) -> bytes:
    """A sound body but for this in the place of a first name."""
    return _changed("register-person", "first_name", text)


ADA = body_of(SOUND["register-person"])
MEBIBYTE = 1024 * 1024

SHAPES = [
    _unreadable("empty", b""),
    _unreadable("blanks", b" \r\n\t"),
    *(_unreadable(f"not an object: {text}", text.encode()) for text in ("null", "1", '"x"')),
    _unreadable("a list", b"[]"),
    _unreadable("the object in a list", b"[" + ADA + b"]"),
    _unreadable("the object as text", b'"' + ADA.replace(b'"', b'\\"') + b'"'),
    _unreadable("two objects", ADA + ADA),
    _unreadable("something behind it", ADA + b" x"),
    _unreadable("a NUL behind it", ADA + b"\0"),
    _unreadable("cut off", ADA[:-1]),
    _unreadable("a comma too many", ADA[:-1] + b",}"),
    _unreadable("a comment before it", b"/* sound */" + ADA),
    _unreadable("a comment behind it", ADA + b"// sound"),
    _unreadable("single quotes", ADA.replace(b'"', b"'")),
    _unreadable("names without quotes", ADA.replace(b'"first_name"', b"first_name")),
    _unreadable("a form", b"first_name=Ada&last_name=King"),
    _unreadable("a key twice", ADA[:-1] + b', "last_name": "Byron"}'),
    _unreadable("a key twice, once escaped", ADA[:-1] + b', "\\u0066irst_name": "Ada"}'),
    _unreadable("a key twice, further in", _value('{"a": 1, "a": 1}')),
    _unreadable("a lone surrogate as a key", ADA[:-1] + b', "\\ud800": 1}'),
]

ENCODINGS = [
    _unreadable("a BOM", b"\xef\xbb\xbf" + ADA),
    _unreadable("UTF-16", ADA.decode().encode("utf-16")),
    _unreadable("UTF-16 without a BOM", ADA.decode().encode("utf-16-le")),
    _unreadable("UTF-32", ADA.decode().encode("utf-32")),
    _unreadable("invalid UTF-8", ADA.replace(b"Ada", b"Ada\xff")),
    _unreadable("Latin-1", ADA.replace(b"Ada", b"Ad\xe1")),
    _unreadable("a NUL of two bytes", ADA.replace(b"Ada", b"Ada\xc0\x80")),
    _unreadable("a surrogate in UTF-8", ADA.replace(b"Ada", b"Ada\xed\xa0\x80")),
    _unreadable("cut off within a character", ADA[:-2] + "ž".encode()[:1]),
    _unreadable("packed", b"\x1f\x8b\x08\x00" + ADA),
    _unreadable("a raw NUL", ADA.replace(b"Ada", b"Ada\0")),
    _unreadable("a raw line break", ADA.replace(b"Ada", b"Ada\n")),
    _unreadable("a wrong escape", ADA.replace(b"Ada", b"\\x41da")),
    _unreadable("a blank of another script before it", "\u00a0".encode() + ADA),
]

DEPTHS = [
    _unreadable("100,000 open brackets", b"[" * 100_000),
    _unreadable("5,000 nested objects", b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
    _unreadable("a list 33 deep", _value("[" * 33 + "]" * 33)),
    _unreadable("escaped quotes without an end", b'{"a": "' + b'\\"[' * (MEBIBYTE // 4)),
    _unreadable("brackets closed before they open", b"]" * 40 + b"[" * 40),
]

NUMBERS = [
    *(
        _unreadable(f"{text} is no JSON number", _value(text))
        for text in ("NaN", "Infinity", "-Infinity", "01", ".5", "1.", "+1", "-", "0x10", "1_0")
    ),
    _unreadable("a full-width digit", _value("\uff11")),
    _unreadable("an integer of 41 digits", _value("9" * 41)),
    _unreadable("an integer of 5,000 digits", _value("9" * 5_000)),
]

SIZES = [
    Hostile(name="2 MB", body=_value('"' + "x" * 2_000_000 + '"'), code="body_too_large"),
    Hostile(
        name="a byte over 1 MiB",
        body=ADA + b" " * (MEBIBYTE + 1 - len(ADA)),
        code="body_too_large",
    ),
]

AMOUNTS = _wrong(
    "deposit-money",
    "amount",
    *("12.34", "0.1", "1.0", "1e2", "1E5", "1e400", "-1e400", "1e-400", "1e" + "9" * 1_000),
    *("9" * 30 + ".0", "0", "-0", "-5", "1" + "0" * 15, "9" * 40),
    *("true", "false", "null", "[]", "{}", '["12.34"]', '{"amount": "12.34"}'),
    *('""', '" 5"', '"5 "', '"+5"', '"-0.01"', '"0"', '"0.00"', '"1e2"', '"NaN"', '"sNaN"'),
    *('"Infinity"', '"0x10"', '"1_0"', '"12,34"', '"12.345"', '"0.001"', '".5"', '"1."'),
    *('"\uff11\uff12"', '"\u0661\u0662"', '"\u00bd"', '"12.34\\u0000"', '"12.34\\n"'),
    *('"1' + "0" * 15 + '"', '"' + "9" * 40 + '"', '"' + "9" * 41 + '"'),
)

NAMES = _wrong(
    "register-person",
    "first_name",
    *('""', '"   "', '"\\t\\n"', '"' + "x" * 101 + '"', '"' + "x" * 100_000 + '"'),
    *('"a\\u0000b"', '"\\ud800"', '"a\\udfffb"', '"\\udc00\\ud800"'),
    *("1", "1.5", "1e400", "true", "null", "[]", '["Ada"]', "{}", '{"first_name": "Ada"}'),
    "[" + ",".join(["[]"] * 300_000) + "]",
)

IDS = [
    case
    for command, field in (
        ("deposit-money", "aggregate_id"),
        ("open-account", "owner_id"),
        ("register-person", "aggregate_id"),
    )
    for case in _wrong(
        command,
        field,
        *("1", "1.5", "null", "true", "[]", "{}", f'["{ACCOUNT}"]', '""', '"x"'),
        *(f'"{{{ACCOUNT}}}"', f'"urn:uuid:{ACCOUNT}"', f'"{ACCOUNT.hex}"', f'" {ACCOUNT}"'),
        *(f'"{ACCOUNT}\\n"', f'"{ACCOUNT}\\u0000"', f'"\uff10{str(ACCOUNT)[1:]}"'),
    )
]

DAYS = _wrong(
    "deposit-money",
    "booked_on",
    *('""', '"1993-1-1"', '"19930101"', '"1993-W01-1"', '"0000-01-01"', '"1993-02-30"'),
    *('"1993-01-01T00:00:00"', '"10000-01-01"', '"\uff11993-01-01"', "19930101", "true", "[]"),
)

#: What only the server or a process sets, and what other languages would look up.
FOREIGN_FIELDS = [
    Hostile(
        name=f"{command} {field}",
        command=command,
        body=_changed(command, field, text),
        code=INVALID,
        fields=(field,),
    )
    for command in SOUND
    for field, text in (
        *((name, f'"{ACCOUNT}"') for name in ("tenant_id", "command_id", "transfer_id")),
        *((name, f'"{ACCOUNT}"') for name in ("causation_id", "correlation_id")),
        *((name, "1") for name in ("version", "expected_version", "position", "attempt")),
        *((name, '"operator"') for name in ("user", "role", "actor", "client_fields")),
        ("recorded_at", '"1994-03-31T12:00:00Z"'),
        *((name, "{}") for name in ("__class__", "__proto__", "__dict__", "", "AMOUNT")),
    )
]

#: One mistake made often, or many at once.
MANY = [
    Hostile(
        name="90,000 unknown keys",
        body=ADA[:-1] + b"".join(b',"%x":1' % n for n in range(90_000)) + b"}",
        code=INVALID,
        fields=tuple(sorted(f"{n:x}" for n in range(90_000))[:20]),
    ),
    Hostile(
        name="keys of 50,000 characters",
        body=ADA[:-1]
        + b"".join(b',"%s":1' % (b"abc"[n : n + 1] * 50_000) for n in (0, 1, 2))
        + b"}",
        code=INVALID,
        fields=tuple(letter * 100 for letter in "abc"),
    ),
    Hostile(
        name="every field wrong",
        command="deposit-money",
        body=b'{"aggregate_id": "x", "amount": -1, "booked_on": "never", "reference": 1, "x": 1}',
        code=INVALID,
        fields=("aggregate_id", "amount", "booked_on", "reference", "x"),
    ),
    Hostile(
        name="no field",
        command="deposit-money",
        body=b"{}",
        code=INVALID,
        fields=("aggregate_id", "amount"),
    ),
]

GROUPS: dict[str, list[Hostile]] = {
    "shapes": SHAPES,
    "encodings": ENCODINGS,
    "depths": DEPTHS,
    "numbers": NUMBERS,
    "sizes": SIZES,
    "amounts": AMOUNTS,
    "names": NAMES,
    "ids": IDS,
    "days": DAYS,
    "foreign fields": FOREIGN_FIELDS,
    "many": MANY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmless:
    """Looks hostile and is not: `field` is understood as `value`."""

    command: str
    field: str
    text: str
    value: object

    @property
    def body(self) -> bytes:
        return _changed(self.command, self.field, self.text)


HARMLESS = [
    Harmless(command=command, field=field, text=text, value=value)
    for command, field, text, value in (
        ("register-person", "first_name", '"' + "[{" * 50 + '"', "[{" * 50),
        ("register-person", "first_name", '"\\"' + "[" * 40 + '\\\\"', '"' + "[" * 40 + "\\"),
        ("register-person", "first_name", '"\\u0041da"', "Ada"),
        ("register-person", "first_name", '"\\ud83d\\ude00"', "\U0001f600"),
        ("register-person", "first_name", '" null "', "null"),
        (
            "register-person",
            "aggregate_id",
            f'"{str(PERSON)[:-1]}D"',
            UUID(f"{str(PERSON)[:-1]}d"),
        ),
        ("open-account", "owner_id", f'"{str(PERSON).upper()}"', PERSON),
        ("deposit-money", "amount", "5", Decimal("5.00")),
        ("deposit-money", "amount", '"007.5"', Decimal("7.50")),
        ("deposit-money", "amount", '"999999999999999.99"', Decimal("999999999999999.99")),
        ("deposit-money", "booked_on", "null", None),
        ("deposit-money", "reference", '"' + "]" * 140 + '"', "]" * 140),
    )
]
