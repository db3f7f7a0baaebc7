"""What every URL of the project has to do with tenants: classified by hand.

For each parameter stands what it reads: the kinds of values that it can read at all, and the
columns that they are compared with.
"""

from tests.tenants.admin_routes import ADMIN
from tests.tenants.classification import (
    A_DAY,
    A_WORD,
    AGGREGATE,
    ANY_TEXT,
    COMMAND_COLUMNS,
    COMMAND_ID,
    NUMBER,
    POSITION,
    TENANT,
    Route,
    What,
    looked_up,
)
from tests.tenants.findings import AMOUNTS, NUMBERS, TEXTS, TIMES

PAGING = {"page": NUMBER, "page_size": NUMBER, "ordering": A_WORD}
WAITING = {
    "min_position": POSITION,
    "wait": NUMBER,
    "snapshot": looked_up(TEXTS, "RowCopy.label"),
}

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
TRANSFER_COLUMNS = {
    "transfer_id": AGGREGATE,
    "from_account_id": AGGREGATE,
    "to_account_id": AGGREGATE,
    "amount": looked_up(AMOUNTS, "PersonSummary.total_balance"),
    "status": A_WORD,
    "reason": ANY_TEXT,
    "started_at": looked_up(TIMES, "StoredEvent.recorded_at"),
    "ended_at": looked_up(TIMES, "StoredEvent.recorded_at"),
    "version": NUMBER,
    "updated_at": looked_up(TIMES, "StoredEvent.recorded_at"),
}
USER_COLUMNS = {
    "user_id": AGGREGATE,
    "login_name": looked_up(TEXTS, "UserSummary.login_name"),
    "status": A_WORD,
    "version": NUMBER,
    "updated_at": looked_up(TIMES, "StoredEvent.recorded_at"),
}
LINE_COLUMNS = {
    "position": POSITION,
    "booked_on": A_DAY,
    "reference": looked_up(TEXTS, "AccountStatementLine.reference"),
    "amount": looked_up(AMOUNTS, "AccountStatementLine.amount"),
    "balance": looked_up(AMOUNTS, "AccountStatementLine.balance"),
    "version": NUMBER,
    "updated_at": looked_up(TIMES, "StoredEvent.recorded_at"),
}
DAY_COLUMNS = {
    "booked_on": A_DAY,
    "deposit_count": NUMBER,
    "deposited": looked_up(AMOUNTS, "DailyTotals.deposited"),
    "withdrawal_count": NUMBER,
    "withdrawn": looked_up(AMOUNTS, "DailyTotals.withdrawn"),
    "version": NUMBER,
    "updated_at": looked_up(TIMES, "StoredEvent.recorded_at"),
}
ACCOUNT = {"key": (AGGREGATE, "account_id")}
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
    "api/accounts/<str:key>/statement": Route(
        What.LIST, path=ACCOUNT, query={**LINE_COLUMNS, **PAGING, **WAITING}
    ),
    "api/accounts/<str:key>/balance": Route(
        What.ONE, path=ACCOUNT, query={"booked_on": A_DAY, "recorded_on": A_DAY, **WAITING}
    ),
    "api/daily-totals": Route(What.LIST, query={**DAY_COLUMNS, **PAGING, **WAITING}),
    "api/overview": Route(What.ONE, query=WAITING),
    "api/transfers": Route(What.LIST, query={**TRANSFER_COLUMNS, **PAGING, **WAITING}),
    "api/transfers/<str:key>": Route(
        What.ONE, path={"key": (AGGREGATE, "transfer_id")}, query=WAITING
    ),
    "api/users": Route(What.LIST, query={**USER_COLUMNS, **PAGING, **WAITING}),
    "api/users/<str:key>": Route(What.ONE, path={"key": (AGGREGATE, "user_id")}, query=WAITING),
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
    "api/projections": Route(What.LIST),
    **{
        f"api/projections/<str:name>/{action}": Route(
            What.COMMAND, path={"name": (A_WORD, "account_statement")}
        )
        for action in ("pause", "resume", "retry", "skip", "rebuild")
    },
    "api/projections/<str:name>/rebuilds": Route(
        What.LIST,
        path={"name": (A_WORD, "account_statement")},
        query={"before": looked_up(NUMBERS, "Rebuild.id"), "limit": NUMBER},
    ),
    "api/projections/<str:name>/rebuilds/<int:number>": Route(
        What.ONE,
        path={
            "name": (A_WORD, "account_statement"),
            "number": (looked_up(NUMBERS, "Rebuild.id"), "rebuild_number"),
        },
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

PUBLIC = {
    "": Route(What.PUBLIC),
    "api/": Route(What.PUBLIC),
    "api/docs": Route(What.PUBLIC),
    "api/schema": Route(What.PUBLIC),
    "healthz": Route(What.PUBLIC),
    "readyz": Route(What.PUBLIC),
    "metrics": Route(What.PUBLIC),
    "admin/login/": Route(What.PUBLIC),
    "admin/logout/": Route(What.PUBLIC),
    "admin/jsi18n/": Route(What.PUBLIC),
}

#: What every URL of the API takes.
HEADERS = {"X-Tenant": TENANT}

ROUTES: dict[str, Route] = {**API, **ADMIN, **PUBLIC}
