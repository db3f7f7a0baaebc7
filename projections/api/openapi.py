"""The queries' part of the API's description, made from their specs and their models' fields."""

from eventstore.api.openapi.parts import (
    COUNT,
    OF_ANY_CALL,
    READING,
    SENT_NUMBER,
    TENANT,
    TIME_TEXT,
    UUID_TEXT,
    Part,
    Problems,
    answer,
    header,
    parameter,
    record,
)
from eventstore.input.schemas import Schema, or_null
from eventstore.projections import Mode, Projections
from projections.api.openapi_rows import DAY, key_of, list_parameters, page_of, row_of
from projections.api.parameters import BALANCE_DAYS, MAXIMUM_WAIT
from projections.queries import ACCOUNTS, OVERVIEW, QUERIES, STATEMENT, TOTALS, Query

TAG = "Queries"

_AS_OF: Schema = {
    **or_null(TIME_TEXT),
    "description": "All that had happened then is in the rows; null before the first run, and "
    "in a copy that was made as of a position.",
}

_MEANINGS = {
    "projection_failed": "This process and the database differ on how rows are written.",
    "not_applicable": "The copy was made before its tables were changed.",
}

_POSITION = {"X-Position": header(COUNT, "What is shown contains all events up to this position.")}

_MIN_POSITION = (
    "The `position` of a command's answer: what is shown shall contain it. Beyond the last "
    "position there is: 400."
)
_SNAPSHOT = (
    "The label of a copy, which operators make as of a time or a position: it is read instead of "
    "the live rows, and `X-Position` is the copy's. Unknown, or without these rows: 404. Together "
    "with `min_position` or `wait`: 400."
)
_LABEL: Schema = {"type": "string", "pattern": r"^[^\x00]*$"}
_WAIT: Schema = {"type": "integer", "minimum": 0, "maximum": MAXIMUM_WAIT, "default": 0}

#: The codes with which a read model may refuse to promise a position, by its mode.
_OF_MODE = {
    Mode.INLINE: (),
    Mode.ASYNC: ("not_caught_up",),
    Mode.ON_DEMAND: ("not_caught_up",),
    Mode.SCHEDULED: ("not_waitable",),
}


class QueryPaths:
    """Describes the queries, each as the mode of its projection wants it."""

    def __init__(self, projections: Projections, problems: Problems) -> None:
        self._projections = projections
        self._problems = problems

    def all(self) -> dict[str, Part]:
        described: dict[str, Part] = {}
        for query in QUERIES:
            described[f"/api/{query.name}"] = self._list(query)
            described[f"/api/{query.name}/{{{query.key}}}"] = self._detail(query)
        return {
            **described,
            "/api/accounts/{account_id}/statement": self._statement(),
            "/api/accounts/{account_id}/balance": self._balance(),
            f"/api/{TOTALS.name}": self._list(TOTALS),
            f"/api/{OVERVIEW.name}": self._overview(),
        }

    def _list(self, query: Query) -> Part:
        return self._get(
            query,
            page_of(query),
            name=f"list_{query.name.replace('-', '_')}",
            summary=f"All {query.name.replace('-', ' ')}, a page at a time.",
            parameters=list_parameters(query),
            shown="A page; past the end it is empty.",
        )

    def _detail(self, query: Query) -> Part:
        return self._get(
            query,
            row_of(query),
            name=f"read_{query.category}",
            summary=f"One {query.category}.",
            parameters=[key_of(query)],
            shown="It is there.",
        )

    def _statement(self) -> Part:
        return self._get(
            STATEMENT,
            page_of(STATEMENT),
            name="list_statement",
            summary="An account's statement: its bookings in the order of recording.",
            parameters=[key_of(ACCOUNTS), *list_parameters(STATEMENT)],
            shown="A page; past the end it is empty.",
        )

    def _balance(self) -> Part:
        days = [
            parameter("booked_on", "query", DAY, "The day for which bookings count."),
            parameter("recorded_on", "query", DAY, "The day on which they were recorded (UTC)."),
        ]
        known = {"account_id": UUID_TEXT, "balance": row_of(STATEMENT)["balance"]}
        return self._get(
            STATEMENT,
            *({**known, name: DAY} for name in BALANCE_DAYS),
            name="read_balance",
            summary="An account's balance at the end of a day; give one of the two days.",
            parameters=[key_of(ACCOUNTS), *days],
            shown="All that came in less all that went out, with the day that was asked for.",
        )

    def _overview(self) -> Part:
        row = row_of(OVERVIEW)
        row["updated_at"] = or_null(row["updated_at"])
        return self._get(
            OVERVIEW,
            row,
            name="read_overview",
            summary="Your tenant in a few numbers.",
            parameters=[],
            shown="Zeros where nothing has happened yet.",
        )

    def _get(
        self,
        query: Query,
        *bodies: dict[str, Schema],
        name: str,
        summary: str,
        parameters: list[Part],
        shown: str,
    ) -> Part:
        """A GET that is answered with one of these objects."""
        # Another domain's application may have none of these read models.
        is_here = self._projections.named(query.projection) is not None
        mode = self._projections.mode_of(query.projection) if is_here else Mode.INLINE
        also = {"as_of": _AS_OF} if mode is Mode.SCHEDULED else {}
        schemas = [record({**also, **body}) for body in bodies]
        schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
        codes = (*OF_ANY_CALL, *_OF_MODE[mode], "projection_failed", "not_applicable")
        operation = {
            "tags": [TAG],
            "operationId": name,
            "summary": summary,
            "parameters": [*parameters, *_wanted(mode), TENANT],
            "security": READING,
            "responses": {
                "200": answer(shown, schema, _POSITION),
                **self._problems.answers(codes, _MEANINGS),
            },
        }
        return {"get": operation}


def _wanted(mode: Mode) -> list[Part]:
    position = _MIN_POSITION
    if mode is Mode.SCHEDULED:
        position = "Refused (409): these rows are brought up to date at intervals; see `as_of`."
    return [
        parameter("min_position", "query", SENT_NUMBER, position),
        parameter("wait", "query", _WAIT, "Seconds to wait for `min_position`."),
        parameter("snapshot", "query", _LABEL, _SNAPSHOT),
    ]
