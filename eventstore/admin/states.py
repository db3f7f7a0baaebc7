"""The page of a stream's state at any version or time, replayed from the first event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import URLPattern

from eventstore.admin.changes import ShownChange, shown, state_text
from eventstore.admin.fields import ReadField
from eventstore.admin.pages import ListAdmin
from eventstore.application import get_application
from eventstore.errors import DaybookError
from eventstore.events import Event, RecordedEvent
from eventstore.input.parameters import Number
from eventstore.input.values import read_time
from eventstore.inspection import version_at
from eventstore.models import StoredStream

STATE_PAGE = "state"


class MomentForm(forms.Form):
    """From the URL: a version, or a time. Neither: the newest version."""

    version = ReadField(
        Number(0),
        required=False,
        help_text="0 is before the first event.",
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "numeric"}),
    )
    at = ReadField(
        read_time,
        label="Time",
        required=False,
        help_text="With its offset, such as 2026-03-31T12:00Z.",
    )

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query, label_suffix="")

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("at") and self.cleaned_data.get("version") is not None:
            raise forms.ValidationError("Give a version or a time, not both.")
        return self.cleaned_data


@dataclass(frozen=True, slots=True)
class StateThen:
    """The state after an event, and what that one changed; version 0 has no event."""

    version: int
    state: str
    recorded: RecordedEvent[Event] | None
    changes: list[ShownChange]


class StatePages:
    """Hangs on the admin of streams, which says whose streams the user may see."""

    def __init__(self, streams: ListAdmin) -> None:
        self._streams = streams

    def urls(self) -> list[URLPattern]:
        return [self._streams.reading_url("<int:pk>/state/", self.state_page, STATE_PAGE)]

    def state_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The state, and the links to the versions beside it."""
        stream = self._streams.one_row(request, pk)
        form = MomentForm(request.GET)
        then, failure = None, ""
        if form.is_valid():
            version, at = form.cleaned_data["version"], form.cleaned_data["at"]
            try:
                then = _state_then(stream, _version(stream, version, at))
            except DaybookError as error:
                failure = str(error)
        context = {
            "title": f"State of {stream}",
            "stream": stream,
            "form": form,
            "then": then,
            "failure": failure,
            "previous": then.version - 1 if then and then.version else None,
            "next": then.version + 1 if then and then.version < stream.version else None,
            # Where the timeline, newest first, has this event on top.
            "cursor": then.version + 1 if then else None,
        }
        return self._streams.render(request, "state.html", context)


def _version(stream: StoredStream, version: int | None, at: datetime | None) -> int:
    if at is not None:
        return version_at(stream, at)
    return stream.version if version is None else version


def _state_then(stream: StoredStream, version: int) -> StateThen:
    """Raises what `History.state_at` raises."""
    history = get_application().history
    where = (stream.tenant_id, stream.category, stream.aggregate_id)
    moment = next(history.moments(*where, version, version), None)
    if moment is None:
        state = history.state_at(*where, version)
        return StateThen(version, state_text(state), None, [])
    return StateThen(version, state_text(moment.state), moment.recorded, shown(moment.changes))
