"""Training images, outside the training loop."""

import torch
from mmengine.dist import get_world_size
from mmengine.runner import Runner
from torch import Tensor, nn


@torch.no_grad()
def training_inputs(runner: Runner, model: nn.Module, num_batches: int) -> Tensor:
    """Preprocessed training images, drawn at random.

    Args:
        runner (Runner): Holds the data.
        model (nn.Module): Its ``data_preprocessor`` is used.
        num_batches (int): As many images as all processes see in that many
            steps.

    Returns:
        Tensor: Shape ``(N, C, H, W)``, on the model's device.
    """
    loader = runner.train_dataloader
    batch_size = getattr(loader.batch_sampler, 'batch_size', None) or 1
    size = num_batches * batch_size * get_world_size()
    # A generator of its own: the same images whatever was drawn before.
    order = torch.randperm(
        len(loader.dataset), generator=torch.Generator().manual_seed(0)
    )
    batch = loader.collate_fn([loader.dataset[i] for i in order[:size].tolist()])
    return model.data_preprocessor(batch, False)['inputs']
