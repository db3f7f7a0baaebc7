"""Where a password's hash goes on its way into its table."""

import tempfile
from uuid import uuid4

from django.db import connection

from eventstore.database import Database
from ledger.models import Credential
from ledger.users.credentials import StoredCredentials

HASH = "pbkdf2_sha256$1000000$salt$abcdefghijklmnopqrstuvwxyz"


def test_a_hash_is_a_parameter_and_no_part_of_a_statement(database: None) -> None:
    """PostgreSQL logs statements that fail or take long; parameters it does not."""
    connection.ensure_connection()
    pgconn = connection.connection.pgconn
    with tempfile.TemporaryFile("w+") as file:
        pgconn.trace(file.fileno())
        StoredCredentials(Database()).add(uuid4(), uuid4(), HASH)
        pgconn.untrace()
        file.seek(0)
        sent = [line for line in file.read().splitlines() if "\tF\t" in line]

    with_hash = [line.split("\t")[3] for line in sent if HASH in line]
    assert with_hash == ["Bind"], "\n".join(sent)
    assert Credential.objects.get().password_hash == HASH
