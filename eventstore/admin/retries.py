"""What was given up after its last attempt is tried again: asked for with a reason, on record."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from eventstore.admin.access import operates, user_of
from eventstore.admin.fields import ReasonForm
from eventstore.admin.pages import ListAdmin, posted
from eventstore.admin.process_steps import reactions_of, sender_of
from eventstore.admin.records import about_command, about_process, note
from eventstore.application import get_application
from eventstore.models import Reaction, StoredCommand, Tenant
from eventstore.serialization import decode_json

RETRY_PAGE = "retry"

DUE_NOW = "It is due now, with all its attempts: the next worker that is free tries it."
NOTHING_TO_RETRY = "There is nothing to retry any more, as below. Nothing has changed."


@dataclass(frozen=True, slots=True)
class Retry:
    """What is to be done again. `again` returns False where it has not been given up any more."""

    tenant: Tenant
    is_given_up: bool
    again: Callable[[], bool]
    #: On the record: the subject, and what was done to it.
    about: str
    what: str
    #: The page that shows what has become of it.
    back: str


class ReactionRetry:
    """Hangs on the admin of processes, which says whose instances the user may see."""

    def __init__(self, processes: ListAdmin) -> None:
        self._processes = processes

    def url(self) -> URLPattern:
        route = "<int:pk>/retry/<int:reaction_pk>/"
        return self._processes.acting_url(route, self.page, RETRY_PAGE)

    def page(self, request: HttpRequest, pk: int, reaction_pk: int) -> HttpResponse:
        """For a reaction or an effect of the instance."""
        instance = self._processes.one_row(request, pk)
        reaction = reactions_of(instance).filter(pk=reaction_pk).first()
        if reaction is None:
            raise Http404
        engine = get_application().reactions
        retry = Retry(
            tenant=instance.tenant,
            is_given_up=reaction.status == Reaction.Status.PARKED,
            again=lambda: engine.retry_reaction(instance.tenant_id, reaction.pk),
            about=about_process(instance),
            what=_what(reaction),
            back=reverse("admin:eventstore_processinstance_change", args=[pk]),
        )
        context = {
            "title": f"Retry {reaction.name}",
            "instance": instance,
            "reaction": reaction,
            "code": _code(reaction),
        }
        return _answer(self._processes, request, retry, "process_retry.html", context)


class CommandRetry:
    """Hangs on the admin of commands, likewise."""

    def __init__(self, commands: ListAdmin) -> None:
        self._commands = commands

    def url(self) -> URLPattern:
        return self._commands.acting_url("<int:pk>/retry/", self.page, RETRY_PAGE)

    def page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For a command that a process has sent."""
        command = self._commands.one_row(request, pk)
        engine = get_application().reactions
        retry = Retry(
            tenant=command.tenant,
            is_given_up=command.status == StoredCommand.Status.FAILED,
            again=lambda: engine.retry_command(command.tenant_id, command.id),
            about=about_command(command),
            what="Retried",
            back=reverse("admin:eventstore_storedcommand_change", args=[pk]),
        )
        context = {
            "title": f"Retry {command.type}",
            "command": command,
            "detail": (command.result or {}).get("detail", ""),
            "instance": sender_of(command),
        }
        return _answer(self._commands, request, retry, "command_retry.html", context)


def _what(reaction: Reaction) -> str:
    if reaction.kind == Reaction.Kind.REFUSAL:
        return f"Retried the command {reaction.name}, whose refusal was reaction {reaction.pk}"
    return f"Retried reaction {reaction.pk} to {reaction.name}"


def _code(reaction: Reaction) -> str:
    """Of a refusal."""
    data = decode_json(reaction.data or "{}")
    return str(data.get("code", ""))


def _answer(
    pages: ListAdmin, request: HttpRequest, retry: Retry, template: str, context: dict[str, Any]
) -> HttpResponse:
    """Asks for the reason, then retries and goes back."""
    if not operates(request.user, retry.tenant):
        return pages.forbidden(request, f"retry anything of {retry.tenant}")
    form = ReasonForm(posted(request) if request.method == "POST" else None)
    if retry.is_given_up and not form.is_valid():
        status = 400 if form.errors else 200
        return pages.render(request, template, context | {"form": form}, status=status)
    if retry.is_given_up and _retried(request, retry, form.cleaned_data["reason"]):
        messages.success(request, DUE_NOW)
    else:
        messages.warning(request, NOTHING_TO_RETRY)
    return redirect(retry.back)


def _retried(request: HttpRequest, retry: Retry, reason: str) -> bool:
    """Whether there was something to retry; then it stands on the record in one transaction."""
    with get_application().database.transaction():
        done = retry.again()
        if done:
            user, about, what = user_of(request), retry.about, retry.what
            note(user, retry.tenant, about, flag=CHANGE, what=what, reason=reason)
    return done
