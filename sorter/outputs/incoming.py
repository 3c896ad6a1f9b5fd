"""What a line hears on the wire, read strictly: anything may stand there."""

from __future__ import annotations

import json

from sorter.outputs.messages import Message

_MAX_PAYLOAD_BYTES = 4096


def read_object(payload: bytes, schema: str) -> Message:
    """The message's fields.

    Raises:
        ValueError: it is too long, not JSON, or of another schema; the sentence says which, and begins with "it".
    """
    if len(payload) > _MAX_PAYLOAD_BYTES:
        raise ValueError(f"it is longer than {_MAX_PAYLOAD_BYTES} bytes")
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(message, dict) or message.get("schema") != schema:
        raise ValueError(f"its schema is not {schema}")
    return message
