"""Building a run, running it, and telling a user what went wrong."""

import copy
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmengine
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.evaluator import DumpResults
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmct.runs.checkpoint import reason
from mmct.runs.configs import check_split
from mmct.runs.errors import CTError, one_line
from mmct.runs.files import write_text, write_whole

# Errors that a user's config or files cause while a run is being built.
_USER_ERRORS = (
    AssertionError,
    AttributeError,
    ImportError,
    KeyError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class _DumpConfig(Hook):
    """Dumps the config when the teacher is there and training begins."""

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        dump_config(runner)


def build_runner(cfg: Config) -> Runner:
    """Build a Runner of the config's kind that dumps its config late.

    A Runner of mmengine does it when it is built. Then a start that is
    refused, or a test, would replace the config of the run in the work dir.

    Args:
        cfg (Config): A complete config.

    Returns:
        Runner: Of ``runner_type`` where the config names one.

    Raises:
        CTError: If there is no such type, or no model, or domains are not split
            in one way.
    """
    if not cfg.get('model'):
        raise CTError(f'config {cfg.filename} has no model')
    check_split(cfg)
    name = cfg.get('runner_type', 'Runner')
    kind = RUNNERS.get(name)
    if kind is None:
        raise CTError(f'runner_type={name}: there is no such Runner')
    late = type(kind.__name__, (kind,), dict(dump_config=_keep_config))
    runner = late.from_cfg(cfg)
    runner.register_hook(_DumpConfig())
    return runner


def _keep_config(runner: Runner) -> None:
    # A copy: what is built from the config later may change it.
    runner.config_to_dump = copy.deepcopy(runner.cfg)


def dump_config(runner: Runner, replace: bool = True) -> None:
    """Write the config into the work dir, under the name of its file.

    Args:
        runner (Runner): Built by :func:`build_runner`.
        replace (bool): Whether to replace an earlier run's.
            Defaults to True.
    """
    name = Path(runner.cfg.filename or f'{runner.timestamp}.py').name
    file = Path(runner.work_dir) / name
    if is_main_process() and (replace or not file.exists()):
        write_text(file, runner.config_to_dump.dump())


def run_tool(
    name: str, build: Callable[[], Callable[[], object]], stopped: str = 'stopped'
) -> int:
    """Run a tool and turn a user's errors into one line.

    Set ``MMCT_TRACEBACK=1`` to see where an error comes from.

    Args:
        name (str): The tool's name, for the message.
        build (Callable): Reads the options, builds all there is to build, and
            returns what is then to run. While it builds, any usual error is
            taken for the config's; later only those that name a remedy.
        stopped (str): What to say after Ctrl-C. Defaults to 'stopped'.

    Returns:
        int: The exit code: 0, 2 after an error, 130 after Ctrl-C.
    """
    show = bool(os.environ.get('MMCT_TRACEBACK'))
    try:
        try:
            run = build()
        except _USER_ERRORS as error:
            if show:
                raise
            return _fail(name, error)
        try:
            run()
        except (CTError, OSError) as error:
            if show:
                raise
            return _fail(name, error)
        except pickle.UnpicklingError as error:
            if show:
                raise
            message = f'a checkpoint holds more than weights, it was not loaded: {reason(error)}'
            return _fail(name, CTError(message))
    except KeyboardInterrupt:
        print(f'{name}: {stopped}', file=sys.stderr)
        return 130
    return 0


def _fail(name: str, error: BaseException) -> int:
    line = one_line(error)
    if not isinstance(error, (CTError, OSError)):
        line += f' ({type(error).__name__}; MMCT_TRACEBACK=1 shows where)'
    print(f'{name}: error: {line}', file=sys.stderr)
    return 2


def write_result(path: str | Path, value: Any) -> None:
    """Write a value in the format of the file's ending, whole or not at all.

    Args:
        path (str | Path): Ends in .json, .yaml, .yml, .pkl or .pickle.
        value: Anything that the format can hold.
    """
    path = Path(path)
    content = mmengine.dump(value, file_format=path.suffix[1:])
    content = content.encode() if isinstance(content, str) else content
    write_whole(path, lambda temporary: temporary.write_bytes(content))


class DumpWholeResults(DumpResults):
    """mmengine's ``DumpResults``, with a file that is whole or not there.

    Args:
        out_file_path (str): Ends in .pkl or .pickle.
    """

    def compute_metrics(self, results: list) -> dict:
        """Write the predictions.

        Args:
            results (list): One for each image.

        Returns:
            dict: Empty.
        """
        write_result(self.out_file_path, results)
        return {}
