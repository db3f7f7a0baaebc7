"""Who makes, changes or ends a policy, and what that does to what it has reported."""

from uuid import uuid4

import pytest

from eventstore.application import Application
from eventstore.box_policy_log import BoxPolicyLog
from eventstore.errors import NotFound, ValidationFailed
from eventstore.models import BoxPolicy, Tenant
from eventstore.wakeups import Work
from tests.eventstore.boxes.policies import (
    REASON,
    boxed,
    counts,
    is_due,
    let_the_notice_pass,
    person,
    policies,
    put,
)


def test_a_policy_that_is_changed_reports_anew_and_one_that_is_put_again_does_not(
    application: Application, tenant: Tenant
) -> None:
    person(application, tenant.id)
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()
    again = application.box_policies.put(tenant.id, "person", 30, user="otto", reason=REASON)
    assert not again
    assert counts(policy) == (1, 0, 0)

    put(application, tenant.id, days=20)
    policy.refresh_from_db()
    assert (policy.reported_at, policy.reported, policy.idle_days) == (None, 0, 20)
    application.box_policies.work()
    assert boxed(tenant.id) == set()
    assert policy.pk == BoxPolicy.objects.get().pk


def test_a_policy_of_a_tenant_that_is_switched_off_rests(
    application: Application, tenant: Tenant
) -> None:
    person(application, tenant.id)
    put(application, tenant.id)
    Tenant.objects.update(active=False)
    assert not is_due(application)
    assert application.box_policies.work() == 0

    Tenant.objects.update(active=True)
    assert is_due(application)
    assert application.box_policies.work() == 1


def test_a_policy_is_one_tenants_and_one_categorys(
    application: Application, tenant: Tenant, other_tenant: Tenant
) -> None:
    idle = person(application, tenant.id)
    person(application, other_tenant.id)
    put(application, tenant.id)
    put(application, other_tenant.id, category="account")
    for _ in range(2):
        application.box_policies.work()
        let_the_notice_pass()

    assert (boxed(tenant.id), boxed(other_tenant.id)) == ({idle}, set())


def test_a_new_policy_calls_a_worker(application: Application, tenant: Tenant) -> None:
    put(application, tenant.id)
    assert application.wakeups.is_asked(Work.BOXES)


@pytest.mark.parametrize("days", [0, -1, 36_501])
def test_a_policy_takes_a_number_of_days_that_makes_sense(
    days: int, application: Application, tenant: Tenant
) -> None:
    with pytest.raises(ValidationFailed):
        put(application, tenant.id, days=days)
    assert not BoxPolicy.objects.exists()


def test_there_is_no_policy_for_an_unknown_category(
    application: Application, tenant: Tenant
) -> None:
    with pytest.raises(NotFound):
        put(application, tenant.id, category="planet")


def test_a_notice_of_nothing_is_refused(application: Application) -> None:
    with pytest.raises(ValueError, match="BOX_POLICY_NOTICE"):
        policies(application, BoxPolicyLog(application.database), notice=0)


def test_dropping_what_is_not_there_says_so(application: Application, tenant: Tenant) -> None:
    drop = application.box_policies.drop
    put(application, tenant.id)
    assert drop(tenant.id, "person", user="olga", reason="no more")
    assert not drop(tenant.id, "person", user="olga", reason="no more")
    assert not drop(uuid4(), "person", user="olga", reason="no more")
    assert not BoxPolicy.objects.exists()
