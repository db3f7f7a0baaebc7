"""Which roles may send which command: as its registration says, whatever the door."""

from dataclasses import dataclass, replace

import pytest

import ledger.registration
from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Command
from eventstore.errors import Forbidden, RegistrationError
from eventstore.repository import Repository
from eventstore.tenancy import INSPECTORS, Role
from ledger.accounts.aggregate import Account
from tests.eventstore.support import World, stored_counts


@dataclass(frozen=True, slots=True, kw_only=True)
class LookInto(Command):
    """Changes nothing, and is for inspectors."""


def look_into(command: LookInto, repository: Repository) -> None:
    repository.load(Account, command.aggregate_id)


def own_application(roles: frozenset[Role]) -> Application:
    application = Application(pipeline=pipeline_from_settings())
    ledger.registration.register(application)
    application.commands.handle(LookInto, look_into, name="look-into", roles=roles)
    return application


def test_an_auditor_sends_no_commands(world: World) -> None:
    auditor = World(world.application, replace(world.actor, role=Role.AUDITOR))

    with pytest.raises(Forbidden):
        auditor.person()

    assert stored_counts() == (0, 0, 0)


@pytest.mark.parametrize("role", Role)
def test_a_command_is_taken_from_the_roles_that_its_line_names(world: World, role: Role) -> None:
    account_id = world.account("5.00")
    before = stored_counts()
    sender = World(own_application(INSPECTORS), replace(world.actor, role=role))

    if role in INSPECTORS:
        sender.send(LookInto(aggregate_id=account_id))
        assert stored_counts() != before
    else:
        with pytest.raises(Forbidden, match="look-into as member; it takes auditor or operator"):
            sender.send(LookInto(aggregate_id=account_id))
        assert stored_counts() == before


def test_a_command_that_nobody_may_send_is_not_registered() -> None:
    with pytest.raises(RegistrationError, match="look-into names no role"):
        own_application(frozenset())
