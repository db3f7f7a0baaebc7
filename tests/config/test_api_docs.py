"""How the API's description is served, for programs and for people."""

import json
import re

import pytest

from config.openapi import describe
from eventstore.application import Application
from tests.http import Api


def test_schema_and_docs_need_no_key(application: Application) -> None:
    nobody = Api(None)
    answer = nobody.get("/api/schema")
    assert answer.body == json.loads(json.dumps(describe(application)))
    assert answer.headers["Content-Type"] == "application/json"
    unchanged = nobody.get("/api/schema", if_none_match=answer.headers["ETag"])
    assert (unchanged.status, unchanged.raw) == (304, b"")
    assert nobody.get("/api/docs").status == 200
    root = nobody.get("/api/")
    assert (root.status, root.headers["Location"]) == (302, "/api/docs")


@pytest.mark.parametrize("path", ["/api/schema", "/api/docs"])
def test_schema_and_docs_are_only_read(database: None, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = Api(None).method(method, path).refused(405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD"


def test_the_page_names_no_other_host(database: None) -> None:
    answer = Api(None).get("/api/docs")
    assert not re.search(rb"(https?:)?//", answer.raw)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.replace("style-src-attr 'unsafe-inline'", "")
