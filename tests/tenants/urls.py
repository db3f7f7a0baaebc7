"""Walks the URL configuration."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver

_GROUP = re.compile(r"\^?\(\?P<(\w+)>.*?\)")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def walk(
    patterns: list[URLPattern | URLResolver] | None = None, prefix: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Every URL with its route, those of includes in full; a regex's groups as `<name>`."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + _GROUP.sub(r"<\1>", str(pattern.pattern)).rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route, pattern


def parameters_of(route: str) -> list[str]:
    return _PARAMETER.findall(route)


def address(route: str, values: Mapping[str, Any]) -> str:
    """The path of a route with these values, each escaped, in it."""
    return "/" + _PARAMETER.sub(lambda found: quote(str(values[found[1]]), safe=""), route)
