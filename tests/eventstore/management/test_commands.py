"""The commands of `manage.py` that need no process of their own, and their exit codes."""

import io
import json
import signal
import urllib.request
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from eventstore.management.progress import Progress
from eventstore.models import ApiKey, Tenant
from tests.http import Api
from tests.processes import PROJECT, run_manage, start_manage


def said(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def exit_code(name: str, *arguments: str) -> int:
    with pytest.raises(CommandError) as failure:
        call_command(name, *arguments, stdout=io.StringIO())
    return failure.value.returncode


def test_a_tenant_is_created_once(database: None) -> None:
    assert "created" in said("create_tenant", "acme", "--name", "Acme & Co")
    assert "exists" in said("create_tenant", "acme")
    assert Tenant.objects.get().name == "Acme & Co"


@pytest.mark.parametrize("slug", ["", "a b", "ä", "x" * 64, "a/b"])
def test_a_slug_that_cannot_stand_in_a_url_is_refused(database: None, slug: str) -> None:
    assert exit_code("create_tenant", slug) == 2
    assert not Tenant.objects.exists()


def test_a_key_is_printed_once_and_works(tenant: Tenant) -> None:
    key = said("create_api_key", "--tenant", "acme", "--user", "mary").strip()
    assert Api(key).get("/api/persons").status == 200
    assert not User.objects.get(username="mary").has_usable_password()


def test_an_existing_user_gets_another_key(tenant: Tenant) -> None:
    for role in ("member", "auditor"):
        said("create_api_key", "--tenant", "acme", "--user", "mary", "--role", role)
    assert set(ApiKey.objects.values_list("role", flat=True)) == {"member", "auditor"}
    assert User.objects.count() == 1


def test_a_key_for_an_unknown_tenant_or_an_impossible_name_is_refused(tenant: Tenant) -> None:
    assert exit_code("create_api_key", "--tenant", "acne", "--user", "mary") == 2
    assert exit_code("create_api_key", "--tenant", "acme", "--user", "a b/c") == 2
    assert not ApiKey.objects.exists()


def test_handlers_names_each_registration_with_file_and_line(application: object) -> None:
    lines = said("handlers").splitlines()
    withdraw = next(line for line in lines if "withdraw-money" in line)
    path, number = withdraw.split()[-1].rsplit(":", 1)
    source = (PROJECT / path).read_text().splitlines()
    assert source[int(number) - 1].startswith("def withdraw_money")
    entries = json.loads(said("handlers", "--json"))
    assert len(entries) == len(lines)
    assert {entry["kind"] for entry in entries} == {
        "aggregate",
        "command",
        "effect",
        "event",
        "override",
        "process",
        "projection",
        "reaction",
        "upcaster",
    }


@pytest.mark.parametrize(
    ("kind", "name", "target", "line"),
    [
        ("process", "transfer", "TransferProcess", "class TransferProcess("),
        ("reaction", "transfer transfer.started", "of_own_stream", "def of_own_stream("),
        ("effect", "send-mail", "SendMail -> send_mail", "def send_mail("),
        ("override", "umbrella: command rename-person", "keep_the_name", "def keep_the_name("),
        (
            "override",
            "umbrella: reaction transfer transfer.started",
            "tell_the_owner",
            "def tell_the_owner(",
        ),
    ],
)
def test_handlers_names_processes_effects_and_what_single_tenants_have_otherwise(
    database: None, kind: str, name: str, target: str, line: str
) -> None:
    entries = json.loads(said("handlers", "--json"))
    (entry,) = [it for it in entries if (it["kind"], it["name"]) == (kind, name)]
    path, number = entry["where"].rsplit(":", 1)
    assert entry["class"] == target
    assert (PROJECT / path).read_text().splitlines()[int(number) - 1].startswith(line)


def test_serve_answers_until_ctrl_c(database: None) -> None:
    process = start_manage("serve", "--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    url = line.split()[2]
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        assert answer.status == 200
    with urllib.request.urlopen(f"{url}/static/admin/css/base.css") as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.strip(), "Traceback" in err) == (0, "Stopped.", False)


@pytest.mark.long
def test_a_port_that_is_taken_is_named_with_the_remedy(database: None) -> None:
    process = start_manage("serve", "--port", "0")
    assert process.stdout is not None
    port = process.stdout.readline().split()[2].rsplit(":", 1)[1]
    second = run_manage("serve", "--port", port)
    process.kill()
    process.communicate()
    assert second.returncode == 1
    assert f"Port {port} cannot be used" in second.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal_only(tmp_path: Path) -> None:
    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        with Progress(stream, 2, "steps") as progress:
            progress.advance()
            progress.advance()
        assert ("2/2 steps" in stream.getvalue()) is drawn
    assert progress.rate > 0
