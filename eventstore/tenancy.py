"""Who acts, for whom: every command, event and row carries a tenant, and every command a user."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a user may do within one tenant; DESIGN section 8 lists the calls of each."""

    MEMBER = "member"
    AUDITOR = "auditor"
    OPERATOR = "operator"


# Who may do something, as it stands beside each command and each endpoint.
EVERYONE = frozenset(Role)
SENDERS = frozenset({Role.MEMBER, Role.OPERATOR})
INSPECTORS = frozenset({Role.AUDITOR, Role.OPERATOR})
OPERATORS = frozenset({Role.OPERATOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A user in a tenant. The same person may be another actor in another tenant."""

    tenant_id: UUID
    user: str
    role: Role
