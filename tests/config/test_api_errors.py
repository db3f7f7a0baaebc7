"""One table from codes to statuses; a fault of ours is a problem document too."""

import logging
from typing import Any

import pytest
from django.db import OperationalError

import ledger.errors
from config.api_errors import STATUS_OF_CODE, exception_handler
from eventstore import errors
from eventstore.application import Application
from eventstore.errors import DaybookError, Refusal
from eventstore.event_types import EventTypes
from eventstore.serialization import EventSerializer
from projections import queries
from tests.http import Api

#: Raised at start, while programming, or in what a process manager does: never as an answer.
NO_ANSWERS = {
    errors.RegistrationError,
    errors.MissingRow,
    errors.RowExists,
    errors.UnsendableCommand,
    ledger.errors.ProcessStuck,
    ledger.errors.StepNotDone,
}


def all_errors(base: type[DaybookError] = DaybookError) -> list[type[DaybookError]]:
    return [base] + [error for child in base.__subclasses__() for error in all_errors(child)]


def test_every_error_that_is_an_answer_has_a_status() -> None:
    for error in all_errors():
        if error is not DaybookError and error not in NO_ANSWERS:
            assert error.code in STATUS_OF_CODE or issubclass(error, Refusal), error


def test_a_database_that_does_not_answer_is_busy(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = exception_handler(OperationalError("the connection is lost"), {})
    assert response is not None
    assert (response.status_code, response.data["code"]) == (503, "busy")
    assert response["Retry-After"] == "1"


def test_events_that_cannot_be_read_are_busy_and_logged(
    api: Api, application: Application, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Nothing is stored, and the same id goes through once the code knows them."""
    person_id = api.registered_person("Alice", "Cooper")
    application.cache.clear()
    monkeypatch.setattr(application.store, "_serializer", EventSerializer(EventTypes()))
    rename = {"aggregate_id": person_id, "first_name": "Ann", "last_name": "Lee"}

    with caplog.at_level("ERROR", logger="daybook.events"):
        monkeypatch.setattr(logging.getLogger("daybook"), "propagate", True)
        answer = api.send("rename-person", rename).refused(503, "busy")

    assert answer.headers["Retry-After"]
    assert "person.registered, schema version 1, is not registered" in answer.body["detail"]
    logged = [record.message for record in caplog.records if record.name == "daybook.events"]
    assert "unreadable_events" in logged


def test_a_fault_of_ours_is_a_problem_without_details(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tenant_id: object) -> object:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(queries.PersonSummary.objects, "filter", broken)
    answer = api.get("/api/persons").refused(500, "internal")
    assert "secret" not in str(answer.raw)


def test_a_host_that_is_not_ours_and_an_unknown_url_are_problems(api: Api) -> None:
    api.get("/api/persons", host="evil.example").refused(400, "validation_failed")
    api.get("/api/nothing").refused(404, "not_found")
    assert b"<html" in Api(None).get("/nothing").raw.lower()


def test_the_process_says_that_it_is_alive(database: None) -> None:
    assert Api(None).get("/healthz").body == {"status": "ok"}
