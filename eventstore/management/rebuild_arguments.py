"""What `manage.py rebuild` is asked to do. Whatever contradicts itself ends with exit code 2."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.core.management.base import CommandError

from eventstore.application import Application
from eventstore.input.parameters import Number
from eventstore.input.values import read_time
from eventstore.management.arguments import printable
from eventstore.management.streams import find_any_tenant, find_stream

#: The options that say what is done instead of a rebuild, and what may stand beside each.
_WHICH = ("name", "all", "tenant")
ACTS: dict[str, tuple[str, ...]] = {
    "asked": (),
    "copies": ("json",),
    "drop": ("tenant", "reason", "json"),
    "into": (*_WHICH, "as_of", "until", "reason", "json"),
    "dry_run": (*_WHICH, "stream", "json"),
    "check": (*_WHICH, "reason", "json"),
    "fix": (*_WHICH, "stream", "reason", "json"),
}
REBUILD = (*_WHICH, "stream", "reason", "json")
OPTIONS = {*ACTS, *REBUILD, *(name for beside in ACTS.values() for name in beside)}

#: What to do instead, where that is not plain.
ADVICE = {
    ("check", "fix"): "--check counts what --fix would mend: run it first, alone.",
    ("dry_run", "fix"): "--check counts what --fix would mend, and mends nothing.",
    ("check", "dry_run"): "--check changes no row either.",
    ("dry_run", "into"): "A copy changes no row; --drop LABEL removes it again.",
    ("check", "stream"): "--check compares all rows, or with --tenant those of a tenant. To mend "
    "the rows that a stream touches, give --stream without --check: it says how many differed.",
    ("into", "stream"): "A copy is of all rows, or with --tenant of those of a tenant.",
    ("as_of", "until"): "Give the time or the position.",
    ("all", "name"): "Name some, or take all.",
    ("as_of", "rebuild"): "--as-of TIME makes a copy of rows, which needs --into LABEL.",
    ("rebuild", "until"): "--until POSITION makes a copy of rows, which needs --into LABEL.",
}


class Scope(NamedTuple):
    """Everything, a tenant, or one stream of it (`account-<uuid>`)."""

    tenant_id: UUID | None = None
    tenant: str | None = None
    stream: str = ""


def refuse_contradictions(options: Mapping[str, Any]) -> None:
    """CommandError with a sentence for options that do not go together."""
    given = sorted(name for name in OPTIONS if options.get(name) not in (None, False, []))
    acts = [name for name in given if name in ACTS]
    if len(acts) > 1:
        raise _contradiction(acts[0], acts[1])
    act = acts[0] if acts else "rebuild"
    for name in given:
        if name != act and name not in ACTS.get(act, REBUILD):
            raise _contradiction(act, name)
    for one, other in (("as_of", "until"), ("all", "name")):
        if one in given and other in given:
            raise _contradiction(one, other)


def read_names(application: Application, names: Sequence[str], *, every: bool) -> list[str]:
    """Registered ones, each once, in the order of their registration; CommandError otherwise."""
    known = [projection.name for projection in application.projections]
    for name in names:
        if printable(name) not in known:
            raise CommandError(
                f"There is no projection {name!r}. Known: {_list(known)}.", returncode=2
            )
    if not names and not every:
        raise CommandError(
            f"Name one or more projections, or give --all. Known: {_list(known)}.", returncode=2
        )
    return [name for name in known if every or name in names]


def read_scope(tenant: str | None, stream: str | None) -> Scope:
    """As `stream` and `verify` find it; CommandError with the known ones."""
    if stream is not None:
        found = find_stream(stream, tenant)
        return Scope(found.tenant_id, found.tenant.slug, str(found))
    if tenant is not None:
        owner = find_any_tenant(tenant)
        return Scope(owner.pk, owner.slug)
    return Scope()


def read_moment(as_of: str | None, until: str | None) -> tuple[datetime | None, int | None]:
    """The time or the position of a copy; CommandError for neither, and for what is none."""
    if as_of is None and until is None:
        raise CommandError(
            "--into LABEL needs the moment: --as-of TIME or --until POSITION.", returncode=2
        )
    try:
        if as_of is not None:
            return read_time(as_of), None
        return None, Number(0)(until or "")
    except ValueError as error:
        flag = "--until" if as_of is None else "--as-of"
        raise CommandError(f"{flag} {error}.", returncode=2) from None


def _contradiction(one: str, other: str) -> CommandError:
    advice = ADVICE.get((min(one, other), max(one, other)), "")
    if advice and "rebuild" in (one, other):
        return CommandError(advice, returncode=2)
    sentence = f"{_flag(one)} and {_flag(other)} do not go together. {advice}"
    return CommandError(sentence.strip(), returncode=2)


def _flag(name: str) -> str:
    return "NAME" if name == "name" else "--" + name.replace("_", "-")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
