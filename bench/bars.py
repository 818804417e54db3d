"""The goals of the project, and how far it has come."""

from collections.abc import Iterable
from dataclasses import dataclass

from .contenders import FASTNN
from .jobs import Bar, Job
from .runner import Result


@dataclass(frozen=True)
class Standing:
    """What a bar came to: how many times fastnn's time its opponents took."""

    job: Job
    bar: Bar
    measured: float

    @property
    def is_met(self) -> bool:
        """Whether it is as good as wanted."""
        return self.bar.at_least <= self.measured <= self.bar.at_most


def standings(results: Iterable[Result]) -> list[Standing]:
    """Of all bars that there are results for."""
    minimum = {(result.job, result.contender): result.minimum for result in results}
    found = []
    for job, contender in minimum:
        if contender != FASTNN:
            continue
        for bar in job.bars:
            times = [
                minimum[bar.on or job, opponent]
                for opponent in bar.opponents
                if (bar.on or job, opponent) in minimum
            ]
            if times:
                found.append(Standing(job, bar, min(times) / minimum[job, FASTNN]))
    return found
