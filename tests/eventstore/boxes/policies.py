"""What the tests of policies share: aggregates of some age, and a notice that is over."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from django.db.models.functions import Now

from eventstore.application import Application
from eventstore.box_policies import BoxPolicies
from eventstore.box_policy_log import BoxPolicyLog
from eventstore.execution import project_inline
from eventstore.hash_chain import GENESIS
from eventstore.models import BoxPolicy, StoredStream
from eventstore.wakeups import Work
from ledger.persons.events import PersonRegistered
from tests.eventstore.support import recording

REASON = "nothing has happened"


def person(application: Application, tenant_id: UUID, days: float = 40) -> UUID:
    """The id of one whose only event is so many days old."""
    circumstances = recording(tenant_id)
    old = circumstances.recorded_at - timedelta(days=days)
    person_id = uuid4()
    with application.database.transaction():
        recorded = application.store.append(
            "person",
            person_id,
            [PersonRegistered(first_name="Ada", last_name="King")],
            expected_version=0,
            head_hash=GENESIS,
            recording=replace(circumstances, recorded_at=old),
        )
        project_inline(application.database, application.modes.inline(), recorded)
    return person_id


def put(
    application: Application, tenant_id: UUID, days: int = 30, category: str = "person"
) -> BoxPolicy:
    application.box_policies.put(tenant_id, category, days, user="olga", reason=REASON)
    return BoxPolicy.objects.get(tenant=tenant_id, category=category)


def let_the_notice_pass() -> None:
    """Of all policies, as if a day had gone by since their reports."""
    BoxPolicy.objects.update(due_at=Now())


def is_due(application: Application) -> bool:
    """Whether those who look each second would call somebody."""
    return Work.BOXES in application.wakeups.due()


def boxed(tenant_id: UUID) -> set[UUID]:
    found = StoredStream.objects.filter(tenant=tenant_id, status="boxed")
    return set(found.values_list("aggregate_id", flat=True))


def counts(policy: BoxPolicy) -> tuple[int, int, int]:
    """Reported, boxed, refused."""
    policy.refresh_from_db()
    return policy.reported, policy.boxed, policy.refused


def policies(application: Application, log: BoxPolicyLog, notice: float = 60) -> BoxPolicies:
    """The application's, with another log or notice."""
    return BoxPolicies(
        log,
        aggregates=application.aggregates,
        bus=application.bus,
        wakeups=application.wakeups,
        notice_seconds=notice,
    )
