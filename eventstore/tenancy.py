"""Who acts, for whom: every command, event and row carries a tenant, and every command a user."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a user may do within one tenant; DESIGN section 8 lists the calls of each."""

    MEMBER = "member"
    AUDITOR = "auditor"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A user in a tenant. The same person may be another actor in another tenant."""

    tenant_id: UUID
    user: str
    role: Role

    @property
    def may_send_commands(self) -> bool:
        return self.role in (Role.MEMBER, Role.OPERATOR)
