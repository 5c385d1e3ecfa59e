"""Package metadata, and the packing of what ``mim`` needs."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent

# What corruptions, evaluation, report and theory need: no torch, no mm package.
LIGHT = [
    'filelock>=3.12',
    'imagecorruptions-imaug>=1.1.5,<2',  # for its textures of frost; the tests compare with it
    'jinja2>=3.1.3,<4',
    'matplotlib>=3.7',
    'numba>=0.61',
    'numpy>=1.26',
    'opencv-python>=4.8',
    'packaging>=23',
    'pandas>=2.2,<4',
    'pillow>=10.1',
    'pydantic>=2.7,<3',
    'rich>=13',
    'scipy>=1.15',
    'tabulate>=0.9,<1',
]
# What scoring networks of torch needs besides.
TORCH = ['simplejpeg>=1.8,<2', 'torch>=2.6', 'torchvision>=0.21']
# What training and studies need besides, on either stack.
TRAINING = [
    *TORCH,
    'safetensors>=0.4.3',
    'scikit-learn>=1.4',
    'threadpoolctl>=3.1',
]
# `mmct.stack.RANGES` is what mmct accepts at import; these lie inside it. The two overwrite each
# other's files: only one can be installed.
ONEDL = [
    *TRAINING,
    'onedl-mmengine>=0.10.12,<0.11',
    'onedl-mmcv>=2.3.6,<2.4',
    'onedl-mmpretrain>=1.3.6,<1.4',
    'onedl-mim>=0.5.1,<0.6',
]
OPENMMLAB = [
    *TRAINING,
    'mmengine==0.10.7',
    'mmcv-lite==2.2.0',
    'mmpretrain==1.2.0',
    'openmim==0.3.9',
    'setuptools<82',
]
RAY = ['ray>=2.40']
# What mmengine's backends write to. The skinny MLflow has the client, for a server or files.
TRACKERS = ['mlflow-skinny>=3.2', 'tensorboard>=2.18', 'wandb>=0.19']
# The tests build the wheel, run studies on Ray, read what trackers hold, remove BN from timm's
# networks, compare calibration errors with torchmetrics', and execute the tutorial's notebook.
TESTS = [
    *RAY, *TRACKERS, 'hypothesis>=6', 'ipykernel>=6.29', 'nbclient>=0.10', 'nbformat>=5.10',
    'pytest>=8', 'pytest-xdist>=3', 'setuptools>=77', 'timm>=1', 'torchmetrics>=1.4',
]  # fmt: skip
# mkdocstrings has ruff write the signatures.
DOCS = ['mkdocs>=1.6,<2', 'mkdocs-material>=9.6,<10', 'mkdocstrings[python]>=1,<2', 'ruff>=0.9']
DEV = [*TESTS, *DOCS, 'build', 'interrogate>=1.7', 'pre-commit']


class BuildPy(build_py):
    """Pack configs and tools into the wheel, where ``mim`` looks for them."""

    def run(self) -> None:
        """Build the package, then copy beside it what lies outside it."""
        super().run()
        if getattr(self, 'editable_mode', False):
            return
        mim = Path(self.build_lib, 'mmct', '.mim')
        shutil.rmtree(mim, ignore_errors=True)  # left by an earlier build
        ignore = shutil.ignore_patterns('__pycache__')
        for folder in ('configs', 'tools'):
            shutil.copytree(ROOT / folder, mim / folder, ignore=ignore)
        shutil.copy(ROOT / 'model-index.yml', mim)


def read_version() -> str:
    """Read the version without importing mmct, which needs its dependencies."""
    scope: dict[str, str] = {}
    exec((ROOT / 'mmct' / 'version.py').read_text(encoding='utf-8'), scope)
    return scope['__version__']


setup(
    name='mmct',
    version=read_version(),
    description='Counterbalancing Teacher as a plugin for mmpretrain',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The mmct authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='computer vision, robustness, batch normalization',
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=['mmct', 'mmct.*']),
    package_data={'mmct.report': ['page.html.j2'], 'mmct.zoo': ['index.json']},
    python_requires='>=3.10',
    install_requires=LIGHT,
    extras_require={
        'torch': TORCH,
        'onedl': ONEDL,
        'openmmlab': OPENMMLAB,
        'ray': RAY,
        'trackers': TRACKERS,
        'tests': TESTS,
        'docs': DOCS,
        'dev': DEV,
    },
    entry_points={'console_scripts': ['mmct = mmct.cli.main:main']},
    cmdclass={'build_py': BuildPy},
)
