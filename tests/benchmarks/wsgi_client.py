"""Whole requests without a network: a WSGI application is called as a server would call it.

Django's test client would add work of its own to every request: cookies, templates' signals,
the search for the view.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from sys import stderr
from typing import Any
from urllib.parse import urlsplit

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WsgiClient:
    """One caller; `authorization` is the header that each of its requests carries."""

    def __init__(self, application: WsgiApplication, authorization: str) -> None:
        self._application = application
        self._environ = {
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "SCRIPT_NAME": "",
            "HTTP_HOST": "localhost",
            "HTTP_ACCEPT": "application/json",
            "HTTP_AUTHORIZATION": authorization,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    def get(self, target: str) -> Any:
        """The parsed answer; raises RuntimeError where it is none of success."""
        url = urlsplit(target)
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": url.path, "QUERY_STRING": url.query}
        return self._call({**environ, "wsgi.input": BytesIO()})

    def post(self, path: str, document: Mapping[str, str], **headers: str) -> Any:
        """The parsed answer, as `get`. `headers` are named as in a WSGI environment."""
        body = json.dumps(document).encode()
        return self._call(
            {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": path,
                "QUERY_STRING": "",
                "CONTENT_TYPE": "application/json",
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": BytesIO(body),
                **headers,
            }
        )

    def _call(self, environ: dict[str, Any]) -> Any:
        statuses: list[str] = []
        response: Any = self._application(
            {**self._environ, **environ}, lambda status, headers: statuses.append(status)
        )
        try:
            body = b"".join(response)
        finally:
            response.close()
        if not statuses[0].startswith("2"):
            raise RuntimeError(f"{environ['PATH_INFO']} answered {statuses[0]}: {body[:500]!r}")
        return json.loads(body)
