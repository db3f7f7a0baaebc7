"""Two tenants that live the same story under other names, and keys that lie far apart.

Every sequence of the database gets a block of a million numbers, far above whatever is counted
elsewhere. Within its block, our rows come first, then another tenant's, then nobody's (from where
a number is taken that exists nowhere), then ours again. So whatever a view does with another
tenant's number (look it up, or go on after it), it has to do the same with nobody's.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model

from eventstore import models
from eventstore.application import get_application
from eventstore.tenancy import Role
from tests.http import Api
from tests.replay import bring_level
from tests.tenants.seeded_boxes import add_boxed_person, add_policy
from tests.tenants.seeded_runs import add_check, add_copy

FIRST_BLOCK, BLOCK = 2_000_000_000, 1_000_000
OURS, THEIRS, NOBODYS, OURS_AGAIN, LATER = 1_000, 2_000, 5_000, 8_000, 9_000

#: Ids that both tenants use.
SHARED_PERSON, SHARED_ACCOUNT, SHARED_COMMAND, SHARED_CORRELATION = (
    uuid5(NAMESPACE_OID, name) for name in ("person", "account", "command", "correlation")
)
SHARED_OTHER_ACCOUNT, SHARED_TRANSFER, SHARED_USER = (
    uuid5(NAMESPACE_OID, name) for name in ("other account", "transfer", "user")
)
SHARED_BOXED = uuid5(NAMESPACE_OID, "boxed")

LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, 789, UTC)


@dataclass
class Side:
    """A tenant with one user, one key and one browser for each role, and what they made."""

    word: str
    tenant: models.Tenant
    users: dict[Role, User]
    keys: dict[Role, str]
    person_id: str = ""
    account_id: str = ""
    user_id: str = ""
    command_id: str = ""

    def api(self, role: Role) -> Api:
        return Api(self.keys[role])


def make_side(word: str) -> Side:
    """A tenant whose every name contains the word."""
    tenant = models.Tenant.objects.create(slug=f"{word}-bank", name=f"{word.title()} Bank")
    users, keys = {}, {}
    for role in Role:
        user = User.objects.create_user(
            f"{word}-{role.value}", f"{word}-{role.value}@example.org", is_staff=True
        )
        users[role] = user
        keys[role] = get_application().access.create_key(tenant, user, role)
    return Side(word, tenant, users, keys)


def play(side: Side) -> None:
    """One row at least of every model that has a tenant; again and again, if need be."""
    send_commands(side)
    schedule_commands(side)
    add_background(side)
    add_revoked_key(side)
    add_switch(side)
    add_boxed_person(side.api(Role.OPERATOR), side.word, uuid4(), back=True)
    add_boxed_person(side.api(Role.OPERATOR), side.word, uuid4())
    add_policy(side.tenant, side.users[Role.OPERATOR].username, side.word)
    add_check(side.tenant, side.account_id, side.users[Role.OPERATOR].username, side.word)
    bring_level(get_application())
    add_copy(side.tenant, side.users[Role.OPERATOR].username, side.word)


def send_commands(side: Side) -> None:
    """A person who is renamed, an account whose money moves on, a login, and a refusal."""
    api, name = side.api(Role.MEMBER), side.word.title()
    side.person_id = str(uuid4())
    side.account_id = str(uuid4())
    side.user_id = str(uuid4())
    side.command_id = str(uuid4())
    owner, account = {"aggregate_id": side.person_id}, {"aggregate_id": side.account_id}
    for command, fields in (
        ("register-person", {**owner, "first_name": f"{name}a", "last_name": f"Mac{name}"}),
        ("rename-person", {**owner, "first_name": f"{name}ina", "last_name": f"Mac{name}"}),
        (
            "open-account",
            {**account, "owner_id": side.person_id, "code": f"{side.word}-{uuid4().hex[:4]}"},
        ),
        ("deposit-money", {**account, "amount": amount_of(side), "reference": f"to {name}a"}),
        ("start-transfer", transfer(side.account_id, amount_of(side))),
        ("start-user-registration", registration(side)),
    ):
        answer = api.send(command, fields, X_Correlation_ID=str(uuid4()))
        assert answer.status in (200, 201), answer.raw
    refused = api.send(
        "withdraw-money", {**account, "amount": "5000000.00"}, Idempotency_Key=side.command_id
    )
    refused.refused(422, "insufficient_funds")


def schedule_commands(side: Side) -> None:
    """One that waits and one that was given up; each at an instant that nobody else has."""
    for status in ("failed", "scheduled"):
        due_at = datetime.now(UTC) + timedelta(days=300_000)
        answer = side.api(Role.MEMBER).send(
            f"rename-person?at={due_at:%Y-%m-%dT%H:%M:%S.%fZ}",
            {
                "aggregate_id": side.person_id,
                "first_name": f"{side.word.title()}ette",
                "last_name": "Later",
            },
            X_Correlation_ID=str(uuid4()),
        )
        assert answer.status == 202, answer.raw
        models.StoredCommand.objects.filter(id=answer.body["command_id"]).update(status=status)


def meet(side: Side) -> None:
    """What two tenants may have under the same ids: persons, accounts, commands, a request."""
    name, account = side.word.title(), {"aggregate_id": str(SHARED_ACCOUNT)}
    other_account = {"aggregate_id": str(SHARED_OTHER_ACCOUNT)}
    person = {"aggregate_id": str(SHARED_PERSON), "first_name": name, "last_name": "Shared"}
    code = {"owner_id": str(SHARED_PERSON), "code": f"{side.word}-shared"}
    for command_id, command, fields in (
        (uuid5(SHARED_COMMAND, "1"), "register-person", person),
        (uuid5(SHARED_COMMAND, "2"), "open-account", account | code),
        (SHARED_COMMAND, "deposit-money", account | {"amount": amount_of(side)}),
        (uuid5(SHARED_COMMAND, "3"), "open-account", other_account | code),
        (
            uuid5(SHARED_COMMAND, "4"),
            "start-transfer",
            transfer(SHARED_ACCOUNT, "1.00") | {"aggregate_id": str(SHARED_TRANSFER)},
        ),
        (
            uuid5(SHARED_COMMAND, "5"),
            "start-user-registration",
            registration(side) | {"aggregate_id": str(SHARED_USER)},
        ),
    ):
        answer = side.api(Role.MEMBER).send(
            command,
            fields,
            Idempotency_Key=str(command_id),
            X_Correlation_ID=str(SHARED_CORRELATION),
        )
        assert answer.status in (200, 201), answer.raw
    add_boxed_person(side.api(Role.OPERATOR), side.word, SHARED_BOXED)


def registration(side: Side) -> dict[str, str]:
    """The fields of one under a login that nobody has."""
    return {
        "aggregate_id": side.user_id,
        "login_name": f"{side.word}.{uuid4().hex[:4]}",
        "password": f"{side.word}'s password",
    }


def transfer(from_account_id: object, amount: str) -> dict[str, str]:
    """The fields of one to the account that both tenants have."""
    return {
        "from_account_id": str(from_account_id),
        "to_account_id": str(SHARED_OTHER_ACCOUNT),
        "amount": amount,
    }


def amount_of(side: Side) -> str:
    """An amount that the other side has not."""
    return f"{sum(side.word.encode())}.{len(side.word):02}"


def add_background(side: Side) -> None:
    """What later versions write by themselves."""
    stream = models.StoredStream.objects.get(
        tenant=side.tenant, aggregate_id=UUID(side.account_id)
    )
    event = models.StoredEvent.objects.filter(stream=stream).latest("position")
    state = f'{{"note": "{side.word} state"}}'
    models.Snapshot.objects.create(
        stream=stream, version=1, state_schema="1", state=state, taken_at=LONG_AGO
    )
    models.Reservation.objects.create(
        tenant=side.tenant, scope="login", key=f"{side.word}{uuid4().hex}", stream=stream
    )
    add_process(side, event, state)


def add_process(side: Side, event: models.StoredEvent, state: str) -> None:
    """One that waits, with a reaction that was set aside, and a command that it sent."""
    whose = {"tenant": side.tenant, "process": f"{side.word}-process", "instance_id": uuid4()}
    models.ProcessInstance.objects.create(
        **whose,
        state=state,
        waits_for=f"the {side.word}",
        started_at=LONG_AGO,
        updated_at=LONG_AGO,
    )
    reaction = models.Reaction.objects.create(
        **whose,
        kind="event",
        name=f"{side.word}.hopped",
        event=event,
        data=state,
        user=side.users[Role.MEMBER].username,
        correlation_id=uuid4(),
        status="parked",
        attempts=5,
        lease_until=LONG_AGO,
        error=f"{side.word} is down",
        created_at=LONG_AGO,
        ended_at=LONG_AGO,
    )
    models.StoredCommand.objects.filter(tenant=side.tenant, id=side.command_id).update(
        reaction=reaction
    )


def add_revoked_key(side: Side) -> None:
    """A second key of the member's, ended; and the admin's own record of it."""
    access, operator = get_application().access, side.users[Role.OPERATOR]
    access.create_key(side.tenant, side.users[Role.MEMBER], Role.MEMBER)
    key = access.keys().filter(tenant=side.tenant).latest("pk")
    access.revoke_key(key, by=operator.username, reason=f"{side.word} was lost")
    LogEntry.objects.create(
        user=operator,
        content_type=ContentType.objects.get_for_model(models.Tenant),
        object_id=str(side.tenant.pk),
        object_repr=f"key {key.pk}: {key.prefix}",
        action_flag=CHANGE,
        change_message=f"Revoked. Reason: {side.word} was lost",
    )


def add_switch(side: Side) -> None:
    """Of the override that conftest.py registers for each tenant."""
    models.OverrideSwitch.objects.create(
        tenant=side.tenant,
        override="reaction transfer transfer.failed",
        active=False,
        user=side.users[Role.OPERATOR].username,
        reason=f"{side.word} does not need it",
    )


def start_block(offset: int) -> None:
    """The next number of every sequence, so far into the sequence's block.

    Blocks are not written in their order: projections start each where it starts.
    """
    for number, model in enumerate(counted_models()):
        key = model._meta.pk
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, %s), %s)",
                [f'"{model._meta.db_table}"', key.column, FIRST_BLOCK + number * BLOCK + offset],
            )
        if model is models.StoredEvent:
            position = FIRST_BLOCK + number * BLOCK + offset
            models.Subscription.objects.update(position=position)


def nobodys_number(number: int) -> int:
    """Between another tenant's numbers and ours, in the same block."""
    return number - number % BLOCK + NOBODYS


def counted_models() -> list[type[Model]]:
    """All whose key is drawn from a sequence, but those that `wipe` leaves as they are."""
    kept = ("contenttypes", "auth.Permission")
    models = [it for it in apps.get_models() if not it._meta.label.startswith(kept)]
    return [
        it for it in models if it._meta.pk.get_internal_type() in ("AutoField", "BigAutoField")
    ]
