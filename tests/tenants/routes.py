"""What every URL of the project has to do with tenants: classified by hand.

For each parameter stands what it reads: the kinds of values that it can read at all, and the
columns that they are compared with. `matrix` says how much is put into which.
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

PAGING = {"page": NUMBER, "page_size": NUMBER, "ordering": A_WORD}
WAITING = {"min_position": POSITION, "wait": NUMBER}


def cursor(column: str) -> dict[str, Reads]:
    return {"after": looked_up(NUMBERS, column), "before": looked_up(NUMBERS, column)}


PERSON_COLUMNS = {
    "person_id": AGGREGATE,
    "name": looked_up(TEXTS, "PersonSummary.name"),
    "registered_at": looked_up(TIMES, "StoredEvent.recorded_at"),
    "open_account_count": NUMBER,
    "total_balance": looked_up(AMOUNTS, "PersonSummary.total_balance"),
    "version": NUMBER,
    "updated_at": looked_up(TIMES, "StoredEvent.recorded_at"),
}
ACCOUNT_COLUMNS = {
    "account_id": AGGREGATE,
    "code": looked_up(TEXTS, "AccountSummary.code"),
    "status": ANY_TEXT,
    "balance": looked_up(AMOUNTS, "PersonSummary.total_balance"),
    "owner_id": AGGREGATE,
    "owner_name": looked_up(TEXTS, "PersonSummary.name"),
    "opened_at": looked_up(TIMES, "StoredEvent.recorded_at"),
    "version": NUMBER,
    "updated_at": looked_up(TIMES, "StoredEvent.recorded_at"),
}
COMMAND_COLUMNS = {
    "status": A_WORD,
    "type": ANY_TEXT,
    "correlation_id": looked_up(UUIDS, "StoredCommand.correlation_id"),
}
COMMAND_ID = looked_up(UUIDS, "StoredCommand.id")
STREAM = {"category": (ANY_TEXT, "account"), "key": (AGGREGATE, "account_id")}

API = {
    "api/commands": Route(
        What.LIST,
        query={
            **COMMAND_COLUMNS,
            "after": looked_up(NUMBERS, "StoredCommand.number"),
            "limit": NUMBER,
        },
    ),
    "api/commands/<any_case_uuid:command_id>": Route(
        What.ONE, path={"command_id": (COMMAND_ID, "command_id")}
    ),
    "api/commands/<str:name>": Route(What.COMMAND, path={"name": (ANY_TEXT, "deposit-money")}),
    "api/persons": Route(What.LIST, query={**PERSON_COLUMNS, **PAGING, **WAITING}),
    "api/persons/<str:key>": Route(
        What.ONE, path={"key": (AGGREGATE, "person_id")}, query=WAITING
    ),
    "api/accounts": Route(What.LIST, query={**ACCOUNT_COLUMNS, **PAGING, **WAITING}),
    "api/accounts/<str:key>": Route(
        What.ONE, path={"key": (AGGREGATE, "account_id")}, query=WAITING
    ),
    "api/streams": Route(
        What.LIST,
        query={
            "category": ANY_TEXT,
            "status": A_WORD,
            "after": looked_up(NUMBERS, "StoredStream.id"),
            "limit": NUMBER,
        },
    ),
    "api/streams/<str:category>/<str:key>": Route(
        What.ONE,
        path=STREAM,
        query={
            "from_version": NUMBER,
            "to_version": NUMBER,
            "direction": A_WORD,
            "limit": NUMBER,
        },
    ),
    "api/streams/<str:category>/<str:key>/state": Route(
        What.ONE,
        path=STREAM,
        query={"version": NUMBER, "at": looked_up(TIMES, "StoredEvent.recorded_at")},
    ),
    "api/feed": Route(
        What.LIST,
        query={
            "after": POSITION,
            "limit": NUMBER,
            "category": ANY_TEXT,
            "type": ANY_TEXT,
            "wait": NUMBER,
        },
    ),
}

KEY_NUMBER = looked_up(NUMBERS, "ApiKey.id")
MEMBERSHIP_NUMBER = looked_up(NUMBERS, "Membership.id")
TENANT_AND_USER = {"tenant": TENANT, "user": USER}

STREAMS_ADMIN = {
    "admin/eventstore/storedstream/": Route(
        What.ADMIN_LIST,
        query={
            "tenant": TENANT,
            "category": ANY_TEXT,
            "status": A_WORD,
            "stream": AGGREGATE,
            **cursor("StoredStream.id"),
        },
    ),
    "admin/eventstore/storedstream/<int:pk>/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(NUMBERS, "StoredStream.id"), "stream_number")},
        query={"order": A_WORD, **cursor("StoredEvent.position")},
    ),
    "admin/eventstore/storedstream/<int:pk>/state/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(NUMBERS, "StoredStream.id"), "stream_number")},
        query={
            "version": NUMBER,
            "at": looked_up(TIMES, "StoredEvent.recorded_at"),
        },
    ),
}

COMMANDS_ADMIN = {
    "admin/eventstore/storedcommand/": Route(
        What.ADMIN_LIST,
        query={
            "tenant": TENANT,
            **COMMAND_COLUMNS,
            "id": COMMAND_ID,
            **cursor("StoredCommand.number"),
        },
    ),
    "admin/eventstore/storedcommand/<int:pk>/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(NUMBERS, "StoredCommand.number"), "command_number")},
    ),
    "admin/eventstore/storedcommand/send/": Route(
        What.ADMIN_PAGE, query={"tenant": TENANT, "command": ANY_TEXT}
    ),
    "admin/eventstore/storedcommand/send/<slug:slug>/<str:name>/": Route(
        What.ADMIN_ACTION, path={"slug": (TENANT, "slug"), "name": (ANY_TEXT, "deposit-money")}
    ),
}

TENANTS_ADMIN = {
    "admin/eventstore/tenant/": Route(What.ADMIN_LIST, query={"after": TENANT, "before": TENANT}),
    "admin/eventstore/tenant/<uuid:pk>/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(UUIDS, "Tenant.id"), "tenant_id")},
        query=cursor("LogEntry.id"),
    ),
    "admin/eventstore/membership/": Route(
        What.ADMIN_LIST, query={**TENANT_AND_USER, **cursor("Membership.id")}
    ),
    "admin/eventstore/membership/new/": Route(What.ADMIN_ACTION),
    "admin/eventstore/membership/<int:pk>/": Route(
        What.ADMIN_PAGE, path={"pk": (MEMBERSHIP_NUMBER, "membership_number")}
    ),
    "admin/eventstore/membership/<int:pk>/role/": Route(
        What.ADMIN_ACTION, path={"pk": (MEMBERSHIP_NUMBER, "membership_number")}
    ),
    "admin/eventstore/membership/<int:pk>/end/": Route(
        What.ADMIN_ACTION, path={"pk": (MEMBERSHIP_NUMBER, "membership_number")}
    ),
    "admin/eventstore/apikey/": Route(
        What.ADMIN_LIST, query={**TENANT_AND_USER, **cursor("ApiKey.id")}
    ),
    "admin/eventstore/apikey/new/": Route(What.ADMIN_ACTION),
    "admin/eventstore/apikey/<int:pk>/": Route(
        What.ADMIN_PAGE, path={"pk": (KEY_NUMBER, "key_number")}
    ),
    "admin/eventstore/apikey/<int:pk>/revoke/": Route(
        What.ADMIN_ACTION, path={"pk": (KEY_NUMBER, "key_number")}
    ),
}

#: Django's pages of a model: its key is a number, and nobody but superusers gets there.
_KEY = {"object_id": (looked_up(NUMBERS, "Membership.user"), "1")}
DJANGO_ADMIN = {
    **{
        f"admin/auth/{model}/{page}": Route(What.DJANGO, path=_KEY if "<" in page else {})
        for model in ("user", "group")
        for page in (
            "",
            "add/",
            "<path:object_id>/",
            "<path:object_id>/change/",
            "<path:object_id>/delete/",
            "<path:object_id>/history/",
        )
    },
    "admin/auth/user/<id>/password/": Route(What.DJANGO, path={"id": _KEY["object_id"]}),
    "admin/autocomplete/": Route(
        What.DJANGO,
        query={"app_label": A_WORD, "model_name": A_WORD, "field_name": A_WORD, "term": USER},
    ),
    # Finds the page of any object of any model. None of ours has one, so all it says is "no".
    "admin/r/<path:content_type_id>/<path:object_id>/": Route(
        What.DJANGO,
        path={
            "content_type_id": (NUMBER, "content_type"),
            "object_id": (reads(*EVERY_KIND), "person_id"),
        },
    ),
}

#: About nobody but the user: the index lists the kinds of pages, and one's own last actions.
ABOUT_THE_USER = {
    "admin/": Route(What.ADMIN_LIST),
    "admin/<app_label>/": Route(What.ADMIN_LIST, path={"app_label": (A_WORD, "eventstore")}),
    "admin/password_change/": Route(What.ADMIN_LIST),
    "admin/password_change/done/": Route(What.ADMIN_LIST),
    # All other addresses below admin/.
    "admin/<url>": Route(What.ADMIN_PAGE, path={"url": (A_WORD, "nothing/")}),
}

PUBLIC = {
    "": Route(What.PUBLIC),
    "api/": Route(What.PUBLIC),
    "api/docs": Route(What.PUBLIC),
    "api/schema": Route(What.PUBLIC),
    "healthz": Route(What.PUBLIC),
    "admin/login/": Route(What.PUBLIC),
    "admin/logout/": Route(What.PUBLIC),
    "admin/jsi18n/": Route(What.PUBLIC),
}

#: What every URL of the API takes.
HEADERS = {"X-Tenant": TENANT}

ROUTES: dict[str, Route] = {
    **API,
    **STREAMS_ADMIN,
    **COMMANDS_ADMIN,
    **TENANTS_ADMIN,
    **DJANGO_ADMIN,
    **ABOUT_THE_USER,
    **PUBLIC,
}
