"""What a training prints while it runs."""

from __future__ import annotations

import time

_BEGAN = time.monotonic()


def say(text: str) -> None:
    """A line with the time since the beginning."""
    print(f"[{time.monotonic() - _BEGAN:6.0f} s] {text}", flush=True)
