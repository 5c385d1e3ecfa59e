"""Batches of images that come in several views."""

import torch
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import MODELS


@MODELS.register_module()
class MultiViewDataPreprocessor(ClsDataPreprocessor):
    """``ClsDataPreprocessor`` that puts the views of a batch one after the other.

    Images of shape ``(N, V, C, H, W)``, as :class:`mmct.datasets.AugMix` gives
    them, become ``(V * N, C, H, W)``: all first views, then all second ones.
    Images in one view are treated as before. Labels stay N. Batch
    augmentations (Mixup) mix labels and cannot be used with views.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Flatten the views and preprocess.

        Args:
            data (dict): A batch of the data loader.
            training (bool): As for ``ClsDataPreprocessor``. Defaults to False.

        Returns:
            dict: The model's ``inputs`` and ``data_samples``.
        """
        inputs = data['inputs']
        if isinstance(inputs, (list, tuple)) and inputs[0].dim() == 4:
            inputs = torch.stack(list(inputs))  # pseudo_collate's
        if isinstance(inputs, torch.Tensor) and inputs.dim() == 5:
            # On the device: one transfer a batch, of uint8.
            data = {**data, 'inputs': self.cast_data(inputs).transpose(0, 1).flatten(0, 1)}
        return super().forward(data, training)
