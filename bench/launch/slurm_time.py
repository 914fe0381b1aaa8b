"""How long jobs may run: what people write, what partitions allow, and what is asked for. Imports no torch."""

import math
import re
from collections.abc import Iterable

from bench.launch import slurm_queue
from bench.launch.cell_status import duration
from bench.terminal.errors import UserError

PATIENCE = 2.0  # of the expected time, beside a quarter of an hour; a limit that comes early costs a requeue, no work
STEP_MINUTES = 30


def minutes(time_limit: str) -> int:
    """A time limit as Slurm writes it, in minutes: `90`, `4:00:00`, `2-12:00:00`; seconds are rounded up.

    Raises:
        UserError: It is none.
    """
    match = re.fullmatch(r"(\d+)|(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?", time_limit.strip())
    if match:
        whole, days, first, second, third = (int(group or 0) for group in match.groups())
        if match[1]:
            found = whole
        elif match[5] is not None or match[2] is not None:  # hours:minutes[:seconds]
            found = (days * 24 + first) * 60 + second + (third > 0)
        else:  # minutes:seconds
            found = first + (second > 0)
        if found:
            return found
    raise UserError(
        f"launcher.time={time_limit}: this is no time limit.", "Write 90 (minutes), 4:00:00 or 2-12:00:00."
    )


class Limits:
    """The longest time each partition allows, asked of Slurm once, when it is first needed."""

    def __init__(self) -> None:
        self._said: str | None = None

    def of(self, partition: str | None) -> list[float]:
        """Minutes that each of these partitions allows; empty where Slurm does not say.

        Args:
            partition: As sbatch's, perhaps several with commas; None is the cluster's default.
        """
        if self._said is None:
            self._said = slurm_queue.ask(["scontrol", "--all", "--oneliner", "show", "partition"]) or ""
        wanted = None if partition is None else partition.split(",")
        lines = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in self._said.splitlines()]
        return [
            math.inf if line["MaxTime"] == "UNLIMITED" else minutes(line["MaxTime"])
            for line in lines
            if "MaxTime" in line
            and (line.get("Default") == "YES" if wanted is None else line.get("PartitionName") in wanted)
        ]

    def check(self, time_limit: str, partition: str | None) -> None:
        """Refuses a time that no job may have, before sbatch does or, worse, lets it wait for ever.

        Raises:
            UserError: It names the limit.
        """
        longest = max(self.of(partition), default=math.inf)
        if minutes(time_limit) > longest:
            raise UserError(
                f"launcher.time={time_limit}: {_name(partition)} allows {duration(60 * longest)} at most.",
                "Ask for that or less: a cell that needs longer saves its state there and is requeued.",
            )

    def request(self, seconds: float, partition: str | None) -> str:
        """Minutes to ask for where so many seconds are expected, within what every one of the partitions allows."""
        generous = math.ceil((PATIENCE * seconds / 60 + 15) / STEP_MINUTES) * STEP_MINUTES
        return self.within(generous, partition)

    def within(self, wanted: int, partition: str | None) -> str:
        """Minutes to ask for, where so many are wanted."""
        return str(int(min([wanted, *self.of(partition)])))

    def note(self, time_limit: str, seconds: Iterable[float], partition: str | None) -> str | None:
        """Says of cells whose expected times are given that they ask for a partition's limit, if they do."""
        least, longest = min(self.of(partition), default=math.inf), max(seconds)
        if minutes(time_limit) < least:
            return None
        said = f"they ask for {duration(60 * least)}, the limit of {_name(partition)}"
        if longest <= 60 * least:
            return f"{said}; one that needs longer saves its state there and is requeued"
        times = math.ceil(longest / 60 / least) - 1
        often = "once" if times == 1 else f"about {times} times"
        return (
            f"{said}, and need about {duration(longest)}: each saves its state there and is requeued, {often}"
        )


def _name(partition: str | None) -> str:
    return f"partition {partition}" if partition else "the default partition"
