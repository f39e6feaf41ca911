"""Times processes, and says what was measured in words and numbers."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import shutil
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


def run(command: list[str]) -> tuple[float, str]:
    """Runs a process to its end: seconds, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
    return seconds, done.stdout


def peak_megabytes(command: list[str]) -> float | None:
    """The most memory that a process had resident, if GNU time is there to tell. (What a process
    reports of a child includes its own size at the time when it started it.)"""
    if shutil.which("/usr/bin/time") is None:
        return None
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1]) / 1e3


def answer(command: list[str]) -> dict:
    """The JSON that a process prints."""
    return json.loads(run(command)[1])


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def repeated(work, seconds: float) -> float:
    """The median time of a call, in seconds, after one that does not count."""
    work()
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def circumstances() -> str:
    """The machine, the day and the commit of a run."""
    root = Path(__file__).resolve().parent
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()
    return f"{machine()}, {datetime.date.today()}, at {commit}"


def machine() -> str:
    """What it ran on."""
    names = re.findall(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def write_report(report: Path, script: str, text: str) -> None:
    """Puts the text where the report has a place for what this script writes."""
    marks = rf"(<!-- written by {re.escape(script)} -->\n).*?(<!-- end -->)"
    whole = report.read_text(encoding="utf-8")
    whole, found = re.subn(marks, lambda m: f"{m[1]}\n{text}\n\n{m[2]}", whole, flags=re.DOTALL)
    if found != 1:
        raise RuntimeError(f"{report} has no place for the tables of {script}")
    report.write_text(whole, encoding="utf-8")
