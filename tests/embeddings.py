"""Somebody else's re-ID network, small: its vector of a crop is the mean colour."""

import onnx
from onnx import TensorProto, helper


def make_peer(path, height=32, width=16, batch="batch", vectors=True):
    """Write it; without ``vectors`` it gives feature maps instead."""
    crops = helper.make_tensor_value_info("crops", TensorProto.FLOAT, [batch, 3, height, width])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, 3] if vectors else [batch, 3, 1, 1])
    nodes = [helper.make_node("GlobalAveragePool", ["crops"], ["means"])]
    nodes += [helper.make_node("Flatten" if vectors else "Identity", ["means"], ["out"])]
    graph = helper.make_graph(nodes, "colours", [crops], [out])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
