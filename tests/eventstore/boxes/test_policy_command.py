"""`manage.py box_policy`: what is boxed by itself can be read, made, changed and dropped."""

import io
import json
import os
import pwd
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from eventstore.application import Application
from eventstore.models import BoxPolicy, Tenant
from tests.eventstore.boxes.policies import boxed, let_the_notice_pass, person, put

OWN_NAME = f"manage.py ({pwd.getpwuid(os.getuid()).pw_name})"
OF_PERSONS = ("acme", "person")
WHY = ("--reason", "contracts end")


def policy(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output, and what was said on the side, or why it was not done."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("box_policy", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), err.getvalue().strip()


def test_without_any_nothing_is_listed(database: None) -> None:
    assert policy() == (0, "", "")
    assert policy("--json") == (0, "[]\n", "")


def test_a_policy_is_put_told_of_and_dropped(application: Application, tenant: Tenant) -> None:
    code, out, said = policy("put", *OF_PERSONS, "--idle-days", "30", *WHY)
    assert (code, said) == (0, "The policy for person of acme is put down: it reports first.")
    says = f"acme person: idle for 30 days, by {OWN_NAME}: contracts end"
    assert out.splitlines() == [says, "  Not reported yet: a worker does that."]
    put_again = policy("put", *OF_PERSONS, "--idle-days", "30", *WHY)
    assert put_again[2] == "The policy for person of acme says that already."

    person(application, tenant.id)
    application.box_policies.work()
    row = BoxPolicy.objects.get()
    reported = (
        f"  {row.reported_at:%Y-%m-%d %H:%M} UTC: 1 idle, up to position "
        f"{row.reported_position}; to be boxed from {row.due_at:%Y-%m-%d %H:%M} UTC on"
    )
    assert policy()[1].splitlines() == [says, reported]

    let_the_notice_pass()
    application.box_policies.work()
    lines = policy()[1].splitlines()
    assert lines[1].endswith(" UTC: 0 idle")
    assert lines[2].endswith(" UTC: 1 boxed, 0 refused")

    dropped = policy("drop", *OF_PERSONS, "--reason", "no more")
    assert dropped == (0, "", "The policy for person of acme is dropped.")
    assert len(boxed(tenant.id)) == 1
    code, _, said = policy("drop", *OF_PERSONS, "--reason", "no more")
    assert (code, said) == (1, "There is no policy for 'person' of acme.")


def test_programs_get_json(application: Application, tenant: Tenant) -> None:
    put(application, tenant.id)
    application.box_policies.work()
    (shown,) = json.loads(policy("--json")[1])
    times = [shown.pop(name) for name in ("made_at", "reported_at", "due_at")]
    assert all(datetime.fromisoformat(time).astimezone(UTC) for time in times)
    assert shown == {
        "tenant": "acme",
        "category": "person",
        "idle_days": 30,
        "user": "olga",
        "reason": "nothing has happened",
        "reported": 0,
        "reported_position": 0,
        "acted_at": None,
        "boxed": 0,
        "refused": 0,
    }


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (("put", *OF_PERSONS, *WHY), "put needs --idle-days N."),
        (("put", "--idle-days", "3"), "put needs SLUG, CATEGORY, --reason TEXT."),
        (("drop", "acme"), "drop needs CATEGORY, --reason TEXT."),
        (("put", *OF_PERSONS, *WHY, "--idle-days", "0"), "--idle-days goes from 1 to 36500."),
        (
            ("put", "acme", "planet", *WHY, "--idle-days", "3"),
            "There is no category 'planet'. Known: account, person, transfer, user.",
        ),
        (
            ("put", "mars", "person", *WHY, "--idle-days", "3"),
            "There is no tenant 'mars'. Known: acme. `manage.py create_tenant mars` makes it.",
        ),
        (("put", *OF_PERSONS, "--idle-days", "3", "--reason", " "), "--reason"),
    ],
)
def test_wrong_arguments_end_with_code_2_and_say_why(
    arguments: tuple[str, ...], because: str, application: Application, tenant: Tenant
) -> None:
    code, _, said = policy(*arguments)
    assert (code, BoxPolicy.objects.exists()) == (2, False)
    assert said.startswith(because)
