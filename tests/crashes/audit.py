"""What must hold after every crash, once nothing is left to do."""

from collections import Counter
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from eventstore.application import Application
from eventstore.integrity import Scope
from eventstore.management.verification import Verification
from eventstore.models import Reaction, Subscription
from eventstore.projections import Mode
from eventstore.testing import replay
from projections.models import AccountSummary, TransferSummary
from tests.crashes.bank import LARGE
from tests.mail_server import MailServer
from tests.replay import assert_rows_equal_a_replay, bring_level, live_rows

# Each statement finds what must not be; its columns fill the sentence before it.
MUST_NOT_BE = {
    "Reaction {} of {} {} ({} {}) is {}.": """
        SELECT id, process, instance_id, kind, name, status FROM eventstore_reaction
        WHERE status <> 'done'
    """,
    "{} {} still waits for {}.": """
        SELECT process, instance_id, waits_for FROM eventstore_process WHERE waits_for <> ''
    """,
    "Command {} ({}) is {}, ended at {}.": """
        SELECT id, type, status, ended_at FROM eventstore_command
        WHERE status NOT IN ('completed', 'refused', 'overridden') OR ended_at IS NULL
    """,
    "Effect {} ({}) has {} outcomes.": """
        SELECT effect.id, effect.name, count(outcome.id) FROM eventstore_reaction AS effect
        LEFT JOIN eventstore_reaction AS outcome
            ON outcome.cause_id = effect.id AND outcome.kind = 'outcome'
        WHERE effect.kind = 'effect' GROUP BY effect.id HAVING count(outcome.id) <> 1
    """,
    "Command {} ({}) is {}, and its process was told {} times that it changed nothing.": """
        SELECT c.id, c.type, c.status, count(r.id) FROM eventstore_command AS c
        LEFT JOIN eventstore_reaction AS r
            ON r.kind = 'refusal' AND (r.data ->> 'command_id')::uuid = c.id
        WHERE c.reaction_id IS NOT NULL GROUP BY c.number
        HAVING count(r.id) <> CASE c.status WHEN 'completed' THEN 0 ELSE 1 END
    """,
    "Account {} has {}, its events give {}.": """
        WITH booked AS (
            SELECT s.tenant_id, s.aggregate_id, sum((e.data ->> 'amount')::numeric
                * CASE e.type WHEN 'account.money_deposited' THEN 1 ELSE -1 END) AS balance
            FROM eventstore_event AS e JOIN eventstore_stream AS s ON s.id = e.stream_id
            WHERE e.type IN ('account.money_deposited', 'account.money_withdrawn')
            GROUP BY s.tenant_id, s.aggregate_id
        )
        SELECT account_id, a.balance, coalesce(b.balance, 0)
        FROM account_summary AS a
        LEFT JOIN booked AS b ON b.tenant_id = a.tenant_id AND b.aggregate_id = a.account_id
        WHERE a.balance <> coalesce(b.balance, 0) OR a.balance < 0
    """,
    "Transfer {} of {} ended with {}: {} withdrawn, {} deposited, {} refunded.": """
        WITH moved AS (
            SELECT e.tenant_id, (e.data ->> 'transfer_id')::uuid AS transfer_id,
                   s.aggregate_id AS account_id, (e.data ->> 'amount')::numeric AS amount,
                   CASE WHEN e.type = 'account.money_withdrawn' THEN 'withdrawn'
                        WHEN (e.data ->> 'is_refund')::boolean THEN 'refunded'
                        ELSE 'deposited' END AS how
            FROM eventstore_event AS e JOIN eventstore_stream AS s ON s.id = e.stream_id
            WHERE e.data ->> 'transfer_id' IS NOT NULL
        ), counted AS (
            SELECT t.tenant_id, t.transfer_id, t.amount, t.status,
                   count(*) FILTER (WHERE m.how = 'withdrawn') AS withdrawn,
                   count(*) FILTER (WHERE m.how = 'deposited') AS deposited,
                   count(*) FILTER (WHERE m.how = 'refunded') AS refunded,
                   coalesce(bool_and(m.amount = t.amount AND m.account_id = CASE m.how
                       WHEN 'deposited' THEN t.to_account_id ELSE t.from_account_id END), true)
                       AS is_right
            FROM transfer_summary AS t LEFT JOIN moved AS m USING (tenant_id, transfer_id)
            GROUP BY t.tenant_id, t.transfer_id, t.amount, t.status
        )
        SELECT transfer_id, amount, status, withdrawn, deposited, refunded FROM counted
        WHERE NOT is_right OR (status, withdrawn, deposited, refunded) NOT IN (
            ('completed', 1, 1, 0), ('failed', 0, 0, 0), ('failed', 1, 0, 1))
    """,
    "User {} ({}) is {} with {} credentials, and holds {} names.": """
        WITH held AS (
            SELECT u.user_id, u.login_name, u.status,
                   (SELECT count(*) FROM ledger_credential AS c
                    WHERE c.tenant_id = u.tenant_id AND c.user_id = u.user_id) AS credentials,
                   (SELECT count(*) FROM eventstore_reservation AS r
                    JOIN eventstore_stream AS s ON s.id = r.stream_id
                    WHERE s.tenant_id = u.tenant_id AND s.aggregate_id = u.user_id) AS names
            FROM user_summary AS u
        )
        SELECT * FROM held WHERE (status, credentials, names) NOT IN (
            ('succeeded', 1, 1), ('failed', 0, 0))
    """,
}

