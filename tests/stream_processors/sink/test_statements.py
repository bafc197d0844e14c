"""Splitting a file of SQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.stream_processors.sink.statements import split


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        (" ;; \n ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' ; SELECT \"a;b\", `c;d`", ["SELECT ';'", 'SELECT "a;b", `c;d`']),
        ("SELECT 'it''s; fine'; SELECT 'a\\';b'", ["SELECT 'it''s; fine'", "SELECT 'a\\';b'"]),
        ("-- one; two\nSELECT 1 -- three; '\n; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("/* ; ' */ SELECT /* ; */ 1", ["SELECT   1"]),
        ("SELECT 3 - -1, 4 / 2", ["SELECT 3 - -1, 4 / 2"]),
        ("SELECT $a$ ; ' $a$; SELECT $$;$$", ["SELECT $a$ ; ' $a$", "SELECT $$;$$"]),
        ("SELECT '-- no comment'", ["SELECT '-- no comment'"]),
    ],
)
def test_split(sql: str, expected: list[str]) -> None:
    assert split(sql) == expected


@pytest.mark.parametrize("sql", ["SELECT 'a", 'SELECT 1;\nSELECT "a', "/* a", "SELECT `a\\`"])
def test_what_has_no_end_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match=rf"line {sql.count(chr(10)) + 1}: .* has no end"):
        split(sql)


@given(st.lists(st.text(max_size=20), max_size=6))
def test_quoted_text_never_ends_a_statement(texts: list[str]) -> None:
    quoted = ["'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" for text in texts]
    assert split("; ".join(f"SELECT {text}" for text in quoted)) == [
        f"SELECT {text}".strip() for text in quoted
    ]
