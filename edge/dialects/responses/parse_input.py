"""The input of OpenAI's Responses, read."""

from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.media import check_base64, media_type_of, parse_url
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import (
    Document,
    Image,
    Inline,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tallygate.edge.dialects.openai_chat.parse_parts import parse_cache
from tallygate.edge.dialects.responses.thoughts import unseal

_ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}


def parse_input(body: Node, policy: Policy) -> list[Turn]:
    """All turns; what the assistant said and called in a row is one."""
    value = body.raw("input")
    if isinstance(value, str):
        return [Turn("user", [Text(value, "input")])]
    if not isinstance(value, list) or not value:
        raise InvalidFieldError("input", "must be a string or a list of items")
    turns: list[Turn] = []
    for node in body.nodes("input"):
        turn = _parse_item(node, policy)
        if turn is None:
            continue
        if turns and _belongs(turns[-1], turn):
            turns[-1].parts.extend(turn.parts)
        else:
            turns.append(turn)
    return turns


def _belongs(last: Turn, turn: Turn) -> bool:
    """Whether a turn goes on with the last one: the assistant's, or results of the same calls."""
    if last.role != turn.role:
        return False
    results = all(isinstance(part, ToolResult) for part in (*last.parts, *turn.parts))
    return turn.role == "assistant" or (turn.role == "user" and results)


def _parse_item(node: Node, policy: Policy) -> Turn | None:
    match node.text("type") or "message":
        case "message":
            return _parse_message(node, policy)
        case "function_call":
            call = ToolCall(
                node.need_text("call_id"),
                node.need_text("name"),
                node.text("arguments") or "",
                node.at("arguments"),
            )
            return Turn("assistant", [call])
        case "function_call_output":
            parts = tuple(_parse_output(node, policy))
            return Turn("user", [ToolResult(node.need_text("call_id"), parts, node.path)])
        case "reasoning":
            return _parse_reasoning(node)
        case kind:
            policy.unsupported(node.path, f"input items of type {kind!r} cannot be translated")
            return None


def _parse_message(node: Node, policy: Policy) -> Turn:
    role = node.need_text("role")
    if role not in _ROLES:
        raise InvalidFieldError(node.at("role"), f"{role!r} is no role")
    parts = parse_content(node, "content", policy)
    if _ROLES[role] != "user":
        for part in parts:
            if not isinstance(part, Text):
                raise InvalidFieldError(part.where, f"a message of role {role!r} holds text only")
    return Turn(_ROLES[role], parts)


def parse_content(node: Node, key: str, policy: Policy) -> list[Part]:
    """A string, or a list of content parts."""
    value = node.raw(key)
    if isinstance(value, str):
        return [Text(value, node.at(key))]
    if not isinstance(value, list):
        raise InvalidFieldError(node.at(key), "must be a string or a list of parts")
    parts = (_parse_part(part, policy) for part in node.nodes(key))
    return [part for part in parts if part is not None]


def _parse_output(node: Node, policy: Policy) -> list[Text | Image | Document]:
    parts = parse_content(node, "output", policy)
    return [part for part in parts if isinstance(part, Text | Image | Document)]


def _parse_part(node: Node, policy: Policy) -> Part | None:
    cache = parse_cache(node)
    match node.need_text("type"):
        case "input_text" | "output_text" | "text":
            return Text(node.need_text("text"), node.path, cache)
        case "refusal":
            return Text(node.need_text("refusal"), node.path, cache)
        case "input_image":
            if _is_uploaded(node, policy):
                return None
            source = parse_url(node.need_text("image_url"), node.at("image_url"))
            return Image(source, node.path, cache, node.text("detail"))
        case "input_file":
            return None if _is_uploaded(node, policy) else _parse_file(node)
        case kind:
            policy.unsupported(node.path, f"content parts of type {kind!r} cannot be translated")
            return None


def _is_uploaded(node: Node, policy: Policy) -> bool:
    if not node.has("file_id"):
        return False
    policy.unsupported(node.at("file_id"), "files uploaded to one provider are unknown to another")
    return True


def _parse_file(node: Node) -> Document:
    name, cache = node.text("filename"), parse_cache(node)
    for key in ("file_url", "file_data"):
        value = node.text(key)
        if value is not None and (key == "file_url" or value[:5].lower() == "data:"):
            return Document(parse_url(value, node.at(key)), node.path, cache, name)
    data = check_base64(node.need_text("file_data"), node.at("file_data"))
    return Document(Inline(media_type_of(name or "", "application/pdf"), data), node.path, cache, name)


def _parse_reasoning(node: Node) -> Turn | None:
    """A thought comes back: kept if its maker can verify it, else it is no part of what was said."""
    text = "".join(part.text("text") or "" for part in node.nodes("summary"))
    thought = unseal(node.text("encrypted_content") or "", text, node.path)
    return None if thought is None else Turn("assistant", [thought])
