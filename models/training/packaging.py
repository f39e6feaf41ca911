"""What every package has: files with their digests, and documents as `host-cli seal` writes them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def json_bytes(document: Any) -> bytes:
    """Indented, as `host-cli seal` writes."""
    return (json.dumps(document, indent=2) + "\n").encode()


def write(
    package: Path, manifest: dict[str, Any], files: dict[str, tuple[str, bytes]]
) -> None:
    """Writes the files (role and content by path), and the manifest with their entries in the place of its
    `files`."""
    package.mkdir(exist_ok=True)
    entries = []
    for path, (role, content) in files.items():
        (package / path).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        entries.append({"path": path, "role": role, "size": len(content), "sha256": f"sha256:{digest}"})
    (package / "manifest.json").write_bytes(json_bytes(manifest | {"files": entries}))
