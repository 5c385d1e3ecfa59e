"""What runs cells."""

from abc import ABC, abstractmethod

from ..task import Outcome, Task


class Executor(ABC):
    """Runs tasks at the same time, each in a process of its own."""

    @property
    @abstractmethod
    def running(self) -> list[str]:
        """The keys of the cells that run."""

    @property
    @abstractmethod
    def has_room(self) -> bool:
        """Whether another task may be started."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Start a task.

        Args:
            task (Task): The cell.
        """

    @abstractmethod
    def wait(self, seconds: float) -> list[Outcome]:
        """Wait until a task ends.

        Args:
            seconds (float): At most.

        Returns:
            list[Outcome]: Of those that have ended; may be empty.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop what still runs. It goes on at the next start of the study."""
