"""Rows that measure the way in and out: requests, pages, and the parser of commands."""

from contextlib import ExitStack

from tests.benchmarks import musts
from tests.benchmarks.measuring import Contestant, Row, Size
from tests.benchmarks.our_requests import OurPages, OurPosts
from tests.benchmarks.parsing import MsgspecParses, OurParses, PlainParses
from tests.benchmarks.plain_rest import PlainPages, PlainPosts


class EdgeRows:
    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing

    def rows(self) -> list[Row]:
        return [
            Row(
                name="post",
                work="POST deposit-money, whole request, two rows",
                unit="requests/s",
                size=Size(accounts=200, prior=6, bookings=200),
                musts={"orm": musts.POST_BY_ORM},
                contestants=self._post,
            ),
            Row(
                name="page",
                work="GET a page of 50 accounts, whole request",
                unit="requests/s",
                size=Size(accounts=500, prior=0, bookings=200),
                musts={"orm": musts.PAGE_BY_ORM},
                contestants=self._page,
            ),
            Row(
                name="parse",
                work="read deposit-money from JSON",
                unit="commands/s",
                # As many accounts as bookings: each body is read once in a round.
                size=Size(accounts=5000, prior=0, bookings=5000),
                musts={"orm": musts.PARSE_BY_ORM},
                contestants=self._parse,
            ),
        ]

    def _post(self, size: Size) -> dict[str, Contestant]:
        return {"orm": PlainPosts(size, self._closing), "ours": OurPosts(size, self._closing)}

    def _page(self, size: Size) -> dict[str, Contestant]:
        return {"orm": PlainPages(size, self._closing), "ours": OurPages(size, self._closing)}

    def _parse(self, size: Size) -> dict[str, Contestant]:
        return {"limit": MsgspecParses(size), "orm": PlainParses(size), "ours": OurParses(size)}
