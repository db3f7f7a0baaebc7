"""Where e-mails go, as the environment says."""

import runpy
from typing import Any

import pytest

from tests.processes import PROJECT

BACKENDS = "django.core.mail.backends"


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Django's settings with these variables and no others about e-mails."""

    def read(**variables: str) -> dict[str, Any]:
        monkeypatch.setenv("DAYBOOK_SECRET_KEY", "for tests")
        for name in ("HOST", "PORT", "USER", "PASSWORD", "TLS", "FROM"):
            monkeypatch.delenv(f"DAYBOOK_EMAIL_{name}", raising=False)
        monkeypatch.delenv("DAYBOOK_UMBRELLA_OWNER", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(f"DAYBOOK_{name}", value)
        return runpy.run_path(str(PROJECT / "config" / "settings.py"))

    return read


def test_without_a_mail_server_mails_become_files_in_the_projects_folder(settings_of: Any) -> None:
    found = settings_of()
    assert found["EMAIL_BACKEND"] == f"{BACKENDS}.filebased.EmailBackend"
    assert found["EMAIL_FILE_PATH"] == found["BASE_DIR"] / ".daybook" / "mail"
    assert found["LEDGER"]["UMBRELLA_OWNER"] == "owner@umbrella.example"


def test_a_mail_server_is_named_by_the_environment(settings_of: Any) -> None:
    found = settings_of(
        EMAIL_HOST="mail.example.org",
        EMAIL_PORT="587",
        EMAIL_USER="daybook",
        EMAIL_PASSWORD="secret",
        EMAIL_TLS="1",
        EMAIL_FROM="daybook@example.org",
    )
    assert found["EMAIL_BACKEND"] == f"{BACKENDS}.smtp.EmailBackend"
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("mail.example.org", 587)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("daybook", "secret")
    assert found["EMAIL_USE_TLS"]
    assert found["EMAIL_TIMEOUT"] > 0
    assert found["DEFAULT_FROM_EMAIL"] == "daybook@example.org"


def test_a_server_without_tls_and_an_owner_of_ones_own(settings_of: Any) -> None:
    found = settings_of(EMAIL_HOST="mail", UMBRELLA_OWNER="oswell@umbrella.example")
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == (25, False)
    assert found["LEDGER"]["UMBRELLA_OWNER"] == "oswell@umbrella.example"
