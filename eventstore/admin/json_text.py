"""Stored JSON for people to read: its own text, with nothing but line breaks and blanks added.

Parsing it and writing it again would round 1.10 to 1.1, lose doubled keys and unescape strings;
an auditor must see what is stored.
"""

import re

# A string with its escapes, a bracket or separator, or anything else (numbers, true, null).
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
_OPENING = frozenset("{[")
_CLOSING = frozenset("}]")
# 30,000 open brackets, each on a line of its own and further in, would be a page of 900 MB.
_DEEPEST_INDENT = 20


def indented(text: str) -> str:
    """`text`, one member on each line. Its tokens stay as they are, byte for byte, in order."""
    pieces = []
    depth = 0
    previous = ""
    for token in _TOKEN.findall(text):
        if token in _CLOSING:
            depth -= 1
        if _starts_a_line(previous, token):
            pieces.append("\n" + "  " * min(depth, _DEEPEST_INDENT))
        pieces.append(": " if token == ":" else token)
        if token in _OPENING:
            depth += 1
        previous = token
    return "".join(pieces)


def _starts_a_line(previous: str, token: str) -> bool:
    if token in _CLOSING:
        return previous not in _OPENING  # {} and [] stay together.
    return previous == "," or previous in _OPENING
