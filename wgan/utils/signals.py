"""Ctrl-C and a cluster's SIGTERM: asked once, a training saves and ends; asked again, it leaves at once."""

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from wgan.utils.system import WINDOWS, address_space

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


@contextmanager
def crashes_explained(explain: Callable[[], str]) -> Iterator[None]:
    """Where the address space is limited, a crash of a library prints one line and ends the process with status 1.

    oneDNN does not look whether there was memory for a kernel that it makes (torch 2.14): SIGSEGV, where others raise
    MemoryError. Python cannot go on after it, nor can its own handlers run before the instruction is repeated; C's can.
    """
    if WINDOWS:
        yield
        return
    libc = ctypes.CDLL(None)
    libc.signal.argtypes, libc.signal.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p

    def crashed(number: int) -> None:
        if address_space() is None:
            libc.signal(number, before)  # a fault of another kind: it comes again, and ends the process as ever
            return
        os.write(2, f"{explain()}\n".encode())
        os._exit(1)

    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(crashed)  # as long as this name lives
    before = libc.signal(signal.SIGSEGV, ctypes.cast(handler, ctypes.c_void_p))
    try:
        yield
    finally:
        libc.signal(signal.SIGSEGV, before)
