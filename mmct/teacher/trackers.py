"""Track a training inside another, as curves of the outer run or as a run of its own.

Trackers such as W&B and MLflow keep one open run per process; a second run would take it over or
end it.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.visualization import BaseVisBackend, LocalVisBackend, Visualizer
from mmpretrain.registry import VISBACKENDS
from torch import nn

from mmct.runs.configs import is_kind
from mmct.runs.isolation import isolated


@VISBACKENDS.register_module()
class OwnRunVisBackend(BaseVisBackend):
    """Tracks teacher and student as two runs, one after the other.

    mmengine opens a tracker when it builds the Runner. This backend opens it with the first curve
    or image instead, so the student's run begins after the teacher's has ended.

    Args:
        save_dir (str): Folder to which the tracker writes.
        backend (dict): Config of the tracker, such as ``dict(type='WandbVisBackend')``.
        teacher (dict, optional): Settings of ``backend`` that differ for the teacher, such as
            ``dict(init_kwargs=dict(name='teacher'))``. Defaults to None.
    """

    def __init__(self, save_dir: str, backend: dict, teacher: dict | None = None) -> None:
        super().__init__(save_dir)
        self._backend = VISBACKENDS.build({'save_dir': save_dir, **backend})
        # Calls that came before the tracker was opened.
        self._held: list[tuple[str, tuple]] = []
        self._is_open = False

    def _init_env(self) -> None:
        """Do nothing; the tracker sets itself up."""

    def _opened(self) -> BaseVisBackend:
        if not self._is_open:
            self._is_open = True
            # Trackers draw run names from the global generators that the training also uses.
            with isolated():
                _ = self._backend.experiment
                for method, arguments in self._held:
                    getattr(self._backend, method)(*arguments)
        return self._backend

    @property
    def experiment(self) -> Any:
        """The tracker's own object."""
        return self._opened().experiment

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Keep the config until the tracker is opened, see :class:`BaseVisBackend`."""
        # Building objects from a config may change it.
        self._held.append(('add_config', (copy.deepcopy(config),)))

    def add_graph(self, model: nn.Module, data_batch: Any, **kwargs: Any) -> None:
        """Keep a network until the tracker is opened, see :class:`BaseVisBackend`."""
        self._held.append(('add_graph', (model, data_batch)))

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """Pass an image on, see :class:`BaseVisBackend`."""
        self._opened().add_image(name, image, step, **kwargs)

    def add_scalar(self, name: str, value: float, step: int = 0, **kwargs: Any) -> None:
        """Pass a value on, see :class:`BaseVisBackend`."""
        self._opened().add_scalar(name, value, step, **kwargs)

    def add_scalars(
        self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Pass values on, see :class:`BaseVisBackend`."""
        self._opened().add_scalars(scalar_dict, step, file_path, **kwargs)

    def close(self) -> None:
        """End the tracker's run, if it was begun."""
        if self._is_open:
            self._backend.close()
            self._is_open = False


class _InnerCurves(BaseVisBackend):
    """Writes to another run's backend under prefixed names, and leaves the backend open."""

    def __init__(self, backend: BaseVisBackend, prefix: str) -> None:
        super().__init__(None)
        self._backend = backend
        self._prefix = prefix

    def _init_env(self) -> None:
        pass

    @property
    def experiment(self) -> Any:
        return self._backend.experiment

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        self._backend.add_image(f'{self._prefix}{name}', image, step, **kwargs)

    def add_scalar(self, name: str, value: float, step: int = 0, **kwargs: Any) -> None:
        self._backend.add_scalar(f'{self._prefix}{name}', value, step, **kwargs)

    def add_scalars(
        self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        named = {f'{self._prefix}{name}': value for name, value in scalar_dict.items()}
        self._backend.add_scalars(named, step, **kwargs)


def teachers_backends(backends: Any) -> list[ConfigDict]:
    """Choose the student's backends that a teacher gets as its own.

    Args:
        backends: ``vis_backends`` of the student's visualizer: a list, one dict or None.

    Returns:
        list[ConfigDict]: Each ``LocalVisBackend``, and each :class:`OwnRunVisBackend` with the
        teacher's settings.
    """
    backends = [backends] if isinstance(backends, Mapping) else backends or []
    kept = []
    for backend in backends:
        if is_kind(backend, OwnRunVisBackend, VISBACKENDS):
            whole = Config(dict(backend=copy.deepcopy(backend)))
            whole.merge_from_dict(dict(backend=dict(backend=backend.get('teacher') or {})))
            kept.append(whole.backend)
        elif is_kind(backend, LocalVisBackend, VISBACKENDS):
            kept.append(backend)
    return kept


def local_backends(backends: Any) -> list[ConfigDict]:
    """Choose the backends that a baseline gets as its own.

    Trackers are not among them, because the student's run in them is still open.

    Args:
        backends (list): The backends from :func:`teachers_backends`.

    Returns:
        list[ConfigDict]: Each ``LocalVisBackend``.
    """
    return [backend for backend in backends if is_kind(backend, LocalVisBackend, VISBACKENDS)]


def write_into(own: Visualizer, outer: Visualizer, prefix: str) -> None:
    """Let the visualizer of a teacher or baseline also write its curves to the student's backends.

    Args:
        own (Visualizer): The visualizer of the teacher or baseline.
        outer (Visualizer): The student's visualizer.
        prefix (str): Prefix of the names of its curves, such as ``teacher/``.
    """
    for name, backend in outer._vis_backends.items():
        # mmengine has no public way to add a backend that is already built.
        own._vis_backends.setdefault(name, _InnerCurves(backend, prefix))
