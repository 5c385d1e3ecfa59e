"""Memory that was freed stays with the process, and with those that it starts."""

import os
import subprocess
import sys

import pytest

from mmct import allocator

# Prints how many pages the system handed out for the second of two equal blocks.
PAGES = """
import resource
def taken():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(b'1') * (16 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print((taken(), taken())[1])
"""
BY_COMMAND = f"""
import subprocess, sys
from argparse import Namespace
from mmct.cli.running import run_tool
def work(args):
    exec(args.code, dict())
    subprocess.run([sys.executable, '-c', args.code], check=True)
sys.exit(run_tool('tool', work, Namespace(code={PAGES!r})))
"""


def printed(code):
    env = {name: os.environ[name] for name in os.environ if name not in allocator._SETTINGS}
    done = subprocess.run([sys.executable, '-c', code], check=True, stdout=subprocess.PIPE, env=env)
    return [int(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(allocator.platform.libc_ver()[0] != 'glibc', reason='needs glibc')
def test_a_command_and_what_it_starts_take_no_pages_twice():
    (returned,) = printed(PAGES)
    assert returned > 500
    assert max(printed(BY_COMMAND)) < 100


def test_settings_of_the_user_stay(monkeypatch):
    for name in allocator._SETTINGS:
        monkeypatch.setenv(name, '1')
    monkeypatch.setattr(allocator.platform, 'libc_ver', lambda: ('glibc', '2.36'))
    called = []
    library = type('Library', (), dict(mallopt=lambda *args: called.append(args)))
    monkeypatch.setattr(allocator.ctypes, 'CDLL', lambda name: library)
    allocator.keep_freed_memory()
    assert called == [] and {os.environ[name] for name in allocator._SETTINGS} == {'1'}
    monkeypatch.delenv('MALLOC_MMAP_MAX_')
    allocator.keep_freed_memory()
    assert called == [(-4, 0)] and os.environ['MALLOC_MMAP_MAX_'] == '0'


def test_without_glibc_nothing_happens(monkeypatch):
    for name in allocator._SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocator.platform, 'libc_ver', lambda: ('', ''))
    allocator.keep_freed_memory()
    assert not allocator._SETTINGS.keys() & os.environ.keys()
