"""What was given up is retried in the admin: by operators, with a reason, on record; and ends."""

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail

from eventstore.models import Reaction, StoredCommand
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.stuck import (
    exhaust,
    instance_of,
    page_of,
    transfer,
    with_failed_command,
    with_parked_effect,
)
from tests.eventstore.admin.support import errors_by_field, link, staff, submit, text_of

COMMANDS = "/admin/eventstore/storedcommand/"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
REASON = {"reason": "The cause is mended."}
NOTHING = "There is nothing to retry any more"


@pytest.fixture
def effect(elsewhere, settings):
    """An effect of Umbrella's that was given up; the mail server is there again."""
    with_parked_effect(elsewhere, settings)
    settings.EMAIL_BACKEND = LOCMEM
    return Reaction.objects.get(kind="effect")


@pytest.fixture
def olga(effect):
    """The browser of Olga, operator in Umbrella."""
    return staff("olga", effect.tenant, "operator")


@pytest.fixture
def command(world):
    """A command of Acme's that was given up; nothing is broken any more."""
    with_failed_command(world)
    return StoredCommand.objects.get(tenant=world.actor.tenant_id, type="withdraw-money")


def retry_page(effect):
    return f"{page_of(effect.instance_id)}retry/{effect.pk}/"


def test_a_retried_effect_is_done_and_the_retry_is_on_record(olga, effect, elsewhere):
    page = page_of(effect.instance_id)
    address = link(text_of(olga, page), "Retry this effect")
    asked = words(text_of(olga, address))
    assert "It was tried 5 times; the last time: ConnectionRefusedError" in asked
    assert "goes out under the same stable id" in asked
    answer = submit(olga, address, REASON, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "It is due now, with all its attempts" in answer.content.decode()
    assert elsewhere.application.reactions.work() > 0
    (sent,) = mail.outbox
    assert sent.extra_headers["Message-ID"] == f"<{effect.uid}@daybook>"
    html = text_of(olga, page)
    assert "Retry this" not in html
    assert "set aside" not in words(html.partition("<main")[2]).partition("What was done")[0]
    assert f"Retried reaction {effect.pk} to send-mail. Reason: The cause is mended." in html
    entry = LogEntry.objects.get()
    instance = instance_of(effect.instance_id)
    assert (entry.user.username, entry.object_repr) == (
        "olga",
        f"process {instance.pk}: transfer {effect.instance_id}",
    )


def test_a_retried_command_is_done_and_its_process_goes_on(operator, command, world):
    page = page_of(command.reaction.instance_id)
    assert link(text_of(operator, page), "Retry") is None  # It says which command, unseen.
    address = f"{COMMANDS}{command.pk}/retry/"
    assert f'href="{address}"' in text_of(operator, page)
    assert link(text_of(operator, f"{COMMANDS}{command.pk}/"), "Retry this command") == address
    asked = words(text_of(operator, address))
    assert "It was tried 5 times; the last time it ended in projection_failed : Proj" in asked
    assert f"sent by transfer {command.reaction.instance_id} , which waits for it" in asked
    answer = submit(operator, address, REASON, follow=True)
    assert answer.redirect_chain == [(f"{COMMANDS}{command.pk}/", 302)]
    world.application.reactions.work()
    assert "ended" in words(text_of(operator, page))
    assert instance_of(command.reaction.instance_id).waits_for == ""
    html = text_of(operator, f"{COMMANDS}{command.pk}/")
    assert "Retried. Reason: The cause is mended." in html
    assert "Retry this command" not in html
    assert LogEntry.objects.get().object_repr == f"command {command.pk}: {command}"


def test_a_retried_step_is_tried_five_times_again(operator, world):
    transfer_id = transfer(world)
    last = Reaction.objects.latest("id")
    unreadable = {"kind": "outcome", "data": "{}", "status": "parked", "attempts": 5}
    error = "LookupError: its state"
    Reaction.objects.filter(pk=last.pk).update(**unreadable, error=error)
    address = link(text_of(operator, page_of(transfer_id)), "Retry this step")
    submit(operator, address, REASON)
    last.refresh_from_db()
    assert (last.status, last.attempts) == ("pending", 0)
    told = words(text_of(operator, page_of(transfer_id)))
    assert "Attempts 0 since it was retried" in told
    assert "Why it was set aside, before it was retried LookupError: its state" in told
    assert "Why the last attempt failed" not in told
    exhaust(world)
    last.refresh_from_db()
    assert (last.status, last.attempts) == ("parked", 5)
    assert "set aside" in text_of(operator, page_of(transfer_id))


def test_a_parked_refusal_is_retried_by_its_command(operator, world):
    """Once the cause is removed, the command may do what the process waits for."""
    transfer_id = transfer(world, "69.00", holding="1.00")
    refusal = Reaction.objects.get(kind="refusal")
    Reaction.objects.filter(pk=refusal.pk).update(status="parked", attempts=5)
    address = link(text_of(operator, page_of(transfer_id)), "Retry the refused command")
    asked = words(text_of(operator, address))
    assert "The command withdraw-money of transfer" in asked
    assert "It was refused: insufficient_funds" in asked
    submit(operator, address, REASON)
    assert StoredCommand.objects.get(type="withdraw-money").status == "pending"
    what = f"Retried the command withdraw-money, whose refusal was reaction {refusal.pk}."
    assert what in text_of(operator, page_of(transfer_id))


def test_a_second_click_changes_nothing_and_is_told(olga, effect):
    address = retry_page(effect)
    sent_twice = submit(olga, address, REASON).wsgi_request.POST.dict()
    answer = olga.post(address, sent_twice, follow=True)
    assert NOTHING in answer.content.decode()
    assert NOTHING in olga.get(address, follow=True).content.decode()
    assert LogEntry.objects.count() == 1


def test_a_retry_that_somebody_else_was_faster_with_is_not_on_record(
    operator, command, world, monkeypatch
):
    """Between the page's look at the command and the retry itself."""
    engine = world.application.reactions
    retry = engine.retry_command

    def after_somebody_else(tenant_id, command_id):
        assert retry(tenant_id, command_id)
        return retry(tenant_id, command_id)

    monkeypatch.setattr(engine, "retry_command", after_somebody_else)
    answer = submit(operator, f"{COMMANDS}{command.pk}/retry/", REASON, follow=True)
    assert NOTHING in answer.content.decode()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("reason", "error"),
    [("", "Reason is required"), ("x" * 201, "Reason must have 1 to 200 characters")],
)
def test_nothing_is_retried_without_a_good_reason(olga, effect, reason, error):
    answer = submit(olga, retry_page(effect), {"reason": reason})
    assert answer.status_code == 400
    assert errors_by_field(answer.content.decode())["reason"].startswith(error)
    assert Reaction.objects.get(pk=effect.pk).status == "parked"