NO_CHECKPOINT = {
    "Projection {} stands at {}, where there is no event.": """
        SELECT projection, position FROM eventstore_subscription AS s
        WHERE mode <> 'inline' AND position <> 0
          AND NOT EXISTS (SELECT FROM eventstore_event WHERE position = s.position)
    """,
    "Projection {} is {} after {} attempts: {}": """
        SELECT projection, status, attempts, error FROM eventstore_subscription
        WHERE status <> 'active' OR attempts <> 0 OR error <> ''
    """,
}


def audit(application: Application, *, money: Decimal | int) -> None:
    """Raise AssertionError with a sentence for each thing that is wrong.

    `money` is what was paid in, over all tenants. Whether each command's events are there once is
    what `verify` compares with the command log.
    """
    findings = _wrong_checkpoints(application)
    bring_level(application)
    findings += [str(finding) for finding in _verified(application)]
    for sentence, statement in MUST_NOT_BE.items():
        findings += [sentence.format(*row) for row in _rows(statement)]
    held = AccountSummary.objects.aggregate(sum=Sum("balance"))["sum"]
    if held != money:
        findings.append(f"The accounts hold {held}, and {money} was paid in.")
    findings += _reactions_missed(application)
    assert not findings, "\n".join(findings)
    assert_rows_equal_a_replay(application)


def audit_checkpoints(application: Application) -> None:
    """Where no worker is at it: raise AssertionError for each projection that is wrong.

    Its rows contain the events up to its checkpoint and nothing else, and it does not stand still.
    """
    findings = _wrong_checkpoints(application)
    assert not findings, "\n".join(findings)


def _wrong_checkpoints(application: Application) -> list[str]:
    findings = [
        sentence.format(*row)
        for sentence, statement in NO_CHECKPOINT.items()
        for row in _rows(statement)
    ]
    for projection in application.projections:
        found = Subscription.objects.filter(projection=projection.name).first()
        if found is None or found.mode == Mode.INLINE:
            continue
        expected = replay(projection, application.reader.read_log(until=found.position)).tables
        findings += [
            f"{table.model.__name__} is not as of position {found.position}."
            for table in projection.tables
            if live_rows(table) != expected[table.model]
        ]
    return findings


def _verified(application: Application) -> list[Any]:
    return list(Verification(application, Scope(), lambda: None).findings())


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def _reactions_missed(application: Application) -> list[str]:
    """Each event has one reaction for each process manager that it is for, and no other."""
    of_events = Reaction.objects.filter(kind=Reaction.Kind.EVENT)
    stored = Counter(of_events.values_list("event_id", "tenant_id", "process", "instance_id"))
    due = Counter(
        (recorded.position, *instance)
        for recorded in application.reader.read_log()
        for instance in application.processes.instances([recorded])
    )
    return [
        f"The event at {position} has {stored[key]} reactions of {process}, and is due {due[key]}."
        for key in stored | due
        if stored[key] != due[key]
        for position, _, process, _ in [key]
    ]


def audit_mails(mails: MailServer, *, sent_again: int) -> None:
    """Each large transfer has sent one e-mail; another, under its id, only where somebody died.

    `sent_again`: how often somebody may have died after he had sent one.
    """
    large = TransferSummary.objects.filter(amount=LARGE).count()
    ids = {mail["Message-ID"] for mail in mails.box}
    assert len(ids) == large > 0, f"{len(ids)} different e-mails of {large} transfers"
    assert len(mails.box) <= large + sent_again, f"{len(mails.box)} e-mails of {large} transfers"
