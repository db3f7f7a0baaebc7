"""Whatever stands in another tenant's rows and in none of ours: its ids and its secrets.

Read from the models, so that a new model's columns come in by themselves.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any
from uuid import UUID, uuid5

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db.models import BinaryField, ForeignKey, Model, QuerySet

from eventstore.models import JsonText, Tenant
from tests.tenants.seeding import FIRST_BLOCK, nobodys_number

Value = UUID | int | Decimal | datetime | str

#: How a value is read from outside.
UUIDS, NUMBERS, TIMES, AMOUNTS, TEXTS = "uuid", "number", "time", "amount", "text"

SHORTEST_TEXT, LONGEST_ID = 4, 100
INSIDE = " (inside its JSON)"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Finding:
    """A value of another tenant's, and where it stands. `is_id`: somebody might send it."""

    value: Value
    column: str
    is_id: bool = True

    @property
    def kind(self) -> str:
        return KINDS[type(self.value)]

    @property
    def text(self) -> str:
        """As it stands in a URL, a body or a page."""
        if isinstance(self.value, datetime):
            return self.value.isoformat().replace("+00:00", "Z")
        return str(self.value)

    @property
    def trace(self) -> str:
        """What an answer that contains it contains, however it writes the offset of a time."""
        return self.text.removesuffix("Z") if self.kind == TIMES else self.text


KINDS: dict[type, str] = {
    UUID: UUIDS, int: NUMBERS, datetime: TIMES, Decimal: AMOUNTS, str: TEXTS
}  # fmt: skip


def findings(theirs: Tenant, ours: Tenant) -> list[Finding]:
    """Each value once, in a steady order."""
    known = {finding.value for finding in everything_of(ours)}
    found: dict[Value, Finding] = {}
    # Columns of their own first, so that a value has a telling name.
    for finding in sorted(everything_of(theirs), key=lambda it: it.column.endswith(INSIDE)):
        if finding.value not in known:
            found.setdefault(finding.value, finding)
    return list(found.values())


def everything_of(tenant: Tenant) -> Iterator[Finding]:
    for model in tenant_models():
        for row in rows_of(model, tenant):
            yield from _values(row)
    for row in (*users_of(tenant), *notes_of(tenant)):
        yield from _values(row)


def tenant_models() -> list[type[Model]]:
    """The models whose rows have a tenant, if only through another row."""
    return [model for model in apps.get_models() if tenant_path(model)]


def tenant_path(model: type[Model]) -> str | None:
    """The lookup that leads from a row to its tenant's id; None: it has none."""
    if model is Tenant:
        return "pk"
    names = {field.attname for field in model._meta.concrete_fields}
    if "tenant_id" in names:
        return "tenant_id"
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey) and field.related_model is not model:
            path = tenant_path(field.related_model)
            if path:
                return f"{field.name}__{path}"
    return None


def rows_of(model: type[Model], tenant: Tenant) -> QuerySet:
    path = tenant_path(model)
    assert path, f"{model._meta.label} has no tenant"
    return model._default_manager.filter(**{path: tenant.pk}).order_by("pk")


def users_of(tenant: Tenant) -> QuerySet:
    return User.objects.filter(membership__tenant=tenant).distinct().order_by("pk")


def notes_of(tenant: Tenant) -> QuerySet:
    """What was done to a tenant's members and keys; eventstore/admin/records.py writes it."""
    return LogEntry.objects.filter(object_id=str(tenant.pk)).order_by("pk")


def digests_of(tenant: Tenant) -> dict[str, str]:
    """Of all rows of the tenant and of its users, by model: a change in any shows."""
    sets = {model._meta.label: rows_of(model, tenant) for model in tenant_models()}
    sets |= {"auth.User": users_of(tenant), "admin.LogEntry": notes_of(tenant)}
    return {
        label: sha256(repr([_plain(row) for row in rows.values()]).encode()).hexdigest()
        for label, rows in sets.items()
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: bytes(v) if isinstance(v, memoryview) else v for k, v in row.items()}


def _values(row: Model) -> Iterator[Finding]:
    for field in row._meta.concrete_fields:
        column = f"{row._meta.object_name}.{field.name}"
        is_id = not isinstance(field, BinaryField) and "password" not in field.name
        stored = row.serializable_value(field.attname)
        if stored and isinstance(field, JsonText):
            stored = json.loads(stored)
        if isinstance(stored, dict | list):
            column += INSIDE
        for value in _scalars(stored):
            yield Finding(value, column, is_id and len(str(value)) <= LONGEST_ID)


def _scalars(value: Any) -> Iterator[Value]:
    """The telling values in a column; small numbers and short words tell nothing."""
    if isinstance(value, memoryview | bytes):
        yield bytes(value).hex()
    elif isinstance(value, dict):
        for part in value.values():
            yield from _scalars(part)
    elif isinstance(value, list):
        for part in value:
            yield from _scalars(part)
    elif isinstance(value, str) and _UUID.fullmatch(value):
        yield UUID(value)
    elif isinstance(value, str):
        if len(value) >= SHORTEST_TEXT:
            yield value
    elif (
        isinstance(value, UUID | datetime)
        or (isinstance(value, Decimal) and value)
        or (type(value) is int and value >= FIRST_BLOCK)
    ):
        yield value


# Random values of the same kind ------------------------------------------------------------------

NOBODYS_UUID = UUID("5eed0000-0000-4000-8000-000000000000")


def twin(finding: Finding, *, of_its_own: bool = False) -> Finding:
    """A value that exists nowhere, of the same kind, shape and length; always the same one.

    Several may have the same twin, unless it has to be `of_its_own`, as where it is written down.
    """
    value = finding.value
    if isinstance(value, UUID):
        value = uuid5(NOBODYS_UUID, str(value)) if of_its_own else NOBODYS_UUID
    elif isinstance(value, datetime):
        # Theirs come after ours, and so does this: both stand on the same side in any order.
        value += timedelta(microseconds=123_457)
    elif isinstance(value, int):
        value = nobodys_number(value)
    else:
        value = type(value)(_other_letters(str(value)))
    return Finding(value, finding.column, finding.is_id)


def _other_letters(text: str) -> str:
    """All but the first, so that both stand on the same side of ours in any order."""
    chance, rest = Random(text), text[1:]
    for alphabet in (ascii_lowercase, ascii_uppercase, digits[1:]):
        rest = re.sub(f"[{alphabet}]", lambda _, letters=alphabet: chance.choice(letters), rest)
    return text[0] + rest
