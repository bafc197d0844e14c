"""Splits a file of SQL into its statements."""

import re

_TOKEN = re.compile(
    r"""
      (?P<line_comment>--[^\n]*)
    | (?P<block_comment>/\*.*?\*/)
    | (?P<quoted>'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`\\]|\\.|``)*`)
    | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<end>;)
    | (?P<open>['"`]|/\*)
    | (?P<text>[^-/'"`$;]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def split(sql: str) -> list[str]:
    """Split at the semicolons that are outside of quotes, heredocs and comments; comments are left out.

    Raises:
        ValueError: a quote or a comment has no end.
    """
    statements: list[str] = []
    parts: list[str] = []
    for token in _TOKEN.finditer(sql):
        if token["open"]:
            line = sql.count("\n", 0, token.start()) + 1
            raise ValueError(f"line {line}: {token['open']} has no end")
        if token["end"]:
            statements.append("".join(parts).strip())
            parts = []
        elif token["line_comment"] is None and token["block_comment"] is None:
            parts.append(token[0])
        else:
            parts.append(" ")
    statements.append("".join(parts).strip())
    return [statement for statement in statements if statement]
