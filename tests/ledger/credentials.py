"""Credentials for handlers that are tested without a database."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class CredentialsInMemory:
    """By tenant and user, the hash."""

    hashes: dict[tuple[UUID, UUID], str] = field(default_factory=dict)

    def add(self, tenant_id: UUID, user_id: UUID, password_hash: str) -> None:
        self.hashes[tenant_id, user_id] = password_hash

    def remove(self, tenant_id: UUID, user_id: UUID) -> None:
        del self.hashes[tenant_id, user_id]
