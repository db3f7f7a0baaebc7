"""What `/readyz` and `/metrics` say."""

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.http import Answer, answer_of


def ask(path: str = "/readyz") -> Answer:
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    return answer_of(client.get(path))


def reasons() -> list[str]:
    answer = ask()
    assert answer.status == 200, answer.raw
    assert answer.headers["Cache-Control"] == "no-store"
    found: list[str] = answer.body["reasons"]
    assert answer.body["status"] == ("degraded" if found else "ok")
    return found


def measured() -> dict[tuple[str, ...], float]:
    """Each sample by its name and its labels' values."""
    answer = ask("/metrics")
    assert answer.status == 200, answer.raw
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.raw.decode())
        for sample in family.samples
    }


def unavailable(answer: Answer) -> str:
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5"), answer.raw
    assert answer.body["status"] == "unavailable"
    (reason,) = answer.body["reasons"]
    return str(reason)
