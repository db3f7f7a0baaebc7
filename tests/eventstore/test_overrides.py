"""One tenant's own handler, reaction or performer in place of everybody's, while it is on."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from eventstore.application import Application
from eventstore.errors import RegistrationError, ReplayedRefusal
from eventstore.models import OverrideSwitch, StoredCommand, StoredEvent, Tenant
from eventstore.process_managers import Effect
from eventstore.repository import Repository
from eventstore.tenancy import Actor, Role
from ledger.accounts.aggregate import Account
from ledger.accounts.commands import DepositMoney
from ledger.errors import InsufficientFunds
from ledger.mail import SendMail, send_mail
from ledger.persons.commands import RenamePerson
from ledger.transfers.events import TransferStarted
from ledger.transfers.process_manager import TransferProcess
from tests.eventstore.own import own_application
from tests.eventstore.support import World
from tests.eventstore.test_statements import statements_of

RENAME = "command rename-person"
STARTED = "reaction transfer transfer.started"


def do_nothing(command: Any, repository: Repository) -> None:
    """Forbids it."""


def deposit_twice(command: DepositMoney, repository: Repository) -> None:
    account = repository.load(Account, command.aggregate_id)
    account.deposit(command.amount, None, "", None)
    account.deposit(command.amount, None, "", None)
    repository.save(account)


def refuse(command: Any, repository: Repository) -> None:
    raise InsufficientFunds(command.aggregate_id, command.amount, command.amount)


def react_otherwise(manager: TransferProcess, state: Any, event: Any) -> list[Any]:
    return []


def keep_the_mail(effect: Effect, effect_id: UUID) -> None:
    """Never sends it."""


@pytest.fixture
def application(database: None) -> Application:
    """Without anything of the sample domain's own tenants."""
    return own_application()


@pytest.fixture
def elsewhere(application: Application, other_tenant: Tenant) -> World:
    return World(application, Actor(tenant_id=other_tenant.id, user="otto", role=Role.MEMBER))


def switch(world: World, name: str, *, active: bool) -> bool:
    return world.application.overrides.switch(
        world.actor.tenant_id, name, active=active, user="olive", reason="a trial"
    )


def rename(world: World, person_id: UUID, **options: Any) -> str:
    """To a new name each time; the command's status."""
    command = RenamePerson(aggregate_id=person_id, first_name=uuid4().hex, last_name="X")
    return world.send(command, **options).status


# Commands ----------------------------------------------------------------------------------------


def test_a_handler_that_records_events_completes_the_command_for_its_tenant_alone(
    world: World, elsewhere: World
) -> None:
    world.application.overrides.command("acme", DepositMoney, deposit_twice)

    ours, theirs = (sender.deposit(sender.account()) for sender in (world, elsewhere))

    assert (len(ours.events), len(theirs.events)) == (2, 1)
    statuses = StoredCommand.objects.filter(type="deposit-money").values_list("status", flat=True)
    assert set(statuses) == {"completed"}


def test_a_handler_that_records_nothing_makes_the_command_overridden(
    world: World, elsewhere: World
) -> None:
    world.application.overrides.command("acme", RenamePerson, do_nothing)
    ours, theirs = world.person(), elsewhere.person()

    assert (rename(world, ours), rename(elsewhere, theirs)) == ("overridden", "completed")

    stored = StoredCommand.objects.get(tenant=world.actor.tenant_id, type="rename-person")
    assert (stored.status, stored.code) == ("overridden", "")
    assert stored.ended_at is not None
    assert StoredEvent.objects.filter(stream__aggregate_id=ours).count() == 1


def test_an_overridden_command_is_answered_the_same_again_also_when_switched_off(
    world: World,
) -> None:
    world.application.overrides.command("acme", RenamePerson, do_nothing)
    command = RenamePerson(aggregate_id=world.person(), first_name="Ada", last_name="King")
    command_id = uuid4()
    first = world.send(command, command_id=command_id)
    switch(world, RENAME, active=False)

    second = world.send(command, command_id=command_id)

    assert (first.status, first.events, first.replayed) == ("overridden", (), False)
    assert (second.status, second.events, second.replayed) == ("overridden", (), True)


def test_a_refusal_of_the_tenants_own_handler_is_stored_and_replayed(world: World) -> None:
    world.application.overrides.command("acme", DepositMoney, refuse)
    account_id, command_id = world.account(), uuid4()

    with pytest.raises(InsufficientFunds):
        world.deposit(account_id, command_id=command_id)
    with pytest.raises(ReplayedRefusal, match="holds"):
        world.deposit(account_id, command_id=command_id)


def test_each_tenant_may_have_a_handler_of_its_own(world: World, elsewhere: World) -> None:
    overrides = world.application.overrides
    overrides.command("acme", DepositMoney, deposit_twice)
    overrides.command("umbrella", DepositMoney, do_nothing)

    results = [sender.deposit(sender.account()) for sender in (world, elsewhere)]

    assert [result.status for result in results] == ["completed", "overridden"]


