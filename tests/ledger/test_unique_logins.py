"""Who holds a login name, and who has a credential: on a real database, and in parallel."""

from functools import partial
from itertools import cycle, islice
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.hashers import check_password

from eventstore.application import Application
from eventstore.commands import Result
from eventstore.errors import AlreadyExists
from eventstore.models import Reservation, StoredCommand, StoredEvent, StoredStream
from eventstore.tenancy import Actor
from ledger.models import Credential
from ledger.users.commands import StartUserRegistration
from projections.models import UserSummary
from tests.eventstore.support import at_once
from tests.scenarios.test_scenario_d import VARIANTS

PASSWORD = "correct horse"


def start(
    application: Application, actor: Actor, login_name: str = "Alice", user_id: UUID | None = None
) -> Result:
    command = StartUserRegistration(
        aggregate_id=user_id or uuid4(), login_name=login_name, password=PASSWORD
    )
    return application.bus.send(command, actor=actor)


def statuses() -> dict[UUID, str]:
    return dict(UserSummary.objects.values_list("user_id", "status"))


def holders() -> list[tuple[str, str, UUID]]:
    return list(Reservation.objects.values_list("scope", "key", "stream__aggregate_id"))


def credentials() -> set[UUID]:
    return set(Credential.objects.values_list("user_id", flat=True))


def test_of_20_registrations_of_one_login_at_once_exactly_one_succeeds(
    application: Application, member: Actor
) -> None:
    variants = list(islice(cycle(VARIANTS), 20))

    results = at_once(*(partial(start, application, member, login) for login in variants))

    assert [type(result) for result in results] == [Result] * 20
    ended = statuses()
    assert sorted(ended.values()) == ["failed"] * 19 + ["succeeded"]
    (winner,) = (user_id for user_id, status in ended.items() if status == "succeeded")
    assert holders() == [("login", "žofie.strasse", winner)]
    assert credentials() == {winner}


def test_20_registrations_of_20_logins_at_once_all_succeed(
    application: Application, member: Actor
) -> None:
    at_once(*(partial(start, application, member, f"user {number}") for number in range(20)))

    assert list(statuses().values()) == ["succeeded"] * 20
    assert len(holders()) == len(credentials()) == 20


def test_a_failed_registration_leaves_no_credential_and_frees_nothing(
    application: Application, member: Actor
) -> None:
    first = start(application, member).aggregate_id
    second = start(application, member, "ALICE").aggregate_id
    third = start(application, member, "alice").aggregate_id

    assert statuses() == {first: "succeeded", second: "failed", third: "failed"}
    assert holders() == [("login", "alice", first)]
    assert credentials() == {first}
    assert check_password(PASSWORD, Credential.objects.get().password_hash)


def test_a_failed_registration_holds_no_name_of_its_own(
    application: Application, member: Actor
) -> None:
    start(application, member)
    failed = start(application, member).aggregate_id
    start(application, member, "Bob")

    assert failed not in {user_id for _, _, user_id in holders()}
    assert {key for _, key, _ in holders()} == {"alice", "bob"}


def test_a_boxed_user_keeps_the_name(application: Application, member: Actor) -> None:
    first = start(application, member).aggregate_id
    StoredStream.objects.filter(aggregate_id=first).update(status="boxed")

    second = start(application, member, " ALICE ").aggregate_id

    assert statuses()[second] == "failed"
    assert holders() == [("login", "alice", first)]
    assert credentials() == {first}


@pytest.mark.parametrize("rivals", [0, 1], ids=["succeeded", "failed"])
def test_a_registration_completed_again_stays_as_it_is(
    application: Application, member: Actor, rivals: int
) -> None:
    for _ in range(rivals):
        start(application, member)
    user_id = start(application, member).aggregate_id
    before = (statuses(), holders(), credentials(), StoredEvent.objects.count())

    do_again(application, user_id)

    assert (statuses(), holders(), credentials(), StoredEvent.objects.count()) == before


def do_again(application: Application, user_id: UUID) -> None:
    """As if the worker had died before it noted that the command was done."""
    done = StoredCommand.objects.get(type="complete-user-registration", aggregate_id=user_id)
    StoredCommand.objects.filter(pk=done.pk).update(status="failed", result=None)
    assert application.reactions.retry_command(done.tenant_id, done.id)
    assert application.reactions.work() == 1
    done.refresh_from_db()
    assert done.status == "completed"


def test_two_registrations_under_one_id_at_once_make_one_user(
    application: Application, member: Actor
) -> None:
    user_id = uuid4()

    results = at_once(
        *(partial(start, application, member, login, user_id) for login in ("Alice", "Bob"))
    )

    assert {type(result) for result in results} == {Result, AlreadyExists}
    assert statuses() == {user_id: "succeeded"}
    assert credentials() == {user_id}
    assert len(holders()) == 1
