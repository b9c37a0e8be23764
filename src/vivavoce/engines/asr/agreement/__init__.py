"""The streaming policy: any recognizer of whole segments becomes one that shows words while they are spoken."""
