"""Door: who may come in, and what. Replays, versions, input, tenants, roles, keys, sessions."""

from uuid import uuid4

from config.demo.accounts import open_account
from config.demo.callers import browser_of, caller_with_key
from config.demo.people import (
    DEMO,
    find_or_make_tenant,
    find_or_make_user,
    fresh_key,
    key_for_now,
)
from config.demo.stage import Stage
from eventstore.application import get_application
from eventstore.tenancy import Role

OTHER_TENANT = "umbrella"


def play(stage: Stage) -> None:
    account_id = open_account(stage.api)
    send_again(stage, account_id)
    send_outdated(stage, account_id)
    send_nonsense(stage, account_id)
    look_into_another_tenant(stage)
    come_as_auditor(stage, account_id)
    come_with_revoked_key(stage)
    come_with_session(stage)


def send_again(stage: Stage, account_id: str) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    fields = {"aggregate_id": account_id, "amount": "20.00"}
    first = stage.api.send("deposit-money", fields, headers)
    again = stage.api.send("deposit-money", fields, headers)
    replayed = (again.status, again.headers.get("Idempotent-Replayed"))
    stage.expect("a command sent again, Idempotent-Replayed", (200, "true"), replayed)
    stage.expect("its answer", first.body.get("events"), again.body.get("events"))
    balance = stage.api.get(f"/api/accounts/{account_id}").body.get("balance")
    stage.expect("the balance after both", "20.00", balance)
    other = stage.api.send("deposit-money", {**fields, "amount": "30.00"}, headers)
    stage.expect("its id with other content", (422, "command_id_reused"), other.outcome)


def send_outdated(stage: Stage, account_id: str) -> None:
    """By now the account has two events: it was opened, and money came in."""
    fields = {"aggregate_id": account_id, "amount": "1.00"}
    stale = stage.api.send("deposit-money", fields, {"If-Match": '"1"'})
    stage.expect("If-Match with an old version", (412, "stale_version"), stale.outcome)
    current = stage.api.send("deposit-money", fields, {"If-Match": '"2"'})
    stage.expect("If-Match with the present one", (200, None), current.outcome)
    stage.expect("its new version", '"3"', current.headers.get("ETag"))


def send_nonsense(stage: Stage, account_id: str) -> None:
    inexact = stage.api.post("deposit-money", aggregate_id=account_id, amount=12.34)
    stage.expect("an amount as a float", (400, "validation_failed"), inexact.outcome)
    stage.expect("the wrong field", ["amount"], sorted(inexact.body.get("errors", {})))
    wrong = stage.api.post("register-person", first_name=" ", last_name="x" * 101, nickname="Al")
    fields = ["first_name", "last_name", "nickname"]
    stage.expect("all wrong fields at once", fields, sorted(wrong.body.get("errors", {})))


def look_into_another_tenant(stage: Stage) -> None:
    tenant, unknown_id = find_or_make_tenant(OTHER_TENANT), str(uuid4())
    with key_for_now(tenant, "umbrella-operator", Role.OPERATOR) as key:
        theirs = caller_with_key(key)
        their_id = open_account(theirs)
        seen = theirs.get(f"/api/accounts/{their_id}")
    stage.expect("an account of umbrella's, seen by umbrella", 200, seen.status)
    read = {id_: stage.api.get(f"/api/accounts/{id_}") for id_ in (their_id, unknown_id)}
    stage.expect("the same, seen by demo", (404, "not_found"), read[their_id].outcome)
    sent = {
        id_: stage.api.post("deposit-money", aggregate_id=id_, amount="1.00")
        for id_ in (their_id, unknown_id)
    }
    stage.expect("money from demo into it", (404, "not_found"), sent[their_id].outcome)
    for what, answers in (("reading it", read), ("paying in", sent)):
        # Whoever guesses ids shall not learn which of them are taken.
        unknown, others = (
            str(answers[id_].body).replace(id_, "<id>") for id_ in (unknown_id, their_id)
        )
        stage.expect(f"{what} answers as for an id that nobody has", unknown, others)


def come_as_auditor(stage: Stage, account_id: str) -> None:
    with key_for_now(stage.tenant, "demo-auditor", Role.AUDITOR) as key:
        auditor = caller_with_key(key)
        stage.expect("an auditor reads", 200, auditor.get(f"/api/accounts/{account_id}").status)
        sent = auditor.post("deposit-money", aggregate_id=account_id, amount="1.00")
    stage.expect("an auditor sends a command", (403, "forbidden"), sent.outcome)


def come_with_revoked_key(stage: Stage) -> None:
    access = get_application().access
    key = fresh_key(stage.tenant, "demo-leaver", Role.MEMBER)
    caller = caller_with_key(key)
    stage.expect("a key", 200, caller.get("/api/persons").status)
    stored = access.find_key(key.encode())
    if stored is not None:
        access.revoke_key(stored, by=DEMO, reason="the scenario shows it")
    revoked = caller.get("/api/persons")
    stage.expect("the key, revoked", (401, "unauthenticated"), revoked.outcome)


def come_with_session(stage: Stage) -> None:
    """One user, a member here and an auditor there."""
    access, user = get_application().access, find_or_make_user("demo-commuter")
    access.add_member(stage.tenant, user, Role.MEMBER, by=DEMO)
    access.add_member(find_or_make_tenant(OTHER_TENANT), user, Role.AUDITOR, by=DEMO)
    person = {"first_name": "Grace", "last_name": "Hopper"}
    with browser_of(user) as browser:
        here, there = browser.inside(stage.tenant.slug), browser.inside(OTHER_TENANT)
        sent_here = here.send("register-person", person)
        sent_there = there.send("register-person", person)
        stage.expect("a user sends a command in demo, as a member", (201, None), sent_here.outcome)
        stage.expect(
            "the same user in umbrella, as an auditor", (403, "forbidden"), sent_there.outcome
        )
        stage.expect("and reads there", 200, there.get("/api/persons").status)
        stranger = browser.from_elsewhere(stage.tenant.slug).send("register-person", person)
        stage.expect(
            "the same session from a page elsewhere", (403, "forbidden"), stranger.outcome
        )
