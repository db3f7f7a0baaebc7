"""One page of a long list, found by key: however long the list is, and whoever adds to it.

No COUNT and no OFFSET: both read everything that they skip, and an OFFSET shows a row twice when
another is inserted above it. Markus Winand, use-the-index-luke.com, calls this the seek method.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

Key = int | str | UUID
ModelT = TypeVar("ModelT", bound=Model)

#: Rows on one page.
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page lies: it begins behind the key `after`, or it ends before the key `before`.

    Neither: the first page. "Behind" and "before" mean the order in which the list is shown.
    """

    after: Key | None = None
    before: Key | None = None

    @property
    def is_first_page(self) -> bool:
        return self.after is None and self.before is None


@dataclass(frozen=True, slots=True)
class Page(Generic[ModelT]):
    """Rows in the list's order, and the keys that lead on; None: there is nothing more."""

    rows: list[ModelT]
    is_first: bool = True
    after: Key | None = None
    before: Key | None = None


def keyset_page(
    rows: QuerySet[ModelT], order: str, cursor: Cursor, size: int = PAGE_SIZE
) -> Page[ModelT]:
    """Read one page in one query. `order` is a unique field, with `-` in front from the end."""
    key = order.removeprefix("-")
    descending = order.startswith("-")
    backwards = cursor.before is not None
    if backwards:
        rows = rows.filter(Q((f"{key}__{'gt' if descending else 'lt'}", cursor.before)))
    elif cursor.after is not None:
        rows = rows.filter(Q((f"{key}__{'lt' if descending else 'gt'}", cursor.after)))
    # One row more than is shown tells whether there is another page.
    found = list(rows.order_by(key if descending == backwards else f"-{key}")[: size + 1])
    more = len(found) > size
    shown = found[:size]
    if backwards:
        shown.reverse()
    has_rows_behind = more or backwards
    has_rows_before = more if backwards else cursor.after is not None
    return Page(
        rows=shown,
        is_first=cursor.is_first_page,
        after=_key(shown[-1], key) if shown and has_rows_behind else None,
        before=_key(shown[0], key) if shown and has_rows_before else None,
    )


def page_by_time(
    rows: QuerySet[ModelT], known: QuerySet[ModelT], order: str, cursor: Cursor
) -> Page[ModelT]:
    """Read one page by a time that several rows may have, and by key, in two queries.

    `order` is the time's field, with `-` in front from the end. A cursor is the key of one of the
    `known`, which may have left `rows` meanwhile; an unknown one leads to the first page.
    """
    time = order.removeprefix("-")
    backwards = cursor.before is not None
    falling = order.startswith("-") != backwards
    mark = None
    if not cursor.is_first_page:
        key = cursor.before if backwards else cursor.after
        mark = known.filter(Q(("pk", key), (f"{time}__isnull", False))).first()
    if mark is not None:
        rows = rows.filter(_beyond(mark, time, "lt" if falling else "gt"))
    sign = "-" if falling else ""
    found = list(rows.order_by(f"{sign}{time}", f"{sign}pk")[: PAGE_SIZE + 1])
    more, shown = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if backwards:
        shown.reverse()
    return Page(
        rows=shown,
        is_first=cursor.is_first_page,
        after=shown[-1].pk if shown and (more or backwards) else None,
        before=shown[0].pk if shown and (more if backwards else mark) else None,
    )


def _beyond(mark: Model, time: str, than: str) -> Q:
    at = mark.serializable_value(time)
    return Q((f"{time}__{than}", at)) | Q((time, at), (f"pk__{than}", mark.pk))


def _key(row: Model, field: str) -> Key:
    key: Key = row.serializable_value(field)
    return key
