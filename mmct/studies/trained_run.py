"""A trained network, as scores get it."""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS

from mmct.runs.checkpoint import check_fits, load_state_dict


@dataclass(frozen=True)
class TrainedRun:
    """A run that was trained to its end.

    Attributes:
        title (str): What messages call it.
        config (Config): Its config.
        folder (Path): Its folder; a score may keep files of its own there.
        say (Callable): Takes how much of the score is done, from 0 to 1.
    """

    title: str
    config: Config
    folder: Path
    say: Callable[[float], None]

    def model(self, checkpoint: Path | None = None) -> ImageClassifier:
        """The network, on its device and in eval mode.

        Args:
            checkpoint (Path, optional): Of an earlier epoch. Defaults to None,
                the end.
        """
        settings = copy.deepcopy(self.config.model)
        preprocessor = copy.deepcopy(self.config.get('data_preprocessor'))
        settings.setdefault('data_preprocessor', preprocessor)
        model = MODELS.build(settings)
        file = checkpoint or self.folder / 'weights.pth'
        weights = load_state_dict(file)
        check_fits(f'checkpoint {file}', weights, model)
        model.load_state_dict(weights)
        return model.to(get_device()).eval()

    def epochs(self) -> dict[int, Path]:
        """The checkpoints of epochs that are there, by epoch."""
        found = {
            int(match[1]): file
            for file in self.folder.glob('epoch_*.pth')
            if (match := re.fullmatch(r'epoch_(\d+)\.pth', file.name))
        }
        return dict(sorted(found.items()))
