"""Ctrl-C and a cluster's SIGTERM: asked once, a training saves and ends; asked again, it leaves at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP")]  # Windows has two


class Interrupted(BaseException):
    """Raised by a signal inside `Interruption.abortable`. No `except Exception` on the way may swallow it."""


class Interruption:
    """While entered, the first SIGINT, SIGTERM or SIGHUP is only noted in `signal`; the second ends the process."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, signal._HANDLER] = {}
        self._abortable = False

    @property
    def exit_status(self) -> int:
        """What a shell expects of a process that the signal ended: 130 for SIGINT, 143 for SIGTERM; 0 without one."""
        return 128 + self.signal if self.signal else 0

    @contextmanager
    def abortable(self) -> Iterator[None]:
        """Within the block a signal raises `Interrupted`: for what takes long and loses nothing when it is cut off."""
        self._abortable = True
        try:
            if self.signal is not None:
                raise Interrupted
            yield
        finally:
            self._abortable = False

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():  # elsewhere Python delivers no signals
            for number in SIGNALS:
                if number.name != "SIGHUP" or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays in force
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        for other in self._before:
            signal.signal(other, signal.SIG_DFL)  # without a traceback, and even inside a long call into C
        if self._abortable:
            raise Interrupted
