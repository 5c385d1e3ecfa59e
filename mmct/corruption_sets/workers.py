"""Run tasks in processes that use one core each and never outlive their parent.

A server that has imported the stack forks them. The import takes seconds and hundreds of MB,
which each spawned process would need. No worker uses a GPU, so forking after CUDA was queried
does no harm.
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

# Imported here, or each worker would import the code of the corruptions itself.
from mmct.corruptions import OwnCorruption, tables  # noqa: F401
from mmct.runs.errors import CTError

from .source import Source, SourceConfig

# The data set of a worker process, opened at its first task, so that an error
# there reaches the parent like any other error.
_CONFIG: list[SourceConfig] = []
_SOURCE: list[Source] = []


class Workers:
    """A context manager for a pool of processes, each with the data set open.

    The processes end with the context, and also when their parent is killed.

    Args:
        config (SourceConfig): The data set.
        jobs (int): Number of processes.
        own (Sequence[OwnCorruption]): The user's own corruptions that the processes need.
            Defaults to none.

    Raises:
        CTError: If another process could not import one of the user's own corruptions.
    """

    def __init__(
        self, config: SourceConfig, jobs: int, own: Sequence[OwnCorruption] = ()
    ) -> None:
        for corruption in own:
            try:
                pickle.dumps(corruption)
            except Exception as error:
                raise CTError(
                    f'{corruption} cannot be sent to other processes: register a function that '
                    f'a module defines ({" ".join(str(error).split())})'
                ) from error
        before = _server()
        context = _context()
        # None if the server was there before: then it serves others, too.
        self._own_server = _server() if _server() != before else None
        # Nothing is ever sent: the pipe closes when this process ends, however it ends.
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
            # A server that is still importing would not notice that nobody needs it.
            with suppress(ProcessLookupError):
                os.kill(self._own_server, signal.SIGKILL)

    def run(
        self, function: Callable, tasks: Iterable[tuple]
    ) -> Iterator[tuple[tuple, Any]]:
        """Run a function over tasks, a few at a time.

        Args:
            function (Callable): Called with the :class:`Source` and the items of a task.
            tasks (Iterable[tuple]): The tasks, consumed as workers become free.

        Yields:
            tuple[tuple, Any]: A task and its result, in the order of completion.

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
                'a worker process was killed, perhaps for lack of memory: run the same '
                'command again with fewer --jobs to continue'
            ) from error


def _context() -> multiprocessing.context.BaseContext:
    if 'forkserver' not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    # Imported once for all workers, as a data set would import it in each.
    context.set_forkserver_preload([__name__, 'mmct.registered'])
    # The parent handles Ctrl-C: the server and its children inherit that they
    # ignore it before any of their own code runs.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, handler)
    return context


def _server() -> int | None:
    """Return the id of the process that forks the workers, or None before it runs."""
    return forkserver._forkserver._forkserver_pid


def _start(config: SourceConfig, alive: Connection, own: Sequence[OwnCorruption]) -> None:
    # Unpickling has registered the user's own corruptions.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
    # One core each: libraries that use all cores would slow each other down.
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
            'out of memory: run the same command again with fewer --jobs to continue'
        ) from error
