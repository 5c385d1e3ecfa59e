"""Processes that work on one core each, and never outlive their parent.

They are forked by a server that has imported the stack: it takes seconds and hundreds of
MB, which spawned processes would take each. No worker uses a GPU, so that a fork after
CUDA was asked for does no harm here.
"""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any

import cv2
import torch
from threadpoolctl import threadpool_limits

# Here, as each worker would import what makes the corruptions itself.
from mmct.corruptions import OwnCorruption, tables  # noqa: F401
from mmct.runs.errors import CTError

from .source import Source, SourceConfig

# The worker's own: its data set, opened at the first task, so that what goes
# wrong then reaches the parent as any other error does.
_CONFIG: list[SourceConfig] = []
_SOURCE: list[Source] = []


class Workers:
    """A pool of processes, each with the data set open; use as a context.

    They end with the context, also when their parent is killed.

    Args:
        config (SourceConfig): The data set.
        jobs (int): Number of processes.
        own (Sequence[OwnCorruption]): The user's own corruptions, which they are to know.
            Defaults to none.

    Raises:
        CTError: If another process could not import one of these.
    """

    def __init__(
        self, config: SourceConfig, jobs: int, own: Sequence[OwnCorruption] = ()
    ) -> None:
        for corruption in own:
            try:
                pickle.dumps(corruption)
            except Exception as error:
                raise CTError(
                    f'{corruption} cannot be given to other processes: register a function of a '
                    f'module ({" ".join(str(error).split())})'
                ) from error
        before = _server()
        context = _context()
        # Unless it serves others, too.
        self._own_server = _server() if _server() != before else None
        # Nothing is ever sent: its end closes with this process, however it ends.
        ours, self._alive = context.Pipe(duplex=False)
        self._limit = 2 * jobs
        self._pool = ProcessPoolExecutor(jobs, context, _start, (config, ours, own))

    def __enter__(self) -> 'Workers':
        return self

    def __exit__(self, kind: type | None, *_: Any) -> None:
        if kind is not None:
            self._alive.close()
        self._pool.shutdown(cancel_futures=True)
        self._alive.close()
        if kind is not None and self._own_server is not None:
            # While it imports it would not see that nobody needs it any more.
            with suppress(ProcessLookupError):
                os.kill(self._own_server, signal.SIGKILL)

    def run(
        self, function: Callable, tasks: Iterable[tuple]
    ) -> Iterator[tuple[tuple, Any]]:
        """Run a function over tasks, a few at a time.

        Args:
            function (Callable): Gets the :class:`Source` and a task's parts.
            tasks (Iterable[tuple]): Taken as the workers get to them.

        Yields:
            tuple[tuple, Any]: A task and what it gave, as they end.

        Raises:
            CTError: If a worker dies.
        """
        tasks, running = iter(tasks), {}
        try:
            while True:
                for task in islice(tasks, self._limit - len(running)):
                    running[self._pool.submit(_call, function, *task)] = task
                if not running:
                    return
                done = wait(running, return_when=FIRST_COMPLETED).done
                for future in [one for one in running if one in done]:
                    yield running.pop(future), future.result()
        except BrokenProcessPool as error:
            raise CTError(
                'a worker process was killed, perhaps for want of memory: start the same '
                'command again to go on, with fewer --jobs'
            ) from error


def _context() -> multiprocessing.context.BaseContext:
    if 'forkserver' not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    # Once for all workers: what a data set would import in each.
    context.set_forkserver_preload([__name__, 'mmct.registered'])
    # Ctrl-C is the parent's: the server and its children inherit that they
    # ignore it, before any of their own code runs.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, handler)
    return context


def _server() -> int | None:
    """The process that forks the workers; None before it runs."""
    return forkserver._forkserver._forkserver_pid


def _start(config: SourceConfig, alive: Connection, own: Sequence[OwnCorruption]) -> None:
    # Those of the user's own were registered as they were unpickled.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
    # One core each: libraries that use all would slow each other down.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    threadpool_limits(1)
    _CONFIG[:] = [config]


def _end_with_parent(alive: Connection) -> None:
    multiprocessing.connection.wait([alive])
    os._exit(1)


def _call(function: Callable, *task: Any) -> Any:
    try:
        if not _SOURCE:
            _SOURCE.append(Source(_CONFIG[0]))
        return function(_SOURCE[0], *task)
    except MemoryError as error:
        raise CTError(
            'out of memory: start the same command again to go on, with fewer --jobs'
        ) from error
