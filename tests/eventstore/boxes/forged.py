"""A box that somebody changes: its file alone, or what the registry says of it as well."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from eventstore.box_files import time_at
from eventstore.events import stream_name
from eventstore.hash_chain import GENESIS, HashChain
from eventstore.models import Box, Tenant
from eventstore.tenancy import Role
from tests.eventstore.boxes.support import box, cold_root, dumped, renamed_person, unbox
from tests.http import Api, api_for

Lines = list[dict[str, Any]]

#: What changes when a command is refused, and nothing else does.
OF_A_REFUSAL = ("eventstore_command", "eventstore_api_key")


@dataclass(frozen=True)
class Scene:
    """A person in cold storage, with its file and what the registry says of it."""

    operator: Api
    person: str
    path: Path
    content: bytes
    registered: dict[str, Any]

    def lines(self) -> Lines:
        return [json.loads(line) for line in self.content.splitlines()]

    def refused(self) -> str:
        """The problem that an unbox names; no row has changed but that of the refusal."""
        rows = dumped(*OF_A_REFUSAL)
        answer = unbox(self.operator, self.person).refused(422, "box_damaged")
        assert dumped(*OF_A_REFUSAL) == rows
        told = str(answer.body["detail"])
        assert told.startswith("The box ")
        assert "Nothing was changed. Bring back the file as it was written" in told
        return told

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Afterwards file and registry are again as they were."""
        try:
            yield
        finally:
            if self.path.is_dir() and not self.path.is_symlink():
                self.path.rmdir()
            else:
                self.path.unlink(missing_ok=True)
            self.path.write_bytes(self.content)
            Box.objects.filter(id=self.registered["id"]).update(**self.registered)

    def register(self, content: bytes) -> None:
        """Whoever can write to the database as well: the registry says what the file is."""
        self.path.write_bytes(content)
        Box.objects.filter(id=self.registered["id"]).update(
            size=len(content), digest=sha256(content).digest()
        )


def scene(operator: Api, person: str) -> Scene:
    box = Box.objects.get(stream__aggregate_id=person, unboxed_at=None)
    path = cold_root() / box.path
    registered = {"id": box.id, "path": box.path, "size": box.size, "digest": bytes(box.digest)}
    return Scene(operator, person, path, path.read_bytes(), registered)


def boxed_among_others() -> Scene:
    """For all tests of a module, each of which leaves it as it was."""
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    other_tenant = Tenant.objects.create(slug="umbrella", name="Umbrella")
    operator = api_for(tenant, Role.OPERATOR)
    person = renamed_person(operator, 3)
    for api in (operator, api_for(other_tenant, Role.OPERATOR, "otto")):
        assert box(api, renamed_person(api, 3)).status == 200
    assert box(operator, person).status == 200
    return scene(operator, person)


def written(lines: Lines) -> bytes:
    """As a box, with an inner digest that is right."""
    *body, end = lines
    content = b"".join(map(line, body))
    return content + line({"end": end["end"] | {"sha256": sha256(content).hexdigest()}})


def line(part: dict[str, Any]) -> bytes:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def rechained(lines: Lines) -> Lines:
    """With hashes that are right, up to the header's."""
    header = lines[0]["box"]
    previous = GENESIS
    for event in (part["event"] for part in lines if "event" in part):
        chain = HashChain(
            tenant_id=UUID(header["tenant_id"]),
            stream=stream_name(header["category"], UUID(header["aggregate_id"])),
            recorded_at=time_at(event["recorded_at"]),
            metadata=event["metadata"].encode(),
        )
        previous = chain.link(
            previous,
            version=event["version"],
            type_name=event["type"],
            schema_version=event["schema_version"],
            data=event["data"].encode(),
        )
        event["hash"] = previous.hex()
    header["head_hash"] = previous.hex()
    return lines


def events_of(lines: Lines) -> Lines:
    return [part["event"] for part in lines if "event" in part]


Change = Callable[[Lines], Any]
