"""The coffee bar: the instructions and the one tool of the demo, as a developer would write them.

Shared by the demo, the playground, the order benchmark and the examples, so that what is measured is what is shown.
"""

from __future__ import annotations

from typing import Any, Final

MODEL: Final = "gpt-realtime-2"

INSTRUCTIONS = """\
# Role and Objective
You take orders at a coffee bar. Greet the guest, find out what they would like to drink, and place the order.

# Tools
Use orderDrink to place an order. Ask for the drink if the guest has not said it. If the size is missing, ask for it once.
Read the whole order back and wait for a yes before you call orderDrink.

# After the order
Say: "Thank you. Order {order_number} will be ready in {minutes} minutes."
"""

ORDER_DRINK: dict[str, Any] = {
    "type": "function",
    "name": "orderDrink",
    "description": "Place a guest's order for one coffee drink.",
    "parameters": {
        "type": "object",
        "properties": {
            "coffeeDrink": {
                "type": "string",
                "description": "The drink.",
                "enum": [
                    "americano",
                    "cappuccino",
                    "coffee",
                    "drip coffee",
                    "espresso",
                    "house coffee",
                    "iced coffee",
                    "iced mocha",
                    "latte",
                    "mocha",
                ],
            },
            "size": {
                "type": "string",
                "description": "The size of the cup.",
                "enum": ["small", "medium", "large", "eight ounce", "twelve ounce", "sixteen ounce", "twenty ounce"],
            },
            "roast": {"type": "string", "enum": ["light roast", "medium roast", "dark roast"]},
            "numberOfShots": {"type": "string", "enum": ["single shot", "double shot", "triple shot"]},
            "milk": {
                "type": "string",
                "description": "Milk or cream, if any.",
                "enum": ["milk", "whole milk", "skim milk", "soy milk", "almond milk", "cream"],
            },
            "milkAmount": {
                "type": "string",
                "description": "How much of the milk, if the guest says so.",
                "enum": ["a little bit", "a bit", "some", "a lot", "lots"],
            },
            "sweetener": {
                "type": "string",
                "description": "Sugar or sweetener, if any.",
                "enum": ["sugar", "brown sugar", "sweetener"],
            },
            "sweetenerAmount": {
                "type": "string",
                "description": "How much of the sweetener, if the guest says so.",
                "enum": ["a little bit", "a bit", "some", "a lot", "lots"],
            },
        },
        "required": ["coffeeDrink", "size"],
        "additionalProperties": False,
    },
}
