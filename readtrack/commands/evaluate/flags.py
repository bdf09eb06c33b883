"""Flags that several tasks have."""

import argparse
from pathlib import Path

PRECISIONS = ("fp32", "bf16", "fp16")


def add_network_flags(parser: argparse.ArgumentParser, weights: str, precision: str) -> None:
    """Which network is scored, beside which other one, and where they run; with the defaults of the first."""
    add = parser.add_argument_group("networks").add_argument
    add(
        "--weights",
        default=weights,
        metavar="NAME",
        help="shipped name or file (default: %(default)s; e.g. --weights best.safetensors)",
    )
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1 (default: a GPU where there is one; e.g. --device cpu)")
    add(
        "--precision",
        choices=PRECISIONS,
        default=precision,
        help="of the network (default: %(default)s; e.g. --precision fp16)",
    )
    add(
        "--peer",
        type=Path,
        metavar="FILE",
        help="score another re-ID network as well: .onnx, RGB crops (B, 3, H, W) with ImageNet's mean and deviation "
        "in, vectors (B, D) out, on the CPU (e.g. --peer osnet.onnx)",
    )


def add_output_flags(parser: argparse.ArgumentParser, name: str) -> None:
    """Where results go; ``name`` is the default file's, in words."""
    add = parser.add_argument_group("output").add_argument
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help=f"everything found (default: runs/{name}.json; e.g. --json scores.json)",
    )
    add("--quiet", action="store_true", help="print errors only")
