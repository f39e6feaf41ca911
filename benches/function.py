"""The deployed function under the Lambda emulator: its zip, its environment, its invokes."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

MEMORY = 1769
"""MB: what buys one whole processor."""
REPORT_LINE = re.compile(
    rb"REPORT RequestId.*?\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms.*?Max Memory Used: (\d+) MB"
    rb"(?:\tInit Duration: ([\d.]+) ms)?"
)


@dataclass
class Report:
    """What the emulator says of an invoke."""

    duration: float
    billed: float
    memory: float
    init: float | None


class Emulator:
    """A function under `host-cli emulate`, with Lambda's own API on a port."""

    def __init__(
        self, cli: Path, package: Path, environment: dict[str, str] | None = None, provisioned: int = 0
    ) -> None:
        command = [str(cli), "emulate", str(package), "--provisioned", str(provisioned)]
        command += ["--memory", str(MEMORY), "--timeout", "120", "--door", "invoke=127.0.0.1:0"]
        for name, value in (environment or {}).items():
            command += ["--env", f"{name}={value}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout and self.process.stderr
        address = self.process.stdout.readline().decode().split("//")[-1].strip()
        self.connection = http.client.HTTPConnection(address, timeout=150)
        self.reports: list[Report] = []
        self.arrived = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        # As much as there is at once: whoever looks at each line of a log takes the function's processors.
        log = b""
        while piece := os.read(self.process.stderr.fileno(), 1 << 20):
            log += piece
            end = log.rfind(b"\n") + 1
            whole, log = log[:end], log[end:]
            for found in REPORT_LINE.finditer(whole):
                duration, billed, memory, init = found.groups()
                report = Report(float(duration), float(billed), float(memory), float(init) if init else None)
                with self.arrived:
                    self.reports.append(report)
                    self.arrived.notify()

    def invoke(self, event: bytes) -> Report:
        """Invokes, checks that there is an answer, and waits for its report."""
        before = len(self.reports)
        self.ask(event)
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.reports) > before, timeout=60):
                raise RuntimeError("no REPORT line")
        return self.reports[-1]

    def ask(self, event: bytes) -> float:
        """Invokes, and checks that there is an answer; its seconds as the caller sees them."""
        began = time.perf_counter()
        self.connection.request("POST", "/2015-03-31/functions/function/invocations", event)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200 or response.getheader("X-Amz-Function-Error"):
            raise RuntimeError(answer.decode())
        return time.perf_counter() - began

    def close(self) -> None:
        """Ends the function."""
        self.process.terminate()
        self.process.wait()


def zipped(bootstrap: Path, baked: Path, target: str, to: Path) -> Path:
    """The function as it would be uploaded: the program, and the baked model for its processor."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for source, name in [
            (bootstrap, "bootstrap"),
            (baked / "baked.json", "model/baked.json"),
            (baked / f"{target}.cwasm", f"model/{target}.cwasm"),
        ]:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, source.read_bytes(), zipfile.ZIP_DEFLATED)
    return to


def cold_start(cli: Path, package: Path, event: bytes) -> dict[str, float]:
    """Seconds of a first invoke, and megabytes, as the emulator's REPORT line has them."""
    emulator = Emulator(cli, package)
    report = emulator.invoke(event)
    emulator.close()
    if report.init is None:
        raise RuntimeError("no cold start")
    return {"init": report.init / 1e3, "duration": report.duration / 1e3, "memory": report.memory}
