"""What needs no mm stack is imported without one, and without what it may never use."""

import subprocess
import sys
from pathlib import Path

import mmct

# In a process of its own, in which the package itself imports nothing.
SCRIPT = """
import sys
from importlib import import_module
from types import ModuleType

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in sys.argv[2].split():
            raise ModuleNotFoundError(f'{name} is blocked')

sys.meta_path.insert(0, Blocked())
package = sys.modules['mmct'] = ModuleType('mmct')
package.__path__ = [sys.argv[1]]
for room in ('evaluation', 'report', 'theory'):
    import_module(f'mmct.{room}')
"""
HEAVY = 'torch mmcv mmengine mmpretrain scipy sklearn pandas tabulate matplotlib rich jinja2 numba'


def test_tables_arithmetic_and_theory_need_numpy_alone():
    argv = [sys.executable, '-c', SCRIPT, str(Path(mmct.__file__).parent), HEAVY]
    found = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
