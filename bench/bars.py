"""The goals of the project, and how far it has come."""

from collections.abc import Iterable
from dataclasses import dataclass

from .contenders import FASTNN
from .jobs import Bar, Job
from .runner import Result


@dataclass(frozen=True)
class Standing:
    """What a bar came to: how many times fastnn's time the fastest opponent took.

    It is None where fastnn or an opponent has no time.
    """

    job: Job
    bar: Bar
    measured: float | None

    @property
    def is_met(self) -> bool | None:
        """Whether it is as good as wanted, if it is known."""
        if self.measured is None:
            return None
        return self.bar.at_least <= self.measured <= self.bar.at_most


def standings(results: Iterable[Result]) -> list[Standing]:
    """Of all bars of the jobs that there are results of."""
    minimum = {(result.job, result.contender): result.minimum for result in results}

    def measured(job: Job, bar: Bar) -> float | None:
        times = [minimum.get((bar.on or job, opponent)) for opponent in bar.opponents]
        known = [time for time in times if time is not None]
        own = minimum.get((job, FASTNN))
        return min(known) / own if own and len(known) == len(times) else None

    jobs = dict.fromkeys(job for job, _ in minimum)
    return [Standing(job, bar, measured(job, bar)) for job in jobs for bar in job.bars]
