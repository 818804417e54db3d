"""What the benchmarks ran on."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import fastnn

from .contenders import Contender


@dataclass(frozen=True)
class Machine:
    """Hardware, and versions of all that has a part in the times."""

    cpu: str
    cores: int | None
    isa: str
    versions: dict[str, str]
    date: str

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{self.cpu}, {self.cores} cores; kernels: {self.isa}; {versions}; {self.date}"

    @classmethod
    def this(cls, contenders: Iterable[Contender]) -> "Machine":
        """The one this process runs on, today."""
        distributions = dict.fromkeys(d for c in contenders for d in c.distributions)
        return cls(
            cpu=_cpu(),
            cores=os.cpu_count(),
            isa=fastnn.isa,
            versions={
                "Python": platform.python_version(),
                **{distribution: version(distribution) for distribution in distributions},
            },
            date=date.today().isoformat(),
        )


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
