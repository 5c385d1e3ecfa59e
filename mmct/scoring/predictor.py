"""Predict the classes of the images of cells."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmct.evaluation import Predictions, make_predictions
from mmct.evaluation.predictions import TOP
from mmct.modes import restored_buffers
from mmct.runs.errors import CTError, of_the_machine
from mmct.runs.ranks import sum_over_ranks

from .cell_images import CellBatches
from .networks import Network


class Predicted(NamedTuple):
    """The predictions of a network for a batch, on its device."""

    tops: Tensor  # the most likely classes, int64 (B, K)
    log_probabilities: Tensor  # logarithms of their probabilities, float32 (B, K)
    label: Tensor  # logarithm of the label's probability, float32 (B,)


class Predictor:
    """Run a network over uint8 images, without waiting for the device within a cell.

    Args:
        network (Network): The network on its device, which is put into eval mode.
        fp16 (bool): Whether to run in mixed precision. Defaults to False.
        channels_last (bool, optional): Whether to use the channels_last memory
            format for inputs and weights, if the network can run in it. Defaults to
            None: on CUDA only, where it makes convolutions faster.
    """

    def __init__(
        self, network: Network, fp16: bool = False, channels_last: bool | None = None
    ) -> None:
        self.network, self.device = network, network.device
        self.module = network.module.eval()
        self.fp16 = fp16
        # Whether an image gets the same logits in every batch, which `num_classes` finds out.
        self.repeats = True
        self.channels_last = self.device.type == 'cuda' if channels_last is None else channels_last
        if self.channels_last:
            self.module.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def __call__(
        self, batches: Iterable[Tensor], labels: Iterable[Tensor]
    ) -> Iterator[Predicted]:
        """Predict batch after batch.

        Args:
            batches (Iterable[Tensor]): Batches of uint8 images. (B, H, W, 3) each
            labels (Iterable[Tensor]): Their labels, int64, on the device. (B,) each

        Yields:
            Predicted: The predictions for a batch.
        """
        for images, classes in zip(batches, labels, strict=True):
            inputs = self.inputs(images)
            precision = torch.autocast(self.device.type, enabled=True)
            with precision if self.fp16 else nullcontext():
                logits = self.network.logits(inputs)  # (B, C)
            logs = logits.float().log_softmax(1)
            likeliest, tops = logs.topk(min(TOP, logs.shape[1]), 1)
            yield Predicted(tops, likeliest, logs.gather(1, classes[:, None])[:, 0])

    @torch.no_grad()
    def num_classes(self, images: np.ndarray) -> int:
        """Run the network on some images, check its outputs and count them.

        Call it first: it finds out whether the network can run in channels_last.

        Args:
            images (np.ndarray): uint8 images. (B, H, W, 3)

        Returns:
            int: The number of classes C.

        Raises:
            CTError: If the outputs are probabilities, or those of a function for an image depend
                on the other images. For a module, which may do so on purpose, this is a warning.
        """
        pixels = torch.from_numpy(images)
        others = (255 - pixels[:1]).repeat(len(pixels) - 1, 1, 1, 1)
        # A network that adapts itself begins with the images to score.
        with restored_buffers(self.module):
            logits = self._logits_of_first(pixels)
            among_others = self._logits(torch.cat([pixels[:1], others]))
        if _are_probabilities(logits):
            raise CTError(
                'the network returns probabilities, but logits are needed: leave out its softmax, '
                'or return the logarithms'
            )
        self.repeats = _are_alike(among_others[0].float(), logits[0].float())
        if not self.repeats:
            what = (
                'what the network returns for an image depends on the other images of its batch, '
                'or is random: '
            )
            # A module was put into eval mode, but a function may hide one that is not in it.
            if type(self.module) is nn.Module:
                raise CTError(f'{what}call eval() on it, or give the module itself')
            warnings.warn(
                f'{what}so its errors depend on the batch size and the order of the images. Does '
                'eval() reach each of its layers?',
                stacklevel=2,
            )
        return logits.shape[1]

    def _logits(self, pixels: Tensor) -> Tensor:
        return self.network.logits(self.inputs(pixels))

    def _logits_of_first(self, pixels: Tensor) -> Tensor:
        try:
            return self._logits(pixels)
        except RuntimeError as error:
            if not self.channels_last or of_the_machine(error):
                raise
            # A network that flattens with `view`, as mmpretrain's VGG does.
            self.channels_last = False
            self.module.to(memory_format=torch.contiguous_format)
            return self._logits(pixels)

    @torch.no_grad()
    def tops(self, images: np.ndarray) -> tuple[list[int] | None, list[float] | None]:
        """Classify images.

        Args:
            images (np.ndarray): uint8 images. (B, H, W, 3)

        Returns:
            tuple[list[int] | None, list[float] | None]: The top class of each image, and its
            probability, 0 if that is not finite. None for what differs from call to call or, as
            probabilities in half precision, between processors.
        """
        if not self.repeats:
            return None, None
        with restored_buffers(self.module):
            logits = self._logits(torch.from_numpy(images))
        classes = logits.argmax(1).tolist()
        if logits.dtype in (torch.bfloat16, torch.float16):
            return classes, None
        return classes, logits.softmax(1).amax(1).nan_to_num(0).tolist()

    def inputs(self, images: Tensor) -> Tensor:
        """Preprocess images for the network.

        Args:
            images (Tensor): uint8 images. (B, H, W, 3)

        Returns:
            Tensor: The network's inputs, on its device.
        """
        # The batch is transferred once, as uint8, which takes a quarter of the bytes of floats.
        images = images.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        if not self.channels_last:
            images = images.contiguous()
        return self.network.inputs(images)


def _are_probabilities(outputs: Tensor) -> bool:
    if (outputs < 0).any() or not ((outputs > 0) & (outputs < 1)).any():
        return False  # ones and zeros are no more than a class for each image
    coarse = torch.finfo(outputs.dtype).eps if outputs.is_floating_point() else 0
    rounding = max(1e-3, coarse)
    return bool(((outputs.float().sum(1) - 1).abs() < rounding).all())


def _are_alike(found: Tensor, expected: Tensor) -> bool:
    """Compare logits of the same image; a sure network shows no difference in probabilities."""
    # The scale of int8 activations depends on the batch, and changes logits by some hundredths.
    finite = expected[expected.isfinite()]
    spread = (finite.max() - finite.min()).item() if len(finite) else 0.0
    return all(
        torch.allclose(one, other, rtol=0, atol=atol, equal_nan=True)
        for one, other, atol in (
            (found, expected, 0.1 * spread), (found.softmax(0), expected.softmax(0), 0.02)
        )
    )  # fmt: skip


def predict_cells(
    predict: Predictor,
    loader: DataLoader,
    batches: CellBatches,
    labels: np.ndarray,
    num_classes: int,
    before_cell: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, Predictions, np.ndarray]]:
    """Predict cell after cell, waiting for the device only once per cell.

    Args:
        predict (Predictor): The network.
        loader (DataLoader): Loads the batches of this process.
        batches (CellBatches): The rows of these batches.
        labels (np.ndarray): Labels of the images of each cell. int64 (N,)
        num_classes (int): Number of the network's classes.
        before_cell (Callable, optional): Called with the number of a cell before
            its first batch is predicted. Defaults to None.

    Yields:
        tuple[int, Predictions, np.ndarray]: Number of the cell, predictions for its images, and
        probability of the top class, float32 (N,); the same in each process.
    """
    classes = torch.from_numpy(labels).to(predict.device)
    own = slice(batches.share.start, batches.share.stop)
    of_cell = classes[own].split(batches.batch_size) if len(batches.share) else ()
    stream = predict(loader, (part for _ in batches.numbers for part in of_cell))
    top = min(TOP, num_classes)
    for number in batches.numbers:
        if before_cell is not None:
            before_cell(number)
        found = list(islice(stream, batches.per_cell))
        # float32 is exact for class numbers and precise enough for logarithms.
        table = torch.zeros(batches.num_images, 2 * top + 1, device=predict.device)
        if found:
            parts = [torch.cat([p.tops, p.log_probabilities, p.label[:, None]], 1) for p in found]
            table[own] = torch.cat(parts)
        # Each process fills its own rows, so a sum combines the shares.
        sum_over_ranks(table)
        values = table.cpu().numpy()
        tops, logs, label = values[:, :top], values[:, top : 2 * top], values[:, -1]
        kept = make_predictions(tops.astype(np.int64), logs, label, num_classes)
        yield number, kept, np.exp(logs[:, 0])
