"""The system checks stop a wrong registration before anything is served."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import connection, models
from django.test import override_settings
from django.test.utils import isolate_apps

from eventstore.application import Application, get_application, pipeline_from_settings
from eventstore.checks import registration
from eventstore.checks.database import check_database
from eventstore.checks.registration import check_registration
from eventstore.checks.settings import REQUIRED_STEPS, check_lease, check_pipeline
from eventstore.commands import Command
from eventstore.events import Event
from eventstore.fields import Secret, Text
from eventstore.projections import Projection, Rows, Table
from ledger.accounts.events import MoneyDeposited
from ledger.registration import register as register_ledger
from projections.models import AccountSummary


@pytest.fixture(autouse=True)
def _build_anew() -> Generator[None]:
    get_application.cache_clear()
    yield
    get_application.cache_clear()


def built_by(name: str) -> Any:
    """Settings that name one of this module's builders."""
    return override_settings(
        EVENTSTORE={**settings.EVENTSTORE, "APPLICATION": f"{__name__}.{name}"}
    )


def with_pipeline(*steps: str) -> Any:
    return override_settings(EVENTSTORE={**settings.EVENTSTORE, "PIPELINE": list(steps)})


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


def project_nothing(recorded: Any, rows: Rows) -> None:
    """Any projection's function would do."""


def application_with(*projections: Projection) -> Application:
    application = Application(pipeline=pipeline_from_settings())
    register_ledger(application)
    for projection in projections:
        application.projections.inline(projection)
    return application


def test_the_sample_application_passes_all_checks() -> None:
    assert check_pipeline(None) == check_registration(None) == []


def test_the_checks_are_registered_with_django() -> None:
    with with_pipeline():
        assert "eventstore.E001" in ids(run_checks(tags=["eventstore"]))


@pytest.mark.parametrize("missing", REQUIRED_STEPS)
def test_a_pipeline_without_a_required_step_is_e001(missing: str) -> None:
    with with_pipeline(*(step for step in settings.EVENTSTORE["PIPELINE"] if step != missing)):
        (message,) = check_pipeline(None)

    assert message.id == "eventstore.E001"
    assert missing in str(message.hint)


def test_a_pipeline_in_the_wrong_order_is_e001() -> None:
    with with_pipeline(*reversed(settings.EVENTSTORE["PIPELINE"])):
        assert ids(check_pipeline(None)) == ["eventstore.E001"]


def test_a_pipeline_with_a_step_twice_is_e001() -> None:
    with with_pipeline(*settings.EVENTSTORE["PIPELINE"], REQUIRED_STEPS[1]):
        assert ids(check_pipeline(None)) == ["eventstore.E001"]


def test_a_pipeline_with_own_steps_is_fine() -> None:
    first, second, third = REQUIRED_STEPS
    with with_pipeline("a.B", first, "c.D", second, third, "e.F"):
        assert check_pipeline(None) == []


def register_twice() -> Application:
    application = application_with()
    register_ledger(application)
    return application


def test_a_double_registration_is_e002() -> None:
    with built_by("register_twice"):
        (message,) = check_registration(None)

    assert message.id == "eventstore.E002"
    assert "registered twice" in message.msg


class NeverNamed(Event):
    pass


def project_an_unnamed_event() -> Application:
    return application_with(
        Projection(name="lost", project=project_nothing, events=(NeverNamed,), tables=())
    )


def test_a_projection_of_an_event_without_a_name_is_e003() -> None:
    with built_by("project_an_unnamed_event"):
        (message,) = check_registration(None)

    assert (message.id, message.obj) == ("eventstore.E003", "lost")
    assert "NeverNamed has no permanent name" in message.msg


def project_into_a_wrong_key() -> Application:
    table = Table(AccountSummary, key=("code",))
    return application_with(
        Projection(
            name="wrong", project=project_nothing, events=(MoneyDeposited,), tables=(table,)
        )
    )


def test_a_projection_whose_table_has_no_such_key_is_e004() -> None:
    with built_by("project_into_a_wrong_key"):
        (message,) = check_registration(None)

    assert (message.id, message.obj) == ("eventstore.E004", "wrong")
    assert "(tenant_id, code)" in message.msg


@isolate_apps("projections")
def test_a_unique_constraint_with_a_condition_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows of one key could exist where the condition does not hold."""

    class Conditional(models.Model):
        tenant_id = models.UUIDField()
        account_id = models.UUIDField()
        is_open = models.BooleanField()

        class Meta:
            app_label = "projections"
            constraints = (
                models.UniqueConstraint(
                    fields=["tenant_id", "account_id"],
                    condition=models.Q(is_open=True),
                    name="conditional",
                ),
            )

    table = Table(Conditional, key=("account_id",))
    projection = Projection(
        name="conditional", project=project_nothing, events=(MoneyDeposited,), tables=(table,)
    )
    monkeypatch.setattr(
        f"{__name__}.build_conditional", lambda: application_with(projection), raising=False
    )
    with built_by("build_conditional"):
        assert ids(check_registration(None)) == ["eventstore.E004"]


def test_the_database_is_set_as_it_must_be(database: None) -> None:
    assert check_database(None, databases=["default"]) == []
    assert check_database(None, databases=[]) == []
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE eventstore_event_position_seq CACHE 50")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET default_transaction_isolation = 'serializable'")
    try:
        found = check_database(None, databases=["default"])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER SEQUENCE eventstore_event_position_seq CACHE 1")
        connection.close()
    assert ids(found) == ["eventstore.E005"] * 3


def test_a_guard_that_was_left_off_is_e005(database: None) -> None:
    guard = "TRIGGER eventstore_event_append_only"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE eventstore_event DISABLE {guard}")
        found = check_database(None, databases=["default"])
        cursor.execute(f"ALTER TABLE eventstore_event ENABLE ALWAYS {guard}")

    (message,) = found
    assert message.id == "eventstore.E005"
    assert f"ALTER TABLE eventstore_event ENABLE ALWAYS {guard}" in message.msg


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote(Command):
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTag(Command):
    tag: Annotated[str, Text(minimum=1, maximum=3, example="far too long")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPassword(Command):
    password: Annotated[str, Secret(8, 128)]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (AddPassword, "add-it.password is secret, and repr() of the command shows it."),
        (AddNote, "add-it cannot be read: <class 'bool'>"),
        (AddTag, "add-it.tag must have 1 to 3"),
    ],
)
def test_a_command_that_no_sender_could_fill_in_is_found(
    command: type[Command], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = Application(pipeline=())
    application.commands.handle(command, lambda command, repository: None, name="add-it")
    monkeypatch.setattr(registration, "get_application", lambda: application)
    (message,) = check_registration(None)
    assert message.id == "eventstore.E006"
    assert problem in message.msg


@pytest.mark.parametrize(("lease", "found"), [(10, []), (5.1, []), (5, ["eventstore.W001"])])
def test_a_lease_is_longer_than_a_sender_drains(lease: float, found: list[str]) -> None:
    with override_settings(EVENTSTORE={**settings.EVENTSTORE, "LEASE_SECONDS": lease}):
        assert ids(check_lease(None)) == found
