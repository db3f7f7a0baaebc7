"""`/api/schema` says what is: every URL, command, bound, code and example."""

import json
import re
import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import jsonschema_rs
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from schemathesis.specs.openapi.definitions import OPENAPI_31

from config.api_errors import STATUS_OF_CODE, STATUS_OF_REFUSAL
from config.composition import build_application
from config.openapi import describe
from eventstore.api.openapi.codes import MEANINGS
from eventstore.application import Application
from eventstore.command_types import CommandType
from eventstore.commands import Command
from eventstore.fields import ExactDecimal, Text
from eventstore.input.commands import fields_of, read_command
from eventstore.input.schemas import EXAMPLE_ID
from eventstore.tenancy import OPERATORS
from projections.api import openapi_rows as queries_openapi
from projections.api.parameters import READERS
from tests.contracts.library.domain import build_application as build_library
from tests.http import Api

PROJECT = Path(__file__).resolve().parent.parent.parent
APPLICATION = build_application()
DOCUMENT = json.loads(json.dumps(describe(APPLICATION)))
COMMANDS = list(APPLICATION.commands.offered())


def post_of(name: str, document: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"][f"/api/commands/{name}"]["post"]
    return operation


def body_of(name: str, document: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    content: dict[str, Any] = post_of(name, document)["requestBody"]["content"]
    return content["application/json"]


def codes_of(operation: dict[str, Any]) -> dict[str, int]:
    """Each code that an operation declares, with its status."""
    return {
        code: int(status)
        for status, answer in operation["responses"].items()
        for code in answer.get("content", {}).get(
            "application/problem+json", {"schema": {"properties": {"code": {"enum": []}}}}
        )["schema"]["properties"]["code"]["enum"]
    }


def operations() -> list[dict[str, Any]]:
    return [one for methods in DOCUMENT["paths"].values() for one in methods.values()]


# The document ------------------------------------------------------------------------------------


def test_it_is_a_valid_openapi_document() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    jsonschema_rs.validator_for(OPENAPI_31).validate(DOCUMENT)
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert DOCUMENT["info"]["version"] == project["version"]
    identifiers = [operation["operationId"] for operation in operations()]
    assert len(set(identifiers)) == len(identifiers)


def test_every_schema_in_it_is_a_valid_json_schema() -> None:
    def schemas(part: Any) -> Any:
        if isinstance(part, dict):
            yield from ([part["schema"]] if "schema" in part else [])
            for inner in part.values():
                yield from schemas(inner)
        if isinstance(part, list):
            for inner in part:
                yield from schemas(inner)

    found = [*schemas(DOCUMENT["paths"]), *DOCUMENT["components"]["schemas"].values()]
    assert len(found) > 100
    for schema in found:
        jsonschema_rs.meta.validate(schema)


def urls(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> list[str]:
    found = []
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += urls(pattern.url_patterns, address)
        else:
            found.append(address)
    return found


def test_it_has_every_url_under_api_and_no_other() -> None:
    served = {
        re.sub(r"<[^>]*>", "{}", address)
        for address in urls(get_resolver().url_patterns)
        if address.startswith("/api/")
    }
    described = {re.sub(r"{[^}]*}", "{}", path) for path in DOCUMENT["paths"]}
    of_commands = {f"/api/commands/{command.name}" for command in COMMANDS}
    # The root leads to the page, and one pattern serves all commands, like one command's log.
    assert served - {"/api/"} == described - of_commands
    assert of_commands <= described


def test_every_code_of_the_table_is_declared_somewhere() -> None:
    declared = {code for operation in operations() for code in codes_of(operation)}
    refusals = {refusal.code for command in COMMANDS for refusal in command.refusals}
    # No operation answers that a URL does not take a method; the introduction lists it.
    assert declared == set(STATUS_OF_CODE) - {"method_not_allowed"} | refusals
    assert set(MEANINGS) == set(STATUS_OF_CODE)
    for code in MEANINGS:
        assert f"| `{code}` | {STATUS_OF_CODE[code]} |" in DOCUMENT["info"]["description"]


def test_every_error_example_is_what_its_schema_says() -> None:
    for operation in operations():
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/problem+json")
            if content is None:
                continue
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            for code, example in content["examples"].items():
                jsonschema_rs.validator_for(schema).validate(example["value"])
                assert (example["value"]["code"], example["value"]["status"]) == (
                    code,
                    int(status),
                )


# Commands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_its_own_operation(command: CommandType) -> None:
    operation, body = post_of(command.name), body_of(command.name)["schema"]
    fields = fields_of(command)
    assert list(body["properties"]) == [field.name for field in fields]
    assert body["required"] == sorted(field.name for field in fields if field.required)
    assert body["additionalProperties"] is False
    assert ("201" in operation["responses"]) is command.creates
    assert ("200" in operation["responses"]) is not command.creates
    assert operation["summary"].endswith(".")
    names = [parameter["name"] for parameter in operation["parameters"]]
    # A command with a secret is done at once or not at all.
    at = [] if command.secrets else ["at"]
    assert names == [*at, "Idempotency-Key", "If-Match", "X-Correlation-ID", "X-Tenant"]
    assert ("202" in operation["responses"]) is bool(at)
    codes = codes_of(operation)
    assert ("not_schedulable" in codes) is bool(command.secrets)
    assert {"not_found": 404, "boxed": 410, "already_exists": 409}.items() <= codes.items()
    for refusal in command.refusals:
        status = STATUS_OF_CODE.get(refusal.code, STATUS_OF_REFUSAL)
        assert codes[refusal.code] == status
        (meaning, *_) = str(refusal.__doc__).partition("\n\n")
        refused = operation["responses"][str(status)]["description"]
        assert f"`{refusal.code}`: {meaning}" in refused


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_example_is_taken(command: CommandType) -> None:
    body = body_of(command.name)
    jsonschema_rs.validator_for(body["schema"]).validate(body["example"])
    parsed = read_command(body["example"], command, new_id=UUID(EXAMPLE_ID))
    assert isinstance(parsed.command, command.command_class)
    for field in fields_of(command):
        for example in body["schema"]["properties"][field.name]["examples"]:
            field.read(example)


def test_the_bounds_of_fields_are_declared() -> None:
    properties = body_of("deposit-money")["schema"]["properties"]
    assert properties["amount"]["type"] == ["string", "integer"]
    assert properties["amount"]["maximum"] == 10**15 - 1
    assert properties["booked_on"]["type"] == ["string", "null"]
    assert (properties["booked_on"]["format"], properties["booked_on"]["default"]) == (
        "date",
        None,
    )
    assert (properties["reference"]["maxLength"], properties["reference"]["default"]) == (140, "")
    name = body_of("register-person")["schema"]["properties"]["first_name"]
    assert (name["minLength"], name["maxLength"]) == (1, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlyToTheMoon(Command):
    """Leave the earth.

    There is no way back.
    """

    fuel: Annotated[Decimal, ExactDecimal(places=3, below=1000)]
    crew: Annotated[str, Text(minimum=2, maximum=7, example="Ed, Al")] | None = None
    lift_off: date = date(1969, 7, 16)


def test_a_command_that_a_team_registers_appears_by_itself() -> None:
    application = Application(pipeline=[])
    application.commands.handle(
        FlyToTheMoon, lambda command, repository: None, name="fly-to-the-moon", roles=OPERATORS
    )

    document = json.loads(json.dumps(describe(application)))

    operation = post_of("fly-to-the-moon", document)
    assert operation["summary"] == "Leave the earth."
    assert operation["description"] == (
        "There is no way back.\n\nRoles that may send it: `operator`."
    )
    body = body_of("fly-to-the-moon", document)
    assert body["example"] == {
        "aggregate_id": EXAMPLE_ID,
        "fuel": "12.340",
        "crew": "Ed, Al",
        "lift_off": "1994-03-31",
    }
    assert body["schema"]["required"] == ["aggregate_id", "fuel"]
    assert body["schema"]["properties"]["crew"]["type"] == ["string", "null"]
    assert body["schema"]["properties"]["lift_off"]["default"] == "1969-07-16"
    jsonschema_rs.validator_for(OPENAPI_31).validate(document)


def test_another_domain_describes_itself_also_without_words() -> None:
    document = json.loads(json.dumps(describe(build_library())))
    operation = post_of("lend-book", document)
    # A dataclass without a docstring has its signature in its place.
    assert operation["summary"] == "lend-book"
    assert "LendBook(" not in operation["description"]


# Queries -----------------------------------------------------------------------------------------


def test_every_kind_of_column_that_can_be_read_can_be_described() -> None:
    assert set(queries_openapi.SHOWN) == set(queries_openapi.TAKEN) == set(READERS)


def test_the_columns_of_a_query_have_the_types_of_their_fields() -> None:
    operation = DOCUMENT["paths"]["/api/accounts"]["get"]
    page = operation["responses"]["200"]["content"]["application/json"]["schema"]
    row = page["properties"]["results"]["items"]["properties"]
    assert row["balance"] == {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$"}
    assert row["status"] == {"type": "string", "enum": ["open", "closed"]}
    assert row["owner_name"] == {"type": ["string", "null"]}
    assert row["owner_id"] == {"type": "string", "format": "uuid"}
    filters = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
    assert filters["status"] == {"type": "string", "enum": ["open", "closed"]}
    assert filters["version"]["type"] == "integer"
    assert filters["page_size"]["maximum"] == 500


def test_a_word_that_a_column_never_holds_is_refused(api: Api) -> None:
    assert api.get("/api/accounts?status=open").status == 200
    answer = api.get("/api/accounts?status=frozen").refused(400, "validation_failed")
    assert answer.body["errors"] == {"status": ["must be one of open, closed"]}
