"""A stream's timeline and its states as a reader sees them."""

import re
from html import unescape

from django.urls import reverse

from eventstore.models import StoredStream
from tests.eventstore.forgery import forge


def words(html: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", html)).split())


def part(html: str, version: int) -> str:
    """The event of a version in a timeline."""
    return words(html.partition(f'<li id="v{version}">')[2].partition("</article>")[0])


def state(html: str) -> str:
    """The state on its page, without blanks."""
    text = html.partition('<pre class="es-json">')[2].partition("</pre>")[0]
    return "".join(unescape(text).split())


def alert(html: str) -> str:
    return words(html.partition('role="alert">')[2].partition("</div>")[0].partition("</p>")[0])


def page_of(stream: StoredStream, page: str = "state") -> str:
    return reverse(f"admin:eventstore_storedstream_{page}", args=[stream.pk])


def make_unknown(stream: StoredStream, version: int) -> None:
    """As if the code that knows this event's type were not deployed."""
    vanish = "UPDATE eventstore_event SET type = 'ghost.vanished'"
    forge(
        f"{vanish} WHERE stream_id = %(stream)s AND version = %(version)s",
        stream=stream.id,
        version=version,
    )
