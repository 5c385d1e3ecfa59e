"""What a result file says of a cell."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np

from .calibration import expected_calibration_error, rms_calibration_error


def cell_score(
    corruption: str | None, severity: int, hits: np.ndarray, confidence: np.ndarray
) -> dict[str, Any]:
    """Score a cell.

    Args:
        corruption (str, optional): Its name; None for clean images.
        severity (int): From 1 to 5; 0 for clean images.
        hits (np.ndarray): Whether the top class of each image is right. (N,)
        confidence (np.ndarray): Its probability, from 0 to 1. (N,)

    Returns:
        dict: JSON-able: numbers of images and errors, error and calibration
        errors in %, and the hits as base64 of packed bits.
    """
    hits = np.asarray(hits, bool)
    errors = int((~hits).sum())
    return dict(
        corruption=corruption,
        severity=int(severity),
        images=len(hits),
        errors=errors,
        error_pct=100 * errors / len(hits),
        ece_pct=expected_calibration_error(confidence, hits),
        rms_calibration_pct=rms_calibration_error(confidence, hits),
        hits=base64.b64encode(np.packbits(hits).tobytes()).decode(),
    )


def unpack_hits(cell: Mapping[str, Any]) -> np.ndarray:
    """Which images of a cell were right.

    Args:
        cell (Mapping): As :func:`cell_score` gives it.

    Returns:
        np.ndarray: bool. (N,)

    Raises:
        ValueError: If they are not as many as the images, or do not make the
            number of errors.
    """
    what = f'{cell["corruption"] or "clean"} at severity {cell["severity"]}'
    try:
        packed = np.frombuffer(base64.b64decode(cell['hits'], validate=True), np.uint8)
    except binascii.Error as error:
        raise ValueError(f'the hits of {what} are damaged: {error}') from error
    count = cell['images']
    if len(packed) != -(-count // 8):
        raise ValueError(f'the hits of {what} are not those of {count} images')
    hits = np.unpackbits(packed, count=count).astype(bool)
    if count - hits.sum() != cell['errors'] or cell['error_pct'] != 100 * cell['errors'] / count:
        raise ValueError(f'errors and hits of {what} do not fit together')
    return hits