def test_a_tenant_has_one_handler_of_a_command() -> None:
    overrides = own_application().overrides
    overrides.command("acme", RenamePerson, do_nothing)

    with pytest.raises(RegistrationError, match="acme overrides RenamePerson twice"):
        overrides.command("acme", RenamePerson, deposit_twice)


def test_a_tenant_has_one_reaction_of_a_process_to_an_event() -> None:
    overrides = own_application().overrides
    overrides.reaction("acme", "transfer", TransferStarted, react_otherwise)

    with pytest.raises(RegistrationError, match="acme overrides TransferStarted in transfer"):
        overrides.reaction("acme", "transfer", TransferStarted, react_otherwise)


def test_a_look_up_costs_a_statement_only_where_some_tenant_has_an_override(
    elsewhere: World,
) -> None:
    """Also for the other tenants, since who they are is asked together with the switches."""
    account_id = elsewhere.account()
    plain = statements_of(lambda: elsewhere.deposit(account_id))
    elsewhere.application.overrides.command("acme", RenamePerson, do_nothing)
    unconcerned = statements_of(lambda: elsewhere.deposit(account_id))
    elsewhere.application.overrides.command("acme", DepositMoney, do_nothing)
    asked = statements_of(lambda: elsewhere.deposit(account_id))

    assert unconcerned == plain
    assert len(asked) == len(plain) + 1
    assert sum("eventstore_override_switch" in statement for statement in asked) == 1


# Switches ----------------------------------------------------------------------------------------


def test_the_last_switch_counts_from_the_next_command_on(world: World) -> None:
    world.application.overrides.command("acme", RenamePerson, do_nothing)
    person_id, statuses = world.person(), []
    for active in (False, True, False):
        switch(world, RENAME, active=active)
        statuses.append(rename(world, person_id))

    assert statuses == ["completed", "overridden", "completed"]


def test_a_switch_is_kept_with_its_user_reason_and_time(world: World) -> None:
    world.application.overrides.command("acme", RenamePerson, do_nothing)

    assert switch(world, RENAME, active=False)

    (kept,) = OverrideSwitch.objects.values_list("override", "active", "user", "reason")
    assert kept == (RENAME, False, "olive", "a trial")
    assert OverrideSwitch.objects.get().switched_at is not None


def test_what_is_so_already_is_not_switched_again(world: World) -> None:
    world.application.overrides.command("acme", RenamePerson, do_nothing)

    done = [switch(world, RENAME, active=active) for active in (True, False, False, True)]

    assert done == [False, True, False, True]
    assert OverrideSwitch.objects.count() == 2


def test_a_switch_is_one_of_its_tenant_and_of_its_override(world: World, elsewhere: World) -> None:
    overrides = world.application.overrides
    for slug in ("acme", "umbrella"):
        overrides.command(slug, RenamePerson, do_nothing)
        overrides.command(slug, DepositMoney, do_nothing)
    switch(elsewhere, RENAME, active=False)
    switch(world, "command deposit-money", active=False)

    assert rename(world, world.person()) == "overridden"
    assert rename(elsewhere, elsewhere.person()) == "completed"
    assert world.deposit(world.account()).status == "completed"
    assert elsewhere.deposit(elsewhere.account()).status == "overridden"


def test_a_tenant_that_does_not_exist_has_nothing_of_its_own(world: World) -> None:
    overrides = world.application.overrides
    overrides.command("acme", RenamePerson, do_nothing)

    assert overrides.handler(uuid4(), RenamePerson) is None
    assert not overrides.switch(uuid4(), RENAME, active=False, user="olive", reason="none")


# Reactions and effects ---------------------------------------------------------------------------


def test_a_reaction_is_the_tenants_own_for_one_event_of_one_process(
    world: World, elsewhere: World
) -> None:
    overrides = world.application.overrides
    overrides.reaction("acme", "transfer", TransferStarted, react_otherwise)
    ours, theirs = world.actor.tenant_id, elsewhere.actor.tenant_id

    assert overrides.reaction_of(ours, "transfer", TransferStarted) is react_otherwise
    assert overrides.reaction_of(theirs, "transfer", TransferStarted) is None
    assert overrides.reaction_of(ours, "other", TransferStarted) is None
    switch(world, STARTED, active=False)
    assert overrides.reaction_of(ours, "transfer", TransferStarted) is None


def test_an_effect_has_the_tenants_own_performer(world: World, elsewhere: World) -> None:
    overrides = world.application.overrides
    overrides.effect("acme", SendMail, keep_the_mail)
    ours, theirs = world.actor.tenant_id, elsewhere.actor.tenant_id

    assert overrides.performer(ours, SendMail) is keep_the_mail
    assert overrides.performer(theirs, SendMail) is None
    switch(world, "effect send-mail", active=False)
    assert overrides.performer(ours, SendMail) is None


def test_switches_are_kept_under_permanent_names() -> None:
    overrides = own_application().overrides
    overrides.command("acme", RenamePerson, do_nothing)
    overrides.reaction("acme", "transfer", TransferStarted, react_otherwise)
    overrides.effect("acme", SendMail, send_mail)

    names = [overrides.name_of(override.target) for override in overrides]

    assert names == [RENAME, STARTED, "effect send-mail"]