def test_an_auditor_looks_and_does_not_retry(auditor, command):
    Reaction.objects.filter(pk=command.reaction_id).update(status="parked")
    page = page_of(command.reaction.instance_id)
    assert "Retry" not in text_of(auditor, page)
    assert "Retry" not in text_of(auditor, f"{COMMANDS}{command.pk}/")
    for address in (f"{COMMANDS}{command.pk}/retry/", f"{page}retry/{command.reaction_id}/"):
        for ask in (auditor.get, auditor.post):
            answer = ask(address, REASON)
            assert answer.status_code == 403
            assert "You may not retry anything of acme" in answer.content.decode()
    command.refresh_from_db()
    assert command.status == "failed"
    assert Reaction.objects.get(pk=command.reaction_id).status == "parked"


def test_a_member_retries_neither_commands_nor_steps(mary, command):
    """Although the command is Mary's own, and she sees it."""
    assert "Retry" not in text_of(mary, f"{COMMANDS}{command.pk}/")
    assert mary.get(f"{COMMANDS}{command.pk}/retry/").status_code == 403
    page = page_of(command.reaction.instance_id)
    assert mary.get(f"{page}retry/{command.reaction_id}/").status_code == 404


def test_a_superuser_retries_everywhere(root, effect, command):
    for address in (retry_page(effect), f"{COMMANDS}{command.pk}/retry/"):
        assert submit(root, address, REASON).status_code == 302
    assert LogEntry.objects.count() == 2


def test_another_tenants_step_answers_like_one_that_does_not_exist(operator, effect, command):
    own = page_of(command.reaction.instance_id)
    unknown = operator.get(f"{own}retry/987/")
    for address in (retry_page(effect), f"{own}retry/{effect.pk}/"):
        answer = operator.get(address)
        assert answer.status_code == unknown.status_code == 404
        assert answer.content == unknown.content
    assert Reaction.objects.get(pk=effect.pk).status == "parked"


def test_a_forged_form_retries_nothing(olga, effect):
    assert olga.post(retry_page(effect), REASON).status_code == 403
    assert Reaction.objects.get(pk=effect.pk).status == "parked"
