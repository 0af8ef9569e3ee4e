"""Workers that call the portal side by side, and end when they are asked to."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
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
        threads = [
            # Nobody may have to wait for these at the end of the process: one may hang in a call for a minute.
            Thread(target=_work, args=(left, failures), name=f"write {number}", daemon=True)
            for number in range(min(self._size, len(left)))
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            try:
                for thread in threads:
                    thread.join(_LISTENING)
            except KeyboardInterrupt:
                self.stop()
        if failures:
            raise failures[0]


def _work(left: deque[Callable[[], None]], failures: list[BaseException]) -> None:
    with suppress(IndexError):
        while not failures:
            task = left.popleft()
            try:
                task()
            except BaseException as error:  # noqa: BLE001  # raised again where the work was asked for
                failures.append(error)
