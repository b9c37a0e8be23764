"""ONNX Runtime, kept from calling home: whoever needs it imports it from here.

From version 1.29 on it sends usage data to its makers unless it is told otherwise before it is loaded. A server that hears people talk
tells nobody that it does; `ORT_DISABLE_TELEMETRY=0` in the environment is the operator's own word and stays.

Source: ONNX Runtime `docs/Privacy.md`, and its pull request 27379 for the variable.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

__all__ = ["onnxruntime"]
