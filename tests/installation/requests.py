"""What a newcomer does with the demo: read how to get in, and ask for something."""

import json
import re
import subprocess
import time
import urllib.request
from typing import NamedTuple

from tests.installation.installations import Failed, Installation

DEMO_SECONDS, LISTEN_SECONDS = 600, 20
SERVING = re.compile(r"^Serving on (http://\S+)", re.MULTILINE)
API_KEY = re.compile(r"^API key +(\S+)", re.MULTILINE)


class Access(NamedTuple):
    """What the demo prints for its user."""

    url: str
    key: str


def wait_for_access(installation: Installation, demo: subprocess.Popen[bytes]) -> Access:
    """Wait for the line in which the demo names its URL, which comes last."""
    deadline = time.monotonic() + DEMO_SECONDS
    while not (serving := SERVING.search(installation.output())):
        if demo.poll() is not None or time.monotonic() > deadline:
            raise Failed("make demo did not serve.")
        time.sleep(0.1)
    key = API_KEY.search(installation.output())
    if key is None:
        raise Failed("make demo printed no API key.")
    return Access(serving[1].rstrip("/"), key[1])


def check_persons(access: Access) -> None:
    """Expect the persons that the demo's scenarios registered."""
    text = fetch(f"{access.url}/api/persons", access.key)
    if not json.loads(text)["results"]:
        raise Failed(f"The demo's persons are not there: {text}")


def fetch(url: str, key: str = "") -> str:
    """Return what `url` answers with a 200; it may need a moment to listen."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, headers=headers)
    deadline = time.monotonic() + LISTEN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                if response.status == 200:
                    return response.read().decode()
                raise Failed(f"{url} answered {response.status}, not 200.")
        except OSError as error:
            refused = isinstance(getattr(error, "reason", None), ConnectionRefusedError)
            if not refused or time.monotonic() > deadline:
                raise Failed(f"{url}: {error}") from error
        time.sleep(0.1)
