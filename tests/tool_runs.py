"""Starting the tools, for several files of tests."""

import io
import json
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from multiprocessing import forkserver, util
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.registry import DefaultScope
from small_network import OPTIONS

import mmct
from mmct.runs.isolation import isolated
from mmct.runs.weights import load_state_dict

ROOT = Path(__file__).resolve().parents[1]
TRAIN, TEST = ROOT / 'tools' / 'train.py', ROOT / 'tools' / 'test.py'
MAKE = ROOT / 'tools' / 'make_corruptions.py'
# Without the scorecard at its end, which takes longer than what most tests train.
# Not in the checkout, where mim would find the name twice.
_FOLDER = tempfile.TemporaryDirectory()
CT = str(Path(_FOLDER.name) / Path(mmct.config_path('ct_resnet18_digits')).name)
Path(CT).write_text(
    f"_base_ = {mmct.config_path('ct_resnet18_digits')!r}\n"
    "custom_hooks = [dict(type='NoBNTeacherHook')]\n"
)
BN = mmct.config_path('bn_resnet18_digits')
CIFAR = 'mmpretrain::resnet/resnet18_8xb16_cifar10.py'
NET = tuple(f'{name}={value}' for name, value in OPTIONS.items())
DATA = ('train_dataloader.dataset.indices=64', 'val_dataloader.dataset.indices=40',
        'test_dataloader.dataset.indices=40')  # fmt: skip
SMALL = (*NET, *DATA, 'train_cfg.max_epochs=2', 'default_hooks.checkpoint.max_keep_ckpts=3')
START_INTERPRETER = util.spawnv_passfds
WEAK = 'custom_hooks.0.on_weak_teacher=warn'


class Result(NamedTuple):
    code: int
    out: str
    err: str


def _path():
    """Where processes find mmct, and what is beside this file."""
    return os.pathsep.join([str(ROOT), str(ROOT / 'tests'), os.environ.get('PYTHONPATH', '')])


def start(tool, *argv, cwd, start_new_session=False):
    """Start a tool in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(tool), *map(str, argv)],
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': _path(), 'PYTHONUNBUFFERED': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
        # A shell that runs the tests in the background ignores SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def run(tool, *argv, cwd):
    """Run a tool in this process, as a process of its own would."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, isolated():
        patch.chdir(cwd)
        patch.setattr(sys, 'argv', [str(tool), *map(str, argv)])
        patch.setenv('LOCAL_RANK', '0')
        patch.delenv('LOCAL_RANK')
        DefaultScope._instance_dict.clear()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as exit_:
            runpy.run_path(str(tool), run_name='__main__')
    return Result(exit_.value.code, out.getvalue(), err.getvalue())


def succeed(tool, *argv, cwd):
    result = run(tool, *argv, cwd=cwd)
    assert result.code == 0, result.err
    return result


def metrics(config, checkpoint, cwd, *argv):
    """What tools/test.py measures on 40 digits."""
    file = cwd / 'metrics.json'
    succeed(TEST, config, checkpoint, '--out', file, '--out-item', 'metrics',
            *argv, cwd=cwd)  # fmt: skip
    return json.loads(file.read_text())


def contents(folder):
    """All files but the logs, which each start adds to."""
    files = {path.relative_to(folder): path for path in folder.rglob('*') if path.is_file()}
    return {
        str(name): path.read_bytes()
        for name, path in files.items()
        if not any(part[:8].isdigit() for part in name.parts)
    }


@contextmanager
def served(folder):
    """Let a web server give out the files of a folder; its URL."""
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def same_weights(one, other):
    one, other = load_state_dict(one), load_state_dict(other)
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


def result_of(work_dir):
    result = json.loads((work_dir / 'ct_result.json').read_text())
    return {name: value for name, value in result.items() if not name.endswith('seconds')}


