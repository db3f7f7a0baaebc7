"""Where the hashes of passwords are kept, apart from all that is recorded about a user."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from eventstore.database import Database
from ledger.models import Credential

# Not by the ORM, which writes values into the statement: where it fails, or is slow, PostgreSQL
# puts the statement into its log. Here the hash is a parameter, and parameters are not logged.
ADD = """
INSERT INTO ledger_credential (tenant_id, user_id, password_hash, created_at)
VALUES (%s, %s, %s, clock_timestamp())
"""


class Credentials(Protocol):
    """At most one for each user. Called within the command's transaction."""

    def add(self, tenant_id: UUID, user_id: UUID, password_hash: str) -> None: ...

    def remove(self, tenant_id: UUID, user_id: UUID) -> None: ...


@dataclass(frozen=True, slots=True)
class StoredCredentials:
    """In the table `ledger_credential`."""

    database: Database

    def add(self, tenant_id: UUID, user_id: UUID, password_hash: str) -> None:
        self.database.execute(ADD, (tenant_id, user_id, password_hash))

    def remove(self, tenant_id: UUID, user_id: UUID) -> None:
        of_user = Credential.objects.filter(tenant_id=tenant_id, user_id=user_id)
        of_user.using(self.database.alias).delete()
