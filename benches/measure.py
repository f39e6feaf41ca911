"""Times processes, and says what was measured in words and numbers."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Figures:
    """What a number of runs gave."""

    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        """One more run."""
        self.values.append(value)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def text(self, unit: float) -> str:
        """The median, and the quartiles around it, in a unit that fits `unit` times into one."""
        scaled = [value * unit for value in self.values]
        if len(scaled) < 2:
            return number(scaled[0])
        low, middle, high = statistics.quantiles(scaled, n=4)
        return f"{number(middle)} ({number(low)} to {number(high)})"


def number(value: float) -> str:
    """Three digits that matter."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def run(command: list[str], **options) -> tuple[float, int, str]:
    """Runs a process to its end: seconds, peak resident kilobytes, and what it printed."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options) as process:
        out = process.stdout.read()
        # Here rather than after `wait`, which would not tell what the process used.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return seconds, usage.ru_maxrss, out.decode()


def answer(command: list[str], **options) -> dict:
    """The JSON that a process prints."""
    return json.loads(run(command, **options)[2])


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def machine() -> str:
    """What it ran on."""
    names = re.findall(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"
