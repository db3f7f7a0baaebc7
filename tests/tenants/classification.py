"""What can be said of a URL: what it shows or does, and what each of its parameters reads.

A parameter reads some kinds of values, and compares them with some columns. `matrix` says how
much is put into which.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from tests.tenants.findings import AMOUNTS, NUMBERS, TEXTS, TIMES, UUIDS


@dataclass(frozen=True)
class Reads:
    """What a parameter makes of a text: values of these `kinds`, which are looked up in the
    `columns`; another tenant's values there are the ones that could be found by mistake."""

    kinds: frozenset[str]
    columns: tuple[str, ...] = ()


def reads(*kinds: str, columns: tuple[str, ...] = ()) -> Reads:
    return Reads(frozenset(kinds), columns)


def looked_up(kind: str, *columns: str) -> Reads:
    return reads(kind, columns=columns)


NUMBER, TIME, ANY_UUID, ANY_TEXT = reads(NUMBERS), reads(TIMES), reads(UUIDS), reads(TEXTS)
#: One of a few words, or of our own names for things.
A_WORD = reads()
#: A date. All tenants have bookings on the same days, so that none tells whose they are.
A_DAY = reads()
EVERY_KIND = (UUIDS, NUMBERS, TIMES, AMOUNTS, TEXTS)


class What(Enum):
    """What a URL shows or does."""

    PUBLIC = "nothing of any tenant"
    LIST = "a tenant's rows, over the API"
    ONE = "a tenant's row by its id, over the API"
    COMMAND = "does something in a tenant, over the API"
    ADMIN_LIST = "a list in the admin, of the user's tenants"
    ADMIN_PAGE = "a page in the admin, of one row"
    ADMIN_ACTION = "a form in the admin that does something in a tenant"
    DJANGO = "Django's own, for superusers alone"


IN_THE_API = {What.LIST, What.ONE, What.COMMAND}
IN_THE_ADMIN = {What.ADMIN_LIST, What.ADMIN_PAGE, What.ADMIN_ACTION, What.DJANGO}


@dataclass(frozen=True)
class Route:
    """`path`: for each parameter of the path what it reads, and a value that is good for us: a
    text, or the name of one in `world.samples`. `query`: what each query parameter reads."""

    what: What
    path: Mapping[str, tuple[Reads, str]] = field(default_factory=dict)
    query: Mapping[str, Reads] = field(default_factory=dict)


POSITION = looked_up(NUMBERS, "StoredEvent.position")
TENANT = looked_up(TEXTS, "Tenant.slug", "Tenant.name", "Tenant.id")
USER = looked_up(TEXTS, "User.username", "User.email", "StoredCommand.user")
AGGREGATE = looked_up(UUIDS, "StoredStream.aggregate_id")

COMMAND_COLUMNS = {
    "status": A_WORD,
    "type": ANY_TEXT,
    "correlation_id": looked_up(UUIDS, "StoredCommand.correlation_id"),
}
COMMAND_ID = looked_up(UUIDS, "StoredCommand.id")
