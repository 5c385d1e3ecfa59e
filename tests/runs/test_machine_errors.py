"""What ails the machine or the data is told with its remedy, whatever a library says."""

import getpass
import io
import os
import pwd
import signal
import time
from pathlib import Path

import pytest
import torch
from PIL import UnidentifiedImageError
from torch.utils.data import DataLoader, Dataset

from mmct.cli.running import run_tool
from mmct.runs.errors import of_the_machine


class Data(Dataset):
    def __init__(self, how):
        self.how = how

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.how()


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def unreadable():
    raise AssertionError('failed to load image: a/b.png')


def too_much():
    return torch.empty(10**15)


def no_image():
    raise UnidentifiedImageError('cannot identify image file a/b.png')


@pytest.mark.parametrize(
    ('how', 'workers', 'message'),
    [
        (killed, 1, 'a data loading worker was killed, perhaps for lack of memory: lower num_'),
        (unreadable, 1, 'an image cannot be read: repair it, or remove it from the data set (f'),
        (too_much, 0, 'no memory is left: lower batch_size of the data loader'),
        (too_much, 1, 'no memory is left: lower batch_size of the data loader'),
        (no_image, 1, 'cannot identify image file a/b.png'),
    ],
)
def test_it_is_one_line(how, workers, message, capsys):
    def work(args):
        list(DataLoader(Data(how), num_workers=workers))

    assert run_tool('tool', work, None) == 2
    err = capsys.readouterr().err
    assert err.startswith(f'tool: error: {message}'), err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    'text',
    [
        'unable to write to file </torch_12_34_0>: No space left on device (28)',
        'DataLoader worker (pid 3) is killed by signal: Bus error. It is possible that '
        "dataloader's workers are out of shared memory. Please try to raise your shared memory",
    ],
)
def test_no_shared_memory_is_named(text):
    assert 'worker' in of_the_machine(RuntimeError(text))


def test_a_full_gpu_is_named_by_whichever_library_found_it():
    text = 'CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'
    assert of_the_machine(RuntimeError(text)).startswith('no memory is left: lower batch_size')


def test_other_errors_are_not_the_machines(capsys):
    def work(args):
        raise RuntimeError('mat1 and mat2 shapes cannot be multiplied')

    with pytest.raises(RuntimeError, match='mat1'):
        run_tool('tool', work, None)


def test_ctrl_c_is_seen_through_what_libraries_make_of_it(capsys):
    def work(args):
        # As mmengine does while it formats a config.
        try:
            raise KeyboardInterrupt
        except:  # noqa: E722
            raise SyntaxError('Failed to format the config file')  # noqa: B904

    assert run_tool('tool', work, None) == 130
    assert capsys.readouterr().err == 'tool: stopped\n'


def test_sigterm_is_seen_through_what_libraries_make_of_it(capsys):
    def work(args):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        except:  # noqa: E722
            raise SyntaxError('Failed to format the config file')  # noqa: B904

    with pytest.raises(SystemExit) as exit_:
        run_tool('tool', work, None)
    assert exit_.value.code == 143
    assert capsys.readouterr().err == ''


def test_sigterm_ends_what_was_started(capsys):
    left = []

    def work(args):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            left.append('cleaned')

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as exit_:
        run_tool('tool', work, None)
    assert (exit_.value.code, left) == (143, ['cleaned'])
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_character_that_the_terminal_lacks_is_shown_by_its_code(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr('sys.stdout', io.TextIOWrapper(written, encoding='ascii'))
    assert run_tool('tool', lambda args: print('Ü', flush=True), None) == 0
    assert written.getvalue() == b'\\xdc\n'


def test_a_user_without_name_and_home_has_both_while_a_tool_runs(monkeypatch):
    found = []

    def unknown(uid):
        raise KeyError(f'getpwuid(): uid not found: {uid}')

    monkeypatch.setattr(pwd, 'getpwuid', unknown)
    for name in ('HOME', 'USER', 'LOGNAME', 'LNAME', 'USERNAME'):
        monkeypatch.delenv(name, raising=False)

    def work(args):
        found.extend([Path.home(), getpass.getuser()])
        assert os.access(found[0], os.W_OK)

    assert run_tool('tool', work, None) == 0
    assert found[1] == f'uid{os.getuid()}'


class StoppedInADestructor:
    def __init__(self, number):
        self.number = number

    def __del__(self):
        os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(('number', 'code'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_python_would_drop_ends_the_tool(number, code, request):
    # A shell that runs the tests in the background ignores SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    def work(args):
        StoppedInADestructor(number)
        for _ in range(200):
            time.sleep(0.05)

    try:
        found = run_tool('train.py', work, None)
    except SystemExit as error:
        found = error.code
    assert found == code
