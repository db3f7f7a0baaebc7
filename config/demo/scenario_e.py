"""E: a command for later. It is done once when it is due, or never where it was cancelled."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from django.db import connections

from config.demo.callers import Answer, HttpCaller, caller_with_key
from config.demo.people import find_or_make_user, key_for_now
from config.demo.stage import Stage
from eventstore.application import get_application
from eventstore.models import StoredStream
from eventstore.tenancy import Role

#: How long a command for now may take to come due and be done, in seconds.
PATIENCE = 20
RUNNERS = 2


def play(stage: Stage) -> None:
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    play_waiting(stage, tomorrow)
    play_due(stage)
    play_right(stage)


def play_waiting(stage: Stage, tomorrow: datetime) -> None:
    kept = register(stage.api, tomorrow, "Tomorrow")
    stage.expect("for tomorrow", (202, "scheduled"), (kept.status, kept.body["status"]))
    logged = stage.api.get(kept.headers["Location"]).body
    expected = ("scheduled", f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}")
    stage.expect("the log says", expected, (logged["status"], logged["due_at"]))
    run_at_once()
    stage.expect("events before that", 0, streams_of(stage, kept))
    cancelled = stage.api.delete(kept.headers["Location"])
    stage.expect("cancelled", (200, "cancelled"), (cancelled.status, cancelled.body["status"]))
    again = stage.api.delete(kept.headers["Location"])
    stage.expect("cancelled again", (409, "not_cancellable"), again.outcome)
    secret = stage.api.post(at(tomorrow, "start-user-registration"), **login())
    stage.expect("with a password", (400, "not_schedulable"), secret.outcome)


def play_due(stage: Stage) -> None:
    """Soon, by the database's clock; a worker that runs beside the demo may be faster."""
    soon = get_application().access.present() + timedelta(seconds=1)
    kept = register(stage.api, soon, "Soon")
    stage.expect("for a second later", (202, "scheduled"), (kept.status, kept.body["status"]))
    status = await_end(stage, kept)
    stage.expect(f"done, with {RUNNERS} runners at once", "completed", status)
    person_id = str(kept.body["aggregate_id"])
    stage.expect("its events", ["person.registered"], stage.events_of(person_id))


def play_right(stage: Stage) -> None:
    """Whoever may not do it any more has it not done."""
    name = "demo-leaver"
    soon = get_application().access.present() + timedelta(seconds=1)
    with key_for_now(stage.tenant, name, Role.MEMBER) as key:
        kept = register(caller_with_key(key), soon, "Never")
    stage.expect("by a member", 202, kept.status)
    user = find_or_make_user(name)
    get_application().access.remove_member(stage.tenant, user, by="demo")
    stage.expect("who has left when it is due", "refused", await_end(stage, kept))
    code = stage.api.get(kept.headers["Location"]).body["code"]
    stage.expect("why", "forbidden", code)
    stage.expect("events", 0, streams_of(stage, kept))


def register(api: HttpCaller, moment: datetime, name: str) -> Answer:
    return api.post(at(moment, "register-person"), first_name=name, last_name="Later")


def at(moment: datetime, command: str) -> str:
    return f"{command}?at={quote(moment.isoformat())}"


def login() -> dict[str, str]:
    return {"login_name": "later", "password": "a long password"}


def await_end(stage: Stage, kept: Answer) -> object:
    """Run what is due until this is among it; its status then, or what it was at last."""
    until = time.monotonic() + PATIENCE
    while True:
        run_at_once()
        status = stage.api.get(kept.headers["Location"]).body["status"]
        if status not in ("scheduled", "pending") or time.monotonic() > until:
            return status
        time.sleep(0.1)


def run_at_once() -> None:
    """What is due, by several runners."""

    def run(number: int) -> int:
        try:
            return get_application().scheduling.run_due()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(RUNNERS) as pool:
        list(pool.map(run, range(RUNNERS)))


def streams_of(stage: Stage, kept: Answer) -> int:
    person_id = kept.body["aggregate_id"]
    return StoredStream.objects.filter(tenant=stage.tenant, aggregate_id=person_id).count()
