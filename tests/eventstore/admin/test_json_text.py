import json
import random

import pytest

from eventstore.admin.json_text import indented


def test_members_stand_on_lines_of_their_own():
    assert indented('{"a":[1,{"b":null}],"c":"x"}') == (
        '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": "x"\n}'
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1.10,"a":1e400,"b":-0.0}',
        '{"n":123456789012345678901234567890.000}',
        '["\\u003cimg\\u003e","\\\\","\\"","a\\\\\\"b"," {[:,]} "]',
        "[{},[],[[]]]",
        '"text"',
        "1.10",
        "true",
    ],
)
def test_nothing_but_blanks_and_line_breaks_is_added(text):
    assert "".join(indented(text).split()) == "".join(text.split())


def test_strings_keep_their_blanks():
    assert '"a  b :  c,\td"' in indented('{"x":"a  b :  c,\td"}')


@pytest.mark.parametrize("empty", ["{}", "[]", '{"a": {}}', "[[], {}]"])
def test_empty_brackets_stay_together(empty):
    assert "{}" in indented(empty) or "[]" in indented(empty)


def test_random_documents_mean_the_same_afterwards():
    source = random.Random(1)  # the same documents each time

    def value(depth):
        kind = source.randrange(6 if depth else 4)
        if kind == 4:
            return [value(depth - 1) for _ in range(source.randrange(4))]
        if kind == 5:
            return {text(): value(depth - 1) for _ in range(source.randrange(4))}
        return [None, source.random(), source.randrange(10**30), text()][kind]

    def text():
        return "".join(source.choice('a"\\{}[]:, \n\tü<&💶') for _ in range(source.randrange(8)))

    for _ in range(500):
        document = value(4)
        assert json.loads(indented(json.dumps(document))) == document


def test_deep_nesting_neither_recurses_nor_explodes():
    text = "[" * 30_000 + "]" * 30_000
    assert len(indented(text)) < 50 * len(text)