# A tool in a process of its own, after code that may make it kill itself. The processes that it
# spawns read this file, too.
SCRIPT = """
if __name__ == '__main__':
    import os, runpy, signal, sys
    import mmct.engine, mmct.models
    from mmpretrain.models import ImageClassifier

    os.environ.update({environ!r})
    os.chdir({folder!r})
    sys.stdout = sys.stderr = open({log!r}, 'a', buffering=1)
    # A shell that runs the tests in the background ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def die(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    def nth(n, function):
        calls = []
        def counted(*args, **kwargs):
            calls.append(1)
            return die() if len(calls) == n else function(*args, **kwargs)
        return counted

{before}
    sys.argv = {argv!r}
    runpy.run_path(sys.argv[0], run_name='__main__')
"""


def fork(folder, tool, *argv, before='', environ=None, log='log.txt'):
    """Start a tool in a process that a server forks which has imported mmct.

    That saves seconds a process.

    Args:
        folder (Path): Where it runs.
        before (str): Code that it executes first.
        environ (dict): Variables.
        log (str): The file that gets what it prints.

    Returns:
        Process: It runs.
    """
    script = folder / f'{log}.py'
    script.write_text(
        SCRIPT.format(
            environ={name: str(value) for name, value in (environ or {}).items()},
            folder=str(folder),
            log=log,
            before=textwrap.indent(before, '    '),
            argv=[str(word) for word in (tool, *argv)],
        )
    )
    job = multiprocessing.get_context('forkserver').Process(
        target=runpy.run_path, args=(str(script),), kwargs=dict(run_name='__main__')
    )
    job.start()
    return job


def end(job, seconds=300):
    """Wait for the end of a process, and give its exit code; None if it had to be killed."""
    job.join(timeout=seconds)
    code = job.exitcode
    if code is None:
        job.kill()
    return code


def in_processes(folder, tool, *argv, before='', processes=1):
    """Run a tool in one process or several; what they print is in ``log*.txt``.

    Returns:
        list[int]: Their exit codes.
    """
    if processes == 1:
        return [end(fork(folder, tool, *argv, before=before))]
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    # What torchrun gives to each of its processes.
    shared = dict(WORLD_SIZE=processes, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    jobs = [
        fork(folder, tool, *argv, '--launcher', 'pytorch', before=before, log=f'log{rank}.txt',
             environ=dict(shared, RANK=rank, LOCAL_RANK=rank))
        for rank in range(processes)
    ]  # fmt: skip
    return [end(job) for job in jobs]


def wait_until(true, seconds=300):
    """Wait until something is true, and give what made it so."""
    stop = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < stop, 'waited in vain'
        time.sleep(0.1)
    return found


def serve():
    """Start the server that forks processes which have imported what is in quick.py.

    It is forked itself, before the first test: an interpreter of its own would import all of
    that once more.
    """
    util.spawnv_passfds = _fork
    forkserver.ensure_running()
    util.spawnv_passfds = START_INTERPRETER


def _fork(path, argv, descriptors):
    """Fork where :mod:`multiprocessing` would start an interpreter."""
    if pid := os.fork():
        return pid
    # Its processes may start a server of their own.
    util.spawnv_passfds = START_INTERPRETER
    forkserver._forkserver._lock = threading.Lock()
    kept = [2, *sorted(descriptors), os.sysconf('SC_OPEN_MAX')]
    for before, after in pairwise(kept):
        os.closerange(before + 1, after)
    os.environ['PYTHONPATH'] = _path()
    try:
        exec(argv[-1])
    finally:
        os._exit(0)


def shared_server():
    """Code for ``before``: the tool's own workers are forked by the tests' server too.

    A server of the tool's own would import torch and mmpretrain once more.
    """
    running = forkserver._forkserver
    names = ('_forkserver_address', '_forkserver_authkey')  # the latter since Python 3.14
    state = {name: getattr(running, name) for name in names if hasattr(running, name)}
    return (
        'from multiprocessing import forkserver as f\n'
        f'vars(f._forkserver).update({state!r}, _forkserver_alive_fd=os.pipe()[1])\n'
        'f.ensure_running = f._forkserver.ensure_running = lambda: None\n'
    )


def log_of(folder):
    """The end of what the processes printed."""
    return '\n'.join(log.read_text()[-9000:] for log in sorted(folder.glob('log*.txt')))
