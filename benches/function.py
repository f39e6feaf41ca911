"""The deployed function under the Lambda emulator: a zip, a cold start, one answer."""

from __future__ import annotations

import re
import subprocess
import urllib.request
import zipfile
from pathlib import Path


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
    """Milliseconds of a first invoke, as the emulator's REPORT line has them."""
    command = [str(cli), "emulate", str(package), "--memory", "1769", "--door", "invoke=127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as emulator:
        address = emulator.stdout.readline().split()[-1]
        url = f"{address}/2015-03-31/functions/function/invocations"
        with urllib.request.urlopen(urllib.request.Request(url, data=event)) as response:
            if "FunctionError" in str(response.headers):
                raise RuntimeError(response.read().decode())
            response.read()
        line = next(line for line in emulator.stderr if "REPORT RequestId" in line)
        emulator.terminate()
        emulator.communicate()
    found = re.search(r"Duration: ([\d.]+) ms.*?Max Memory Used: (\d+) MB.*?Init Duration: ([\d.]+) ms", line)
    if found is None:
        raise RuntimeError(f"no cold start: {line}")
    duration, memory, init = map(float, found.groups())
    return {"init": init / 1e3, "duration": duration / 1e3, "memory": memory}
