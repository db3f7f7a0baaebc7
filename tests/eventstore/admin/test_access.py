"""Who may open the pages, what they find there, and that nobody changes anything."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from eventstore.models import ApiKey, Membership, StoredCommand, StoredEvent
from ledger.accounts.commands import OpenAccount
from tests.eventstore.admin.conftest import addresses
from tests.eventstore.admin.support import last_command, link, links_to, text_of


def statuses(client, pages):
    return [client.get(address).status_code for address in pages.all()]


def test_a_superuser_opens_every_page(root, pages):
    assert set(statuses(root, pages)) == {200}


def test_an_auditor_opens_every_page(auditor, pages):
    assert set(statuses(auditor, pages)) == {200}


def test_the_pages_stand_in_the_admin_index(root, auditor, pages):
    for client in (root, auditor):
        index = text_of(client, reverse("admin:index"))
        assert link(index, "Streams") == pages.streams
        assert link(index, "Commands") == pages.commands
        assert link(index, "Tenants") == pages.tenants
        assert link(index, "Send") == pages.send
        assert link(index, "Memberships") == pages.memberships
        assert link(index, "API keys") == pages.api_keys


def test_the_anonymous_are_sent_to_the_login(pages):
    for address in pages.all():
        response = Client().get(address)
        assert response.status_code == 302
        assert response["Location"] == f"{reverse('admin:login')}?next={address}"


def test_users_who_are_not_staff_are_refused(pages):
    client = Client()
    client.force_login(User.objects.create_user("visitor"))
    assert set(statuses(client, pages)) == {302}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_page_that_shows_something_takes_anything_but_reading(root, pages, method):
    for address in pages.all():
        assert getattr(root, method)(address, {"action": "delete_selected"}).status_code == 405


def test_a_forged_post_is_refused(root, pages):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = root.cookies
    assert {strict.post(address).status_code for address in pages.all()} <= {403, 405}


def test_there_are_no_addresses_to_add_delete_or_act(root, pages):
    for page in ("add", "delete", "history"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:eventstore_storedstream_{page}", args=[1])
    for address in pages.all():
        assert root.get(f"{address}add/").status_code == 404
        assert root.get(f"{address}delete/").status_code == 404
        assert root.get(f"{address}change/").status_code == 404


def test_no_page_contains_a_field_to_edit(root, pages):
    for address in pages.all():
        html = text_of(root, address)
        assert html.count('method="post"') == 1  # to log out
        assert "<textarea" not in html


# Tenants -----------------------------------------------------------------------------------------


@pytest.fixture
def foreign(elsewhere):
    """The pages of an account in another tenant."""
    return addresses(elsewhere.actor, elsewhere.account("5.00"))


def test_staff_see_their_tenants_rows_alone(auditor, root, pages, foreign, elsewhere):
    ApiKey.objects.create(
        tenant_id=elsewhere.actor.tenant_id,
        user=User.objects.create_user("otto"),
        role="member",
        prefix="dbk_foreign",
        digest=b"f" * 32,
    )
    for address in pages.all():
        assert "umbrella" not in text_of(auditor, address)
    for address in (pages.streams, pages.commands, pages.tenants, pages.api_keys):
        assert "umbrella" in text_of(root, address)
        assert "acme" in text_of(auditor, address)


def test_another_tenants_page_answers_like_one_that_does_not_exist(auditor, pages, foreign):
    unknown_stream = reverse("admin:eventstore_storedstream_change", args=[987_654_321])
    unknown_command = reverse("admin:eventstore_storedcommand_change", args=[987_654_321])
    unknown_tenant = reverse("admin:eventstore_tenant_change", args=[uuid4()])
    for foreign_address, unknown in (
        (foreign.timeline, unknown_stream),
        (foreign.command, unknown_command),
        (foreign.tenant, unknown_tenant),
    ):
        answer, expected = auditor.get(foreign_address), auditor.get(unknown)
        assert answer.status_code == expected.status_code == 404
        assert answer.content == expected.content
        assert answer.headers == expected.headers


def test_a_number_beyond_the_database_is_not_found(root, pages):
    beyond = reverse("admin:eventstore_storedstream_change", args=[10**30])
    assert root.get(beyond).status_code == 404


@pytest.mark.parametrize("page", ["streams", "commands", "api_keys", "memberships"])
def test_filtering_by_another_tenant_is_filtering_by_an_unknown_one(auditor, pages, foreign, page):
    address = getattr(pages, page)
    of_foreign = text_of(auditor, f"{address}?tenant=umbrella")
    of_unknown = text_of(auditor, f"{address}?tenant=nowhere")
    assert "There is no such tenant." in of_foreign
    assert links_in_table(of_foreign) == links_in_table(of_unknown) == 0


def links_in_table(html):
    return html.count("<tbody>")


def test_searching_another_tenants_ids_finds_nothing(auditor, pages, foreign, elsewhere):
    command = last_command(elsewhere.actor)
    for address in (
        f"{pages.streams}?stream={command.aggregate_id}",
        f"{pages.streams}?stream=account-{command.aggregate_id}",
        f"{pages.commands}?id={command.id}",
        f"{pages.commands}?correlation_id={command.correlation_id}",
    ):
        assert "Nothing fits these filters." in text_of(auditor, address)


def test_the_same_ids_in_two_tenants_do_not_meet(root, world, elsewhere):
    """Not through a correlation id, an aggregate id, nor a command that says who caused it."""
    shared = uuid4()
    mine, others = world.person(), elsewhere.person()
    account_id = uuid4()
    for somebody, owner in ((world, mine), (elsewhere, others)):
        open_account(somebody, account_id, owner, correlation_id=shared)
    pages = addresses(world.actor, account_id)
    foreign = addresses(elsewhere.actor, account_id)
    assert foreign.timeline not in text_of(root, pages.command)
    assert foreign.command not in text_of(root, pages.command)
    assert foreign.command not in text_of(root, pages.timeline)
    assert foreign.timeline in text_of(root, foreign.command)


def test_a_cause_in_another_tenant_is_no_link(root, world, elsewhere):
    elsewhere.person()
    foreign = last_command(elsewhere.actor)
    account_id = world.account()
    world.deposit(account_id, causation_id=foreign.id, correlation_id=foreign.correlation_id)
    page = reverse("admin:eventstore_storedcommand_change", args=[last_command(world.actor).pk])
    html = text_of(root, page)
    assert str(foreign.id) in html
    assert links_to(html, "storedcommand") == []


def test_an_answer_that_names_another_tenants_event_is_no_link(root, world, elsewhere, pages):
    elsewhere.person()
    event = StoredEvent.objects.latest("position")
    reference = {"type": event.type, "version": 1, "position": event.position}
    mine = StoredCommand.objects.filter(tenant=world.actor.tenant_id)
    mine.update(result={"events": [reference]})
    html = text_of(root, pages.command)
    assert event.type in html
    assert link(html, event.type) is None


def open_account(world, account_id, owner_id, **options):
    world.send(OpenAccount(aggregate_id=account_id, owner_id=owner_id, code="1"), **options)


def test_a_membership_that_has_ended_opens_nothing(auditor, pages):
    Membership.objects.all().delete()
    assert auditor.get(pages.timeline).status_code == 404
    assert "You are an auditor or operator in no tenant" in text_of(auditor, pages.streams)
    assert "You are a member of no tenant." in text_of(auditor, pages.tenants)


def test_staff_who_are_no_members_see_nothing(pages):
    client = Client()
    client.force_login(User.objects.create_user("new", is_staff=True))
    assert client.get(pages.timeline).status_code == 404
    assert client.get(pages.command).status_code == 404
    assert "acme" not in text_of(client, pages.streams)


def test_no_part_of_a_digest_is_shown(root, pages, auditor):
    html = text_of(root, pages.api_keys)
    assert "dbk_audrey" in html
    assert "aaaaaaaa" not in html
    assert (b"a" * 8).hex() not in html
