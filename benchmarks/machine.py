"""The machine that was measured on, in general words."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

import psutil

from benchmarks.table import Table

_LIBRARIES = ("numpy", "opencv-python-headless", "scikit-learn", "scipy", "av", "paho-mqtt")
_BUSY = 0.5
"""Processes of others that want a processor, on average over a minute, from which figures may be disturbed."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on, and how busy the machine was."""

    cores: int
    memory_gb: float
    system: str
    python: str
    libraries: Mapping[str, str]
    load: float | None
    """Processes that wanted a processor in the minute before the benchmark; None where the system does not tell."""

    @classmethod
    def here(cls) -> Self:
        """This machine, now."""
        return cls(
            cores=os.cpu_count() or 1,
            memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            libraries={name: version(name) for name in _LIBRARIES},
            load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        )

    @property
    def busy(self) -> bool:
        """Whether others may have disturbed the figures."""
        return self.load is not None and self.load > _BUSY

    def table(self) -> Table:
        """For people."""
        load = "unknown" if self.load is None else f"{self.load:.2f}"
        rows = [
            ("cores", f"{self.cores}, of which one is used for each figure"),
            ("memory", f"{self.memory_gb} GB"),
            ("system", self.system),
            ("Python", self.python),
            *self.libraries.items(),
            ("load before", f"{load}{' (others were at work: figures may be disturbed)' if self.busy else ''}"),
        ]
        return Table("machine", ("what", "is"), rows)
