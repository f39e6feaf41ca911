"""The data files that the models learn from: where anyone gets them, and the digest that says that a
file is the one that the published figures were measured on. Nothing is downloaded here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One data file."""

    name: str
    sha256: str
    """Of the file, in lower-case hex."""
    origin: str
    """Where the data come from, and how the file is made from what is published there."""

    def check(self, path: Path) -> Path:
        """The path, if the file there is this one."""
        if not path.is_file():
            raise SystemExit(f"no file at {path}; expected {self.name}.\n{self.origin}")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise SystemExit(
                f"{path} has sha256 {found}, expected {self.sha256} ({self.name}).\n{self.origin}"
            )
        return path
