# SPDX-License-Identifier: MPL-2.0
"""The ONNX file: several networks of one kind side by side, whose mean it tells."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import network
from network import BANDS, CHANNELS, DILATIONS, EVENLY, KERNEL, LOOK_AHEADS, SMOOTHING, WIDTH

FRONT = 3


class Graph:
    """Collects what a file is made of. Tensors are [network, frame, number], `chunk` frames a run."""

    def __init__(self, chunk):
        self.chunk = chunk
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []
        self.constant("axis_1", np.array([1], np.int64))

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind, name, sources, **attributes):
        self.nodes.append(helper.make_node(kind, sources, [name], name=name, **attributes))
        return name

    @staticmethod
    def value(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def remembering(self, x, name, shape, usual):
        """x with what it was in the last frames in front, a state of this shape; all less `usual`."""
        x = self.node("Sub", f"{name}_now", [x, self.constant(f"{name}_usual", np.float32(usual))])
        self.inputs.append(self.value(name, shape))
        whole = self.node("Concat", f"{name}_whole", [name, x], axis=1)
        first = self.constant(f"{name}_first", np.array([self.chunk], np.int64))
        last = self.constant(f"{name}_last", np.array([self.chunk + shape[1]], np.int64))
        self.node("Slice", f"{name}_next", [whole, first, last, "axis_1"])
        self.outputs.append(self.value(f"{name}_next", shape))
        return whole

    def taps(self, whole, name, history, dilation, count):
        """Frames 0, dilation, 2·dilation… before each frame of the chunk, side by side."""
        parts = []
        for k in range(count):
            at = history - k * dilation
            parts.append(self.node("Slice", f"{name}_{k}", [
                whole, self.constant(f"{name}_{k}_from", np.array([at], np.int64)),
                self.constant(f"{name}_{k}_to", np.array([at + self.chunk], np.int64)), "axis_1"]))
        return self.node("Concat", f"{name}_taps", parts, axis=2)

    def dense(self, x, name, weight, bias):
        """Weights [network, from, to] and bias [network, 1, to], or the same for all."""
        product = self.node("MatMul", f"{name}_product", [x, self.constant(f"{name}_w", np.float32(weight))])
        return self.node("Add", f"{name}_sum", [product, self.constant(f"{name}_b", np.float32(bias))])

    def swish(self, x, name):
        return self.node("Mul", f"{name}_swish", [x, self.node("Sigmoid", f"{name}_gate", [x])])


def body(graph, members, silence, usual):
    """The convolutions; what `silence` makes of their inputs is `usual`, [network, 1, width] each."""
    weight = lambda name: np.stack([np.asarray(m[name]) for m in members])
    bias = lambda name: weight(name)[:, None]
    whole = graph.remembering("mel", "state_in", [1, FRONT - 1, BANDS], silence)
    at_rest = bias("in_b") + (np.tile(silence @ SMOOTHING, FRONT) @ weight("in"))[:, None]
    smooth = np.kron(np.eye(FRONT, dtype=np.float32), SMOOTHING)
    x = graph.taps(whole, "in", FRONT - 1, 1, FRONT)
    x = graph.swish(graph.dense(x, "in", smooth @ weight("in"), at_rest), "in")
    for i, dilation in enumerate(DILATIONS):
        history = (KERNEL - 1) * dilation
        whole = graph.remembering(x, f"state_{i}", [len(members), history, WIDTH], usual[i])
        at_rest = bias(f"ab{i}") + np.tile(usual[i], KERNEL) @ weight(f"a{i}")
        inner = graph.taps(whole, f"a{i}", history, dilation, KERNEL)
        inner = graph.swish(graph.dense(inner, f"a{i}", weight(f"a{i}"), at_rest), f"a{i}")
        outer = graph.dense(inner, f"c{i}", weight(f"c{i}"), bias(f"cb{i}"))
        x = graph.node("Add", f"x{i}", [x, outer])
    return x


def head(graph, members, x, usual, ahead):
    """The mouth `ahead` frames back: the mean of the networks, made even."""
    weight = lambda name: np.stack([np.asarray(m[name]) for m in members])
    own, bias = weight(f"h{ahead}"), weight(f"hb{ahead}")[:, None]
    out, out_bias = weight(f"o{ahead}")[..., :CHANNELS], weight(f"ob{ahead}")[:, None, :CHANNELS]
    h = graph.swish(graph.dense(x, f"h{ahead}", own, bias), f"h{ahead}")
    each = graph.dense(h, f"o{ahead}", out, out_bias)
    mean = graph.node("ReduceMean", f"mean{ahead}", [each], axes=[0], keepdims=1)
    hidden = usual @ own + bias
    said = (hidden / (1 + np.exp(-hidden)) @ out + out_bias).mean(0)[0]
    history = len(EVENLY) - 1
    whole = graph.remembering(mean, f"state_o{ahead}", [1, history, CHANNELS], said)
    mixing = np.concatenate([np.diag(share) for share in network.evenness()])
    even = graph.dense(graph.taps(whole, f"e{ahead}", history, 1, len(EVENLY)), f"e{ahead}", mixing, said)
    name = graph.node("Sigmoid", f"mouth_{ahead * 10:02}ms", [even])
    return graph.value(name, [1, graph.chunk, CHANNELS])


def write(members, path, chunk, metadata, silence):
    """Writes the file of networks with these weights. What the convolutions remember as states is kept against
    what `silence`, normalised bands, makes of them, so that all zeros are a long silence and no mouth moves
    at the start."""
    graph = Graph(chunk)
    graph.inputs.append(graph.value("mel", [1, chunk, BANDS]))
    usual = [np.stack(each)[:, None] for each in zip(*(network.activations(m, silence) for m in members))]
    x = body(graph, members, silence, usual)
    mouths = [head(graph, members, x, usual[-1], ahead) for ahead in LOOK_AHEADS]
    told = helper.make_graph(graph.nodes, "articulation", graph.inputs, mouths + graph.outputs, graph.constants)
    model = helper.make_model(told, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="gst-sonic")
    for key, text in metadata.items():
        model.metadata_props.add(key=key, value=text)
    onnx.checker.check_model(model)
    onnx.save(model, path)
