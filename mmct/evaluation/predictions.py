"""Keep what a network said of each image of a cell, in few bytes."""

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

TOP = 5
"""How many classes of each image are kept."""

# Probabilities below are taken for this: float16 holds no smaller logarithm.
_LEAST = -65504.0


@dataclass(frozen=True)
class Predictions:
    """The likeliest classes of each image, with their probabilities.

    Logarithms, because float16 holds those of small probabilities and of ones near 1
    alike: a probability p comes back within ``p |log p| / 2048``.

    Attributes:
        classes (np.ndarray): The K likeliest classes, the likeliest first; K is 5, or the
            number of classes if that is less. int (N, K)
        log_probabilities (np.ndarray): Theirs, natural logarithms. float16 (N, K)
        label_log_probability (np.ndarray): That of the label. float16 (N,)
        num_classes (int): How many classes C the network knows.
    """

    classes: np.ndarray
    log_probabilities: np.ndarray
    label_log_probability: np.ndarray
    num_classes: int

    def hits(self, labels: np.ndarray, top: int = 1) -> np.ndarray:
        """Tell which images have their label among the likeliest classes.

        Args:
            labels (np.ndarray): The classes of the images. int (N,)
            top (int): Among how many, 1 to K. Defaults to 1.

        Returns:
            np.ndarray: bool (N,)

        Raises:
            ValueError: If there are not so many classes of each image, or other images.
        """
        kept = self.classes.shape[1]
        if not 1 <= top <= kept or labels.shape != (len(self.classes),):
            raise ValueError(
                f'needs the labels of {len(self.classes)} images and a top from 1 to {kept}, got '
                f'{labels.shape} and {top}'
            )
        return (self.classes[:, :top] == labels[:, None]).any(1)

    def probabilities(self, labels: np.ndarray) -> np.ndarray:
        """Write out all probabilities of each image.

        Those of the K classes and of the label are what the network said. What is left of 1
        is spread evenly over the other classes: with up to K + 1 of them this is exact.

        Args:
            labels (np.ndarray): The classes of the images. int (N,)

        Returns:
            np.ndarray: Each row has the sum 1. float64 (N, C)
        """
        rows = np.arange(len(self.classes))
        full = np.full((len(rows), self.num_classes), np.nan)
        full[rows, labels] = np.exp(self.label_log_probability, dtype=np.float64)
        full[rows[:, None], self.classes] = np.exp(self.log_probabilities, dtype=np.float64)
        unknown = np.isnan(full)
        left = np.clip(1 - np.nansum(full, 1), 0, None) / np.maximum(unknown.sum(1), 1)
        full = np.where(unknown, left[:, None], full)
        return full / full.sum(1, keepdims=True)

    def pack(self) -> dict[str, Any]:
        """Write them for a result file.

        Returns:
            dict: ``num_classes``, and base64 of zlib-compressed bytes: ``classes`` as uint8
            for up to 256 classes, else as little-endian uint16; the logarithms as
            little-endian float16.
        """
        return dict(
            num_classes=self.num_classes,
            classes=pack(self.classes.astype(integers(self.num_classes))),
            log_probabilities=pack(self.log_probabilities.astype('<f2')),
            label_log_probability=pack(self.label_log_probability.astype('<f2')),
        )


def make_predictions(
    classes: np.ndarray, log_probabilities: np.ndarray, label: np.ndarray, num_classes: int
) -> Predictions:
    """Make the predictions of a cell from what a network said.

    Args:
        classes (np.ndarray): The K likeliest classes, the likeliest first. int (N, K)
        log_probabilities (np.ndarray): Theirs. float (N, K)
        label (np.ndarray): The logarithm of the label's probability. float (N,)
        num_classes (int): How many classes there are.

    Returns:
        Predictions: Rounded to what a file holds.
    """
    halves = [
        np.clip(values, _LEAST, 0).astype(np.float16) for values in (log_probabilities, label)
    ]
    return Predictions(classes.astype(np.int64), *halves, num_classes)


def unpack_predictions(cell: Mapping[str, Any]) -> Predictions | None:
    """Read the predictions of a cell.

    Args:
        cell (Mapping): Of a result.

    Returns:
        Predictions | None: None if the file does not have them, as older ones.

    Raises:
        ValueError: If they are damaged.
    """
    packed, count = cell.get('predictions'), cell['images']
    if packed is None:
        return None
    size = packed['num_classes']
    top = min(TOP, size)
    try:
        classes = unpack(packed['classes'], integers(size), count * top).reshape(count, top)
        logs = unpack(packed['log_probabilities'], '<f2', count * top).reshape(count, top)
        label = unpack(packed['label_log_probability'], '<f2', count)
    except ValueError as error:
        what = f'{cell["corruption"] or "clean"} at severity {cell["severity"]}'
        raise ValueError(f'the predictions of {what} are damaged: {error}') from error
    # Comparisons with NaN are false.
    if classes.max() >= size or not ((logs <= 0).all() and (label <= 0).all()):
        raise ValueError('a prediction has no such class, or no logarithm of a probability')
    return Predictions(classes.astype(np.int64), logs, label, size)


def pack(values: np.ndarray) -> str:
    """Write an array's bytes, compressed, as base64.

    Args:
        values (np.ndarray): Of little-endian numbers.

    Returns:
        str: Text for JSON.
    """
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 6)).decode()


def unpack(text: str, dtype: str, count: int) -> np.ndarray:
    """Read what :func:`pack` wrote; no more is decompressed than there should be.

    Args:
        text (str): From a file.
        dtype (str): Of the numbers.
        count (int): How many there must be.

    Returns:
        np.ndarray: (count,)

    Raises:
        ValueError: If the text is damaged, or of another number of values.
    """
    expected = count * np.dtype(dtype).itemsize
    try:
        reader = zlib.decompressobj()
        found = reader.decompress(base64.b64decode(text, validate=True), expected + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(str(error)) from error
    # Without its end there is no checksum.
    if len(found) != expected or not reader.eof:
        raise ValueError(f'they are not those of {count} values')
    return np.frombuffer(found, dtype)


def integers(num_classes: int) -> str:
    """Choose the type of numbers that count classes in a file.

    Args:
        num_classes (int): How many there are.

    Returns:
        str: NumPy's name of the type.
    """
    return '|u1' if num_classes <= 256 else '<u2' if num_classes <= 65536 else '<u4'
