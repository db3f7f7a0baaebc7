"""A projection is changed without downtime, in the steps that the README tells.

Processes of the old and of the new release run side by side, and book and read all the time: no
request of either fails, and in the end the rows equal a replay.
"""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from django.db import connection, models

from eventstore.application import Application
from eventstore.models import StoredCommand, Subscription
from eventstore.tenancy import Actor
from ledger.accounts.commands import DepositMoney, OpenAccount
from ledger.persons.commands import RegisterPerson
from tests.config.background.processes import wait_until
from tests.config.releases import releases
from tests.config.releases.releases import Balance, BalanceAndReceived, Turnover
from tests.processes import PROJECT, database_url

#: Requests that each process answers in each step.
SOME = 10
REASON = ("--reason", "a release")


@dataclass
class Crew:
    """The processes of one release."""

    release: str
    process: subprocess.Popen[str]

    def goes_on(self) -> None:
        """Until it has answered some more requests, each with all that is in it."""
        before = self._sent()
        wait_until(lambda: self._sent() >= before + SOME or self.process.poll() is not None)

    def _sent(self) -> int:
        return StoredCommand.objects.filter(user=self.release).count()

    def end(self) -> list[str]:
        """How its requests failed."""
        said, _ = self.process.communicate("", timeout=60)
        report = json.loads(said)
        assert report["answered"] or report["failures"], "it was not at work"
        failures: list[str] = report["failures"]
        return failures


class Deploy:
    """A bank with some accounts, and whoever is at work on it."""

    def __init__(self, closing: ExitStack, tenant_id: UUID, accounts: list[UUID]) -> None:
        self._closing = closing
        self._arguments = [str(tenant_id), *map(str, accounts)]

    def start(self, release: str) -> Crew:
        """At work when this returns."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.config.releases.at_work", *self._arguments],
            cwd=PROJECT,
            env=_environment(release),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._closing.enter_context(process)  # Closes its pipes, and waits for its end.
        self._closing.callback(process.kill)
        return Crew(release, process)

    def manage(self, release: str, *arguments: str) -> None:
        """`manage.py` of this release, which must succeed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=_environment(release),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _environment(release: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url(),
        "DAYBOOK_SECRET_KEY": "for tests",
        "DJANGO_SETTINGS_MODULE": "tests.config.releases.settings",
        "RELEASE": release,
    }


@pytest.fixture
def deploy(member: Actor) -> Generator[Deploy]:
    """Accounts that the first release has made, with some history."""
    with ExitStack() as closing:
        closing.enter_context(tables(Balance, Turnover))
        first = releases.inline()
        accounts = [_open_account(first, member) for _ in range(4)]
        yield Deploy(closing, member.tenant_id, accounts)


def _open_account(application: Application, actor: Actor) -> UUID:
    person, account = uuid4(), uuid4()
    for command in (
        RegisterPerson(aggregate_id=person, first_name="Ada", last_name="King"),
        OpenAccount(aggregate_id=account, owner_id=person, code="CZ-1"),
        DepositMoney(aggregate_id=account, amount=1000),
    ):
        application.bus.send(command, actor=actor)
    return account


@contextmanager
def tables(*made: type[models.Model]) -> Generator[None]:
    with connection.schema_editor() as editor:
        for model in made:
            editor.create_model(model)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for model in made:
                editor.delete_model(model)


def mode_of(projection: str) -> str:
    return Subscription.objects.get(projection=projection).mode


def roll_out(deploy: Deploy, old: Crew, release: str) -> Crew:
    """The new processes beside the old ones, then without them; no request of either fails."""
    new = deploy.start(release)
    new.goes_on()
    old.goes_on()
    assert old.end() == []
    new.goes_on()
    return new


def test_new_code_of_a_projection_is_rolled_out_and_its_rows_are_rebuilt(deploy: Deploy) -> None:
    old = deploy.start("inline")
    old.goes_on()
    new = roll_out(deploy, old, "new_code")
    deploy.manage("new_code", "rebuild", "balances", *REASON)
    new.goes_on()

    assert new.end() == []
    deploy.manage("new_code", "rebuild", "balances", "--check", *REASON)


@pytest.mark.long
def test_a_column_is_added_before_the_code_that_fills_it(deploy: Deploy) -> None:
    old = deploy.start("inline")
    old.goes_on()
    column = BalanceAndReceived._meta.get_field("received")
    with connection.schema_editor() as editor:  # As the migration does it.
        editor.add_field(Balance, column)  # type: ignore[arg-type]
    new = roll_out(deploy, old, "new_column")
    deploy.manage("new_column", "rebuild", "balances", *REASON)
    new.goes_on()

    assert new.end() == []
    deploy.manage("new_column", "rebuild", "balances", "--check", *REASON)


@pytest.mark.long
@pytest.mark.parametrize(
    ("first", "between", "last", "mode"),
    [
        ("inline", "becoming_async", "in_background", "async"),
        ("in_background", "becoming_inline", "inline", "inline"),
    ],
)
def test_a_mode_is_changed_by_a_release_that_knows_both(
    deploy: Deploy, first: str, between: str, last: str, mode: str
) -> None:
    if first == "in_background":
        deploy.manage(first, "rebuild", "balances", *REASON)
    before = mode_of("balances")
    old = deploy.start(first)
    old.goes_on()
    new = roll_out(deploy, old, between)
    assert mode_of("balances") == before
    deploy.manage(between, "rebuild", "balances", *REASON)
    assert mode_of("balances") == mode
    new.goes_on()
    final = roll_out(deploy, new, last)

    assert final.end() == []
    deploy.manage(last, "rebuild", "balances", "--check", *REASON)


@pytest.mark.long
def test_a_release_that_knows_only_the_new_mode_is_refused_until_the_rebuild(
    deploy: Deploy,
) -> None:
    """What the steps are for."""
    old, new = deploy.start("inline"), deploy.start("in_background")
    old.goes_on()
    deploy.manage("in_background", "rebuild", "balances", *REASON)
    new.goes_on()

    assert new.end()[0].startswith("ProjectionModeDiffers")
    assert old.end()[-1].startswith("ProjectionModeDiffers")


@pytest.mark.long
def test_a_new_shape_is_filled_beside_the_old_one_and_takes_its_place(deploy: Deploy) -> None:
    old = deploy.start("inline")
    old.goes_on()
    both = roll_out(deploy, old, "two_shapes")
    deploy.manage("two_shapes", "rebuild", "turnovers", *REASON)
    switched = roll_out(deploy, both, "changing_places")
    deploy.manage("changing_places", "rebuild", "turnovers", "balances", *REASON)
    switched.goes_on()
    final = roll_out(deploy, switched, "new_shape")
    deploy.manage("new_shape", "projections", "forget", "balances", *REASON)
    final.goes_on()

    assert final.end() == []
    assert not Subscription.objects.filter(projection="balances").exists()
    assert mode_of("turnovers") == "inline"
    deploy.manage("new_shape", "rebuild", "turnovers", "--check", *REASON)
