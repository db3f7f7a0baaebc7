"""A secret in a command's form: typed unseen, taken as it is, and never shown again."""

import re

from django.contrib.auth.hashers import check_password

from ledger.models import Credential
from tests.eventstore.admin.support import errors_by_field, hidden, link, submit, text_of

FORM = "/admin/eventstore/storedcommand/send/acme/start-user-registration/"
PASSWORD = "  correct horse\t"


def sent(login_name: str = "Alice", password: str = PASSWORD) -> dict[str, str]:
    return {"field-login_name": login_name, "field-password": password}


def password_input(html: str) -> str:
    (found,) = re.findall(r'<input[^>]* name="field-password"[^>]*>', html)
    return found


def test_a_secret_is_typed_unseen(mary):
    html = text_of(mary, FORM)
    assert 'type="password"' in password_input(html)
    assert 'autocomplete="new-password"' in password_input(html)
    assert "value=" not in password_input(html)
    assert "8 to 128 characters, never shown: type it anew each time." in html
    # What is no secret stays as it was.
    assert re.search(r'<input type="text" name="field-login_name"', html)


def test_a_secret_is_not_shown_again_where_another_field_is_wrong(mary):
    answer = submit(mary, FORM, sent(login_name=""))
    html = answer.content.decode()
    assert answer.status_code == 400
    assert list(errors_by_field(html)) == ["field-login_name"]
    assert "value=" not in password_input(html)
    assert "correct horse" not in html


def test_a_wrong_secret_is_named_without_being_shown(mary):
    answer = submit(mary, FORM, sent(password="horse"))
    html = answer.content.decode()
    assert errors_by_field(html) == {"field-password": "password must have 8 to 128 characters"}
    assert "horse" not in html
    assert 'value="Alice"' in html


def test_a_secret_is_taken_as_it_was_typed_blanks_and_all(mary):
    assert submit(mary, FORM, sent(login_name="  Alice ")).status_code == 200
    password_hash = Credential.objects.get().password_hash
    assert check_password(PASSWORD, password_hash)
    assert not check_password(PASSWORD.strip(), password_hash)


def test_a_form_with_a_secret_that_is_sent_twice_happens_once(mary):
    filled = hidden(text_of(mary, FORM)) | sent()
    first, second = mary.post(FORM, filled), mary.post(FORM, filled)
    assert "This is a repeated answer" not in first.content.decode()
    assert "This is a repeated answer" in second.content.decode()
    assert Credential.objects.count() == 1


def test_the_log_of_a_command_with_a_secret_shows_the_rest(mary):
    done = submit(mary, FORM, sent()).content.decode()
    (number,) = set(re.findall(r'href="([^"]*/storedcommand/\d+/)"', done))
    html = text_of(mary, number)
    assert "login_name" in html
    assert "correct horse" not in html
    assert "password" not in html.partition('id="data"')[2].partition('id="result"')[0]
    assert link(html, "Home") == "/admin/"
