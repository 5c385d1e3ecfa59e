"""What a quiet console shows of logs and warnings."""

import io
import warnings

import pytest
from mmengine.logging import MMLogger, print_log
from rich.console import Console

from mmct.cli.console import run_console
from mmct.runs.console import RunConsole
from mmct.runs.isolation import isolated
from mmct.runs.quiet_logging import ON_CONSOLE, quiet_logging


def warn_from(module, text):
    warnings.warn_explicit(text, FutureWarning, 'file.py', 1, module=module, registry={})


def test_warnings_are_shown_once_and_files_have_all(tmp_path, capsys):
    out = io.StringIO()
    with isolated():
        before = MMLogger.get_instance('before')
        handlers = list(before.handlers)
        with quiet_logging(RunConsole(Console(file=out))):
            loggers = [
                MMLogger.get_instance(name, log_file=str(tmp_path / name)) for name in 'ab'
            ]
            for logger in (*loggers, before):
                logger.info('a detail')
                logger.warning('two\n    lines')
            before.error('[bad]')
            loggers[0].info('a stage', extra=ON_CONSOLE)
            print_log('without a logger')
            warn_from('mmengine.optim.wrapper', 'torch.x is deprecated')
            warn_from('users_module', 'mine is deprecated')
        assert before.handlers == handlers
        MMLogger.get_instance('after').info('as always')
    assert out.getvalue().splitlines() == [
        'warning: two lines', 'error: [bad]', 'a stage', 'warning: mine is deprecated'
    ]  # fmt: skip
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith('as always')
    logs = [(tmp_path / name).read_text() for name in 'ab']
    assert all('a detail' in log and 'two\n    lines' in log for log in logs)
    assert 'a stage' in logs[0] and 'without a logger' in logs[1]


def test_the_bar_is_gone_before_an_error_is_told(monkeypatch):
    out = io.StringIO()
    terminal = RunConsole(Console(file=out, force_terminal=True, width=80))
    monkeypatch.setattr('mmct.cli.console.RunConsole', lambda: terminal)
    with pytest.raises(KeyboardInterrupt), run_console(verbose=False) as console:
        console.begin('teacher', 10)
        console.advance(3, 60.0)
        assert console.has_bar
        raise KeyboardInterrupt
    assert not terminal.has_bar
    shown = out.getvalue()
    assert 'teacher' in shown and ' 3/10' in shown and '1 min 00 s left' in shown
    # The line is erased, and the cursor is back.
    assert '\x1b[2K' in shown.rpartition('left')[2] and '\x1b[?25h' in shown.rpartition('left')[2]
