"""Store the predictions of a network for all images of a cell in few bytes."""

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

TOP = 5
"""Number of classes kept per image."""

# Smaller logarithms are clipped to this, the lowest value of float16.
_LEAST = -65504.0


@dataclass(frozen=True)
class Predictions:
    """The most likely classes of each image, with their probabilities.

    Probabilities are stored as logarithms, which float16 holds well both for small
    probabilities and for those near 1: a probability p is restored within
    ``p |log p| / 2048``.

    Attributes:
        classes (np.ndarray): The K most likely classes, the most likely first; K is 5, or
            the number of classes if that is smaller. int (N, K)
        log_probabilities (np.ndarray): Natural logarithms of their probabilities.
            float16 (N, K)
        label_log_probability (np.ndarray): Natural logarithm of the label's probability.
            float16 (N,)
        num_classes (int): Number C of classes of the network.
    """

    classes: np.ndarray
    log_probabilities: np.ndarray
    label_log_probability: np.ndarray
    num_classes: int

    def hits(self, labels: np.ndarray, top: int = 1) -> np.ndarray:
        """Find the images whose label is among the most likely classes.

        Args:
            labels (np.ndarray): Labels of the images. int (N,)
            top (int): Number of classes to consider, 1 to K. Defaults to 1.

        Returns:
            np.ndarray: True where the label is among them. bool (N,)

        Raises:
            ValueError: If ``top`` is out of range or the number of labels is wrong.
        """
        kept = self.classes.shape[1]
        if not 1 <= top <= kept or labels.shape != (len(self.classes),):
            raise ValueError(
                f'hits need the labels of {len(self.classes)} images and a top from 1 to {kept}, '
                f'but got {labels.shape} and {top}'
            )
        return (self.classes[:, :top] == labels[:, None]).any(1)

    def probabilities(self, labels: np.ndarray) -> np.ndarray:
        """Restore the probabilities of all classes for each image.

        The probabilities of the K classes and of the label are known. The rest up to 1 is
        spread evenly over the other classes, which is exact for up to K + 1 classes.

        Args:
            labels (np.ndarray): Labels of the images. int (N,)

        Returns:
            np.ndarray: Probabilities; each row sums to 1. float64 (N, C)
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
        """Encode the predictions for a result file.

        Returns:
            dict: ``num_classes``, and base64 of zlib-compressed bytes: ``classes`` as uint8
            for up to 256 classes, else as a larger little-endian integer (see
            :func:`integers`), and the logarithms as little-endian float16.
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
    """Make the predictions of a cell from the outputs of a network.

    Args:
        classes (np.ndarray): The K most likely classes, the most likely first. int (N, K)
        log_probabilities (np.ndarray): Logarithms of their probabilities. float (N, K)
        label (np.ndarray): Logarithm of the label's probability. float (N,)
        num_classes (int): Number of classes.

    Returns:
        Predictions: The predictions, rounded to the precision of a result file.
    """
    halves = [
        np.clip(values, _LEAST, 0).astype(np.float16) for values in (log_probabilities, label)
    ]
    return Predictions(classes.astype(np.int64), *halves, num_classes)


def unpack_predictions(cell: Mapping[str, Any]) -> Predictions | None:
    """Read the predictions of a cell.

    Args:
        cell (Mapping): A cell of a result.

    Returns:
        Predictions | None: The predictions, or None if an older file has none.

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
        raise ValueError('a prediction has an unknown class or an invalid probability')
    return Predictions(classes.astype(np.int64), logs, label, size)


def pack(values: np.ndarray) -> str:
    """Encode the compressed bytes of an array as base64.

    Args:
        values (np.ndarray): Little-endian numbers.

    Returns:
        str: The text, which JSON can hold.
    """
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 6)).decode()


def unpack(text: str, dtype: str, count: int) -> np.ndarray:
    """Decode a text of :func:`pack`, without decompressing more than expected.

    Args:
        text (str): The text from a file.
        dtype (str): NumPy's name of the number type.
        count (int): Expected number of values.

    Returns:
        np.ndarray: The values. (count,)

    Raises:
        ValueError: If the text is damaged, or the number of values differs.
    """
    expected = count * np.dtype(dtype).itemsize
    try:
        reader = zlib.decompressobj()
        found = reader.decompress(base64.b64decode(text, validate=True), expected + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(str(error)) from error
    # The checksum is at the end of the stream.
    if len(found) != expected or not reader.eof:
        raise ValueError(f'they do not have {count} values')
    return np.frombuffer(found, dtype)


def integers(num_classes: int) -> str:
    """Choose the integer type of classes in a file.

    Args:
        num_classes (int): Number of classes.

    Returns:
        str: NumPy's name of the type.
    """
    return '|u1' if num_classes <= 256 else '<u2' if num_classes <= 65536 else '<u4'
