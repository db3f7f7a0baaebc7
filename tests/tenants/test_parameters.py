"""Every query parameter that a page reads stands in routes.py, so that it gets foreign ids."""

from collections.abc import Generator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict

from eventstore.input.parameters import ParameterReader
from tests.tenants.classification import IN_THE_ADMIN, IN_THE_API, What, reads
from tests.tenants.matrix import QUERY, Slot, request_for
from tests.tenants.routes import ROUTES
from tests.tenants.world import BROWSER, KEY, World

READING = [
    name
    for name, route in ROUTES.items()
    if route.what in IN_THE_API | IN_THE_ADMIN and route.what is not What.DJANGO
]


class Watched(QueryDict):
    """A query string that notes what it is asked for."""

    asked: set[str]

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)

    def getlist(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().getlist(key, default)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Generator[set[str]]:
    """The names of parameters that views have asked for."""
    names: set[str] = set()

    def query(request: WSGIRequest) -> Watched:
        watched = Watched(request.META.get("QUERY_STRING", ""))
        watched.asked = names
        return watched

    take = ParameterReader.take

    def watched_take(reader: ParameterReader, name: str, *others: Any, **named: Any) -> Any:
        names.add(name)
        return take(reader, name, *others, **named)

    monkeypatch.setattr(WSGIRequest, "GET", property(query))
    monkeypatch.setattr(ParameterReader, "take", watched_take)
    return names


@pytest.mark.long
@pytest.mark.parametrize("name", READING)
def test_every_parameter_that_is_read_is_classified(
    world: World, asked: set[str], name: str
) -> None:
    route = ROUTES[name]
    caller = world.callers[KEY if route.what in IN_THE_API else BROWSER][-1]
    request = request_for(name, world)
    request.ask(caller)
    # Some are read only where another is there.
    for parameter in route.query:
        request.ask(caller, Slot(QUERY, parameter, reads()), "1")
    unknown, gone = sorted(asked - set(route.query)), sorted(set(route.query) - asked)
    assert not unknown, f"Add to `query` of {name} in ROUTES what it makes of {unknown}."
    assert not gone, f"{name} reads no parameters {gone}. Remove them from ROUTES."
