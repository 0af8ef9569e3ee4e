"""Workers that call the portal side by side, and end when they are asked to."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Event, Thread

_LISTENING = 0.2


class Crew:
    """A few threads at a time, all of one run; `asked_to_stop` once somebody interrupted it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._stop = Event()

    @property
    def asked_to_stop(self) -> bool:
        """Tell whether nothing new is to be begun."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Hear an interrupt: the first asks to stop, the second is raised."""
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()

    def do(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Do all tasks, which are to look at `asked_to_stop` themselves; an interrupt lets those in flight end.

        Raises:
            KeyboardInterrupt: there was a second one; what is in flight is left to itself.
        """
        left, failures = deque(tasks), list[BaseException]()
        # Not by joining: a thread whose `join` was interrupted counts as ended in some Pythons, though it goes on.
        ends = [Event() for _ in range(min(self._size, len(left)))]
        for number, end in enumerate(ends):
            # Nobody may have to wait for these at the end of the process: one may hang in a call for a minute.
            Thread(target=_work, args=(left, failures, end), name=f"write {number}", daemon=True).start()
        while not all(end.is_set() for end in ends):
            try:
                for end in ends:
                    end.wait(_LISTENING)
            except KeyboardInterrupt:
                self.stop()
        if failures:
            raise failures[0]


def _work(left: deque[Callable[[], None]], failures: list[BaseException], end: Event) -> None:
    try:
        while not failures and (task := _next(left)) is not None:
            task()
    except BaseException as error:  # noqa: BLE001  # raised again where the work was asked for
        failures.append(error)
    finally:
        end.set()


def _next(left: deque[Callable[[], None]]) -> Callable[[], None] | None:
    try:
        return left.popleft()
    except IndexError:
        return None
