import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.admin.paging import Cursor, Page, keyset_page
from eventstore.models import StoredStream, Tenant
from tests.eventstore.admin.support import add_streams


@pytest.fixture
def seven(tenant: Tenant) -> list[int]:
    return add_streams(tenant, 7)


def page(order, *, after=None, before=None):
    return keyset_page(StoredStream.objects.all(), order, Cursor(after, before), size=3)


def keys(found):
    return [stream.pk for stream in found.rows]


def test_the_first_page_begins_at_the_end_that_the_order_names(seven):
    assert keys(page("-pk")) == seven[:-4:-1]
    assert keys(page("pk")) == seven[:3]


@pytest.mark.parametrize("order", ["pk", "-pk"])
def test_going_on_and_back_passes_each_row_once(seven, order):
    in_order = seven if order == "pk" else seven[::-1]
    first = page(order)
    second = page(order, after=first.after)
    last = page(order, after=second.after)
    assert keys(first) + keys(second) + keys(last) == in_order
    assert (first.before, last.after) == (None, None)
    assert keys(page(order, before=last.before)) == keys(second)
    assert page(order, before=second.before) == Page(
        rows=first.rows, is_first=False, after=first.after, before=None
    )


def test_a_full_last_page_leads_nowhere(seven):
    second = keyset_page(
        StoredStream.objects.exclude(pk=seven[0]), "-pk", Cursor(page("-pk").after, None), size=3
    )
    assert (len(second.rows), second.after) == (3, None)


def test_beyond_the_last_row_is_an_empty_page(seven):
    assert page("-pk", after=seven[0]).rows == []
    assert page("-pk", before=seven[-1]).rows == []


def test_an_empty_list_has_one_empty_page(database):
    found = page("-pk")
    assert (found.rows, found.is_first, found.after, found.before) == ([], True, None, None)


def test_a_page_is_one_query_without_count_and_offset(seven):
    with CaptureQueriesContext(connection) as queries:
        page("-pk", after=seven[5])
    (query,) = queries.captured_queries
    assert "COUNT" not in query["sql"]
    assert "OFFSET" not in query["sql"]
