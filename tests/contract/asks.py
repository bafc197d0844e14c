"""What the tests ask, in each dialect."""

from typing import Any

from pydantic import BaseModel

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": WEATHER}}
CLAUDES_TOOL: Any = {"name": "weather", "input_schema": WEATHER}
HI: Any = [{"role": "user", "content": "What is the weather in Paris and in Rome? é"}]
PICTURE: Any = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ],
    }
]
CLAUDES_PICTURE: Any = [
    {
        "role": "user",
        "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            {"type": "text", "text": "What is it?"},
        ],
    }
]


class Answer(BaseModel):
    """The shape that the simulator's structured answers have."""

    answer: str
    sure: bool
