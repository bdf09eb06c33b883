"""One training on several processes: every process sees the losses and statistics of the whole batch.

Each process encodes its own share of the pairs. Where a loss compares across the batch, features are gathered with
their gradient, and every process computes the whole loss; where it does not, a process takes the mean over its share.
Either way the mean of the processes' gradients, which ``DistributedDataParallel`` takes, is the gradient of one process
that has the whole batch.
"""

import logging
import os
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed, nn

from readtrack.devices import Precision
from readtrack.errors import InputError, first_line

if TYPE_CHECKING:
    from lightning_fabric import Fabric

BATCHNORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
FABRIC_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed", "fp64": "64-true"}  # fp64: for checks
PATIENCE = timedelta(hours=12)  # how long processes wait for the one that validates


def launch(device: str | None = None, devices: int = 1, precision: Precision = "fp32") -> "Fabric":
    """Start the processes, or join those that torchrun started, of which there may be some on several machines.

    Args:
        device: "cpu" or "cuda"; None takes GPUs where there are any.
        devices: processes on this machine; torchrun's own number counts where it started them.
        precision: "bf16" and "fp16" compute in 16 bits where that is harmless, weights keep 32.

    Raises:
        InputError: Lightning Fabric is missing, or the devices are.
    """
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies import DDPStrategy, Strategy
    except ImportError as error:
        raise InputError("training needs Lightning Fabric: pip install 'readtrack[train]'") from error
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    accelerator = device or ("cuda" if torch.cuda.is_available() else "cpu")
    machines = 1
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        machines = int(os.environ["WORLD_SIZE"]) // devices
    several = DDPStrategy(timeout=PATIENCE)
    warnings.filterwarnings("ignore", "Grad strides do not match")  # of 1 x 1 convolutions; costs nothing to speak of
    strategy: str | Strategy = several if devices * machines > 1 else "auto"
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=machines,
            strategy=strategy,
            precision=FABRIC_PRECISIONS[precision],  # type: ignore[arg-type]
        )
        fabric.launch()
    except Exception as error:  # Fabric raises its own kinds, without a common ancestor
        problem = f"{devices} x {accelerator} cannot be used ({first_line(error)}): choose others"
        raise InputError(problem, "devices") from error
    return fabric


def processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that writes, prints and validates."""
    return processes() == 1 or distributed.get_rank() == 0


def gather(own: Tensor) -> Tensor:
    """The rows (b, ...) of all processes, (B, ...), in order of the processes; gradients flow back to all of them."""
    if processes() == 1:
        return own
    gathered: Tensor = _Gather.apply(own.contiguous())
    return gathered


def mean(own: Tensor) -> Tensor:
    """The mean of all processes' values, without gradient."""
    if processes() == 1:
        return own.detach()
    total = own.detach().clone()
    distributed.all_reduce(total)
    return total / processes()


def full(values: Tensor) -> Tensor:
    """Half-precision values in float32, in which losses and statistics are computed; others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def share_batchnorm(module: nn.Module, device_type: str) -> None:
    """Make every BatchNorm inside normalise over the whole batch, where there are several processes; in place.

    On GPUs by torch's ``SyncBatchNorm``, which cannot run on CPUs; there by ``SharedBatchNorm``.
    """
    if processes() == 1:
        return
    for name, child in module.named_children():
        if isinstance(child, BATCHNORMS):
            make = nn.SyncBatchNorm if device_type == "cuda" else SharedBatchNorm
            shared = make(child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats)
            shared.weight, shared.bias = child.weight, child.bias
            shared.load_state_dict(child.state_dict())
            setattr(module, name, shared)
        else:
            share_batchnorm(child, device_type)


class SharedBatchNorm(nn.BatchNorm1d):
    """BatchNorm whose statistics are those of all processes' inputs together; they have equally many."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (B, C, ...) to the same shape."""
        if not self.training:
            return super().forward(inputs)
        values = full(inputs)
        every = [0, *range(2, values.dim())]  # all dimensions but the channels
        shape = (1, -1, *[1] * (values.dim() - 2))
        count = values.numel() // values.shape[1] * processes()
        mean = _Sum.apply(values.sum(every)) / count  # (C,)
        centred = values - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(every)) / count  # (C,)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        normalised: Tensor = centred * scale.view(shape) + self.bias.view(shape)
        return normalised.to(inputs.dtype)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any shape will do."""


class _Gather(torch.autograd.Function):
    """Rows of all processes; backward, the sum of what all processes want of the own rows."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own) for _ in range(processes())]
        if own.numel():
            distributed.all_gather(parts, own)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        if total.numel():
            distributed.all_reduce(total)
        return total.chunk(processes())[distributed.get_rank()]


class _Sum(torch.autograd.Function):
    """The sum over all processes, forward and backward."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total
