"""Cold storage in the admin: what is listed, for whom, and whether a file is as it was."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.application import get_application
from eventstore.models import Box, StoredCommand
from eventstore.throttling import Throttle
from tests.eventstore.admin.box_pages import BOXES, box, boxed, page, timeline, unbox
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.support import link, staff, text_of


def listed(client, query=""):
    """The rows of the list, as a reader sees them."""
    body = text_of(client, f"{BOXES}?{query}").partition("<tbody>")[2].partition("</tbody>")[0]
    return [words(row) for row in body.split("</tr>")[:-1]]


def copies_of(box, count):
    """So many boxes more in the registry, a second apart; enough for a list."""
    made = []
    for number in range(1, count + 1):
        at = box.boxed_at + timedelta(seconds=number // 2)  # Two at each time.
        fields = {field.attname: getattr(box, field.attname) for field in Box._meta.fields}
        fields |= {"id": None, "boxed_at": at, "unboxed_at": at, "path": f"copy {number:03}"}
        fields.pop("id")
        made.append(Box(**fields))
    Box.objects.bulk_create(made)


def queries_of(client, address):
    with CaptureQueriesContext(connection) as queries:
        text_of(client, address)
    return [query["sql"] for query in queries]


# The list ----------------------------------------------------------------------------------------


def test_the_list_says_of_each_box_what_lies_where_and_why(auditor, world):
    one = boxed(world, renames=2)
    (row,) = listed(auditor)
    at = f"{one.boxed_at:%Y-%m-%dT%H:%M:%S}Z"
    assert row.startswith(f"{one.stream} acme boxed {at} olive: the contract has ended 3 ")
    assert row.endswith(one.path)
    assert link(text_of(auditor, BOXES), str(one.stream)) == page(one)


def test_the_list_is_filtered(root, world, elsewhere):
    one, back, other = boxed(world), boxed(world), boxed(elsewhere)
    unbox(world, back)

    def found(query):
        rows = " ".join(listed(root, query))
        return {
            name
            for name, each in {"one": one, "back": back, "other": other}.items()
            if each.path in rows
        }

    assert found("") == {"one", "back", "other"}
    assert found("tenant=acme") == {"one", "back"}
    assert found("status=boxed") == {"one", "other"}
    assert found("status=unboxed") == {"back"}
    assert found("category=person") == {"one", "back", "other"}
    assert found("category=account") == set()
    assert found(f"stream={one.stream.aggregate_id}") == {"one"}
    assert found(f"stream={one.stream}") == {"one"}
    assert found(f"stream=account-{one.stream.aggregate_id}") == set()


@pytest.mark.parametrize("query", ["stream=x", "status=gone", "after=12", "tenant=nobody"])
def test_what_is_no_filter_shows_nothing(root, world, query):
    boxed(world)
    assert listed(root, query) == []


def test_a_hundred_boxes_cost_as_many_queries_as_ten_and_are_not_counted(auditor, world):
    one = boxed(world)
    copies_of(one, 9)
    ten = queries_of(auditor, BOXES)
    copies_of(one, 90)
    hundred = queries_of(auditor, BOXES)
    assert len(hundred) == len(ten)
    assert not any("COUNT(" in sql.upper() for sql in hundred)


def test_from_page_to_page_each_box_comes_once_newest_first_and_the_same_way_back(auditor, world):
    copies_of(boxed(world), 120)
    expected = list(Box.objects.order_by("-boxed_at", "-id").values_list("path", flat=True))
    address, seen, pages = BOXES, [], []
    while address:
        html = text_of(auditor, address)
        pages.append(
            [row.rpartition("copy ")[2] for row in listed(auditor, address[len(BOXES) + 1 :])]
        )
        seen += pages[-1]
        older = link(html, "Older")
        address = BOXES + older if older else None
    assert [len(rows) for rows in pages] == [50, 50, 21]
    assert len(set(seen)) == 121
    assert [path.rpartition("copy ")[2] for path in expected][:119] == seen[:119]
    newer = link(html, "Newer")
    assert [row.rpartition("copy ")[2] for row in listed(auditor, newer[1:])] == pages[1]


def test_of_other_tenants_nothing_is_seen(auditor, world, elsewhere):
    boxed(world)
    theirs = boxed(elsewhere)
    assert theirs.path not in text_of(auditor, BOXES)
    for address in (page(theirs), page(theirs, "verify/"), page(theirs, "x/")):
        assert auditor.get(address).status_code == 404


def test_members_see_no_box(mary, world):
    one = boxed(world)
    assert "You are an auditor or operator in no tenant" in text_of(mary, BOXES)
    assert mary.get(page(one)).status_code == 404


def test_where_nothing_was_boxed_the_list_says_so_and_the_menu_leads_there(operator):
    assert "Nothing was ever taken offline." in text_of(operator, BOXES)
    assert link(text_of(operator, "/admin/"), "Boxes") == BOXES


# One box -----------------------------------------------------------------------------------------


def test_a_box_shows_all_that_the_registry_says_and_what_was_done(auditor, world):
    one = boxed(world, renames=2)
    html = text_of(auditor, page(one))
    told = words(html)
    for text in (
        one.path,
        bytes(one.digest).hex(),
        f"{one.size} bytes",
        "3, versions 1 to 3",
        f"{one.first_position} to {one.last_position}",
        "3, with what they asked",
        "the contract has ended The person",  # the command's reason, and what came of it
    ):
        assert text in told, text
    assert link(html, str(one.stream)) == timeline(one.stream)
    command = StoredCommand.objects.get(type="box-aggregate")
    assert f"/admin/eventstore/storedcommand/{command.pk}/" in html
    assert link(html, "Unbox this aggregate") is None, "for an auditor"


def test_operators_find_the_way_to_unbox_until_it_is_done(operator, world):
    one = boxed(world)
    way = link(text_of(operator, page(one)), "Unbox this aggregate")
    assert way == timeline(one.stream, "unbox/")
    unbox(world, one)
    html = text_of(operator, page(one))
    assert link(html, "Unbox this aggregate") is None
    assert "Unboxed at" in html
    assert "it goes on The person" in words(html)


def test_a_box_that_was_filled_again_is_another_one(operator, world):
    first = boxed(world)
    unbox(world, first)
    second = box(world, first.stream.aggregate_id)
    assert second.pk != first.pk
    assert [row.count(" boxed ") for row in listed(operator)] == [1, 0]
    assert link(text_of(operator, page(first)), "Unbox this aggregate") is None


# Verifying ---------------------------------------------------------------------------------------


def verify(client, one):
    token = {"csrfmiddlewaretoken": _token(client, page(one))}
    answer = client.post(page(one, "verify/"), token, follow=True)
    assert answer.redirect_chain == [(page(one), 302)]
    return words(answer.content.decode())


def _token(client, address):
    html = text_of(client, address)
    return html.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]


def test_a_file_that_is_as_it_was_written_is_said_to_be_so(auditor, world):
    one = boxed(world, renames=2)
    assert "The file is as it was written: 3 events." in verify(auditor, one)
    unbox(world, one)
    assert "The file is as it was written: 3 events." in verify(auditor, one)


def test_a_file_that_was_changed_or_is_gone_is_told(operator, world):
    one = boxed(world)
    path = get_application().cold_storage.root / one.path
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"Ada", b"Eda"))
    assert "its digest differs" in verify(operator, one)
    path.unlink()
    assert f"The box {one.path} cannot be used: it is not there" in verify(operator, one)
    path.write_bytes(whole)
    assert "as it was written" in verify(operator, one)


def test_a_file_of_another_stream_is_told_although_the_registry_names_it(operator, world):
    one, other = boxed(world), boxed(world)
    Box.objects.filter(pk=one.pk).update(path=other.path, size=other.size, digest=other.digest)
    assert "is another stream's" in verify(operator, one)


def test_a_file_is_read_by_post_alone_and_not_as_often_as_one_likes(auditor, world, monkeypatch):
    one = boxed(world)
    (get_application().cold_storage.root / one.path).unlink()
    answer = auditor.get(page(one, "verify/"), follow=True)
    assert "cannot be used" not in answer.content.decode()
    application = world.application
    throttle = Throttle(application.database, calls_per_minute=1)
    monkeypatch.setattr(application, "throttle", throttle)
    assert "cannot be used" in verify(auditor, one)
    assert "More than 1 calls within a minute" in verify(auditor, one)


def test_without_the_csrf_token_nothing_is_read(world, tenant):
    one = boxed(world)
    client = staff("audrey", tenant, "auditor")
    assert client.post(page(one, "verify/")).status_code == 403


def test_what_users_write_is_text_on_the_pages_of_boxes(root, world):
    one = boxed(world, reason=HOSTILE)
    StoredCommand.objects.update(user=HOSTILE, code=HOSTILE)
    Box.objects.update(boxed_by=HOSTILE)
    for address in (BOXES, page(one), timeline(one.stream), timeline(one.stream, "unbox/")):
        html = text_of(root, address)
        assert "<img" not in html, address
        assert "&lt;img src=x" in html, address
