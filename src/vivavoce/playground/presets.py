"""The agents the playground offers to begin with: each ready to talk, with tools whose results the page makes up.

`results` says what each tool returns: JSON in which `{{…}}` stands for an argument of the call, or for something made up
(`{{random 100 999}}`, `{{pick rain | sun}}`); `static/js/talk/mock.js` fills it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vivavoce.playground import coffee_bar


@dataclass(frozen=True, slots=True)
class Preset:
    """An agent to begin with. `examples` are things to say to it."""

    id: str
    name: str
    about: str
    instructions: str
    tools: tuple[Mapping[str, Any], ...] = ()
    results: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    model: str = coffee_bar.MODEL

    def wire(self) -> dict[str, Any]:
        """Return the preset as the page reads it."""
        return {
            "id": self.id,
            "name": self.name,
            "about": self.about,
            "model": self.model,
            "instructions": self.instructions,
            "tools": list(self.tools),
            "results": dict(self.results),
            "examples": list(self.examples),
        }


def _function(name: str, description: str, required: tuple[str, ...], **properties: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"type": "function", "name": name, "description": description, "parameters": parameters}


_COFFEE_BAR: Final = Preset(
    "coffee-bar",
    "Coffee bar",
    "Takes an order, reads it back, places it.",
    coffee_bar.INSTRUCTIONS,
    (coffee_bar.ORDER_DRINK,),
    {"orderDrink": {"order_number": "{{random 10 99}}", "minutes": "{{random 3 8}}"}},
    ("A large latte with soy milk, please.", "Could I get an iced coffee?", "Make it a double shot."),
)

_ASSISTANT: Final = Preset(
    "assistant",
    "Assistant",
    "A short-spoken helper who can look up the weather and the time.",
    """\
You are a friendly voice assistant. Answer in one or two short sentences, as people speak.

# Tools
Use getWeather when somebody asks about the weather; ask for the city if it is missing.
After getWeather say: "In {city} it is {sky}, with {degrees} degrees."
Use getTime when somebody asks what time it is.
After getTime say: "It is {time}."
""",
    (
        _function(
            "getWeather",
            "Look up the weather in a city right now.",
            ("city",),
            city={
                "type": "string",
                "description": "The city.",
                "enum": ["Berlin", "London", "Madrid", "New York", "Oslo", "Paris", "Rome", "San Francisco", "Tokyo"],
            },
        ),
        _function("getTime", "Look up what time it is.", ()),
    ),
    {
        "getWeather": {"city": "{{city}}", "sky": "{{pick sunny | cloudy | raining}}", "degrees": "{{random 4 28}}"},
        "getTime": {"time": "{{time}}"},
    },
    ("What is the weather in Rome?", "What time is it?", "Tell me something about coffee."),
)

_SUPPORT_DESK: Final = Preset(
    "support-desk",
    "Support",
    "Finds an order, or has somebody call back.",
    """\
# Role and Objective
You are the support desk of an online shop. Find out what the caller needs, and help with one thing at a time.

# Tools
Use getOrderStatus to find out where an order is. Ask for the order number if it is missing, and read it back.
After getOrderStatus say: "Order {order_number} {status}."
Use requestCallback when the caller wants to speak to a person. Ask for the topic, and for the time of the call.
After requestCallback say: "Somebody will call you {time} about {topic}. Your ticket is {ticket}."
""",
    (
        _function(
            "getOrderStatus",
            "Check the status of an order by its number.",
            ("order_number",),
            order_number={"type": "string", "description": "The order number.", "pattern": "^[0-9]+$"},
        ),
        _function(
            "requestCallback",
            "Have a person call the customer back, for callers who want to speak to somebody.",
            ("topic", "time"),
            topic={"type": "string", "enum": ["delivery", "payment", "refund", "return", "something else"]},
            time={"type": "string", "enum": ["this morning", "this afternoon", "tomorrow"]},
        ),
    ),
    {
        "getOrderStatus": {
            "order_number": "{{order_number}}",
            "status": "{{pick is on its way and arrives tomorrow | is being packed | was delivered this morning}}",
        },
        "requestCallback": {"ticket": "{{random 1000 9999}}", "topic": "{{topic}}", "time": "{{time}}"},
    },
    ("Can you check the status of my order?", "I would like somebody to call me back.", "It is about a refund."),
)

PRESETS: Final = (_COFFEE_BAR, _ASSISTANT, _SUPPORT_DESK)
"""In the order they are shown; the first one is there when the page is opened for the first time."""
