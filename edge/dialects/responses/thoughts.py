"""Claude's signed thoughts in `encrypted_content`, where Responses keeps what only a model can read.

Marked by a prefix: what OpenAI itself encrypted comes back here too, and is no one else's to read.
"""

from tallygate.edge.dialects.common.request import RedactedThinking, Thinking

SIGNED = "claude-signature:"
REDACTED = "claude-redacted:"


def seal(thought: Thinking | RedactedThinking) -> str | None:
    """`encrypted_content` for a thought, None if it has nothing to keep."""
    if isinstance(thought, RedactedThinking):
        return REDACTED + thought.data
    return SIGNED + thought.signature if thought.signature else None


def unseal(content: str, text: str, where: str) -> Thinking | RedactedThinking | None:
    """The thought that was sealed, None if it is another's."""
    if content.startswith(REDACTED):
        return RedactedThinking(content.removeprefix(REDACTED), where)
    if content.startswith(SIGNED):
        return Thinking(text, content.removeprefix(SIGNED), where)
    return None
