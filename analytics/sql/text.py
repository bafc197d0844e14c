"""A query's text, before ClickHouse's parser sees it: one statement, no comments, nothing ambiguous.

`EXPLAIN AST` is how a query is judged (see `tree`), and it must not execute anything itself: chDB runs
several statements of one text. So semicolons and comments are found here, by the rules of ClickHouse's lexer,
and what that lexer treats in a way of its own (heredocs, hash comments, typographic quotes) is refused.
"""

import re
from dataclasses import dataclass

from tallygate.analytics.sql.errors import QueryError

MAX_CHARS = 65_536

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>"[^"\\]*"|`[^`\\]*`)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9][A-Za-z0-9_.]*)
    | (?P<symbol>[-+*/%=<>!|&^~?:,.(){}\[\]@])
    | (?P<semicolon>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNCLOSED = {"'": "string", '"': "identifier", "`": "identifier"}


@dataclass(frozen=True, slots=True)
class Word:
    """A bare or quoted name, or a keyword."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text that is one statement; offsets in it are offsets in the text as it came."""

    text: str
    """Without comments."""
    code: str
    """Without strings and quoted names, too."""
    words: tuple[Word, ...]


def prepare(query: str) -> Prepared:
    """Check a text and blank its comments.

    Raises:
        QueryError: it is not one statement that begins with SELECT or WITH.
    """
    if len(query) > MAX_CHARS:
        raise QueryError("query_too_long", f"the query is longer than {MAX_CHARS} characters")
    if found := _CONTROL.search(query):
        raise QueryError("syntax_error", "the query has a control character", position=found.start())
    text, code, words = _scan(query)
    if not code.lstrip()[:6].upper().startswith(("SELECT", "WITH")):
        start = words[0].start if words else None
        raise QueryError(
            "not_a_select", "only a query that begins with SELECT or WITH is run", position=start
        )
    return Prepared(text, code, words)


def _scan(query: str) -> tuple[str, str, tuple[Word, ...]]:
    text: list[str] = []
    code: list[str] = []
    words: list[Word] = []
    position = 0
    ended_at: int | None = None
    while position < len(query):
        token = _TOKEN.match(query, position)
        if token is None:
            raise _unexpected(query, position)
        kind, piece = token.lastgroup, token[0]
        if kind == "semicolon":
            ended_at = position if ended_at is None else ended_at
        elif kind not in ("space", "comment") and ended_at is not None:
            raise QueryError("several_statements", "only one statement is run", position=ended_at)
        if kind in ("word", "quoted"):
            words.append(Word(piece.strip('"`'), position, token.end()))
        text.append(_blank(piece) if kind in ("comment", "semicolon") else piece)
        code.append(_blank(piece) if kind in ("comment", "semicolon", "string", "quoted") else piece)
        position = token.end()
    whole = "".join(text).rstrip()
    return whole, "".join(code)[: len(whole)], tuple(words)


def _blank(piece: str) -> str:
    return re.sub(r"[^\n]", " ", piece)


def _unexpected(query: str, position: int) -> QueryError:
    character = query[position]
    if character in _UNCLOSED:
        rest = query[position + 1 :]
        if "\\" in rest and character != "'":
            return QueryError(
                "syntax_error", "a backslash is not allowed in a quoted name", position=position
            )
        return QueryError("syntax_error", f"the {_UNCLOSED[character]} has no end", position=position)
    if query.startswith("/*", position):
        return QueryError("syntax_error", "the comment has no end", position=position)
    return QueryError("syntax_error", f"{character!r} is not allowed here", position=position)
