# SPDX-License-Identifier: MPL-2.0
"""The ONNX file: several networks of one kind side by side, whose mean it tells.

It is small, and each operation costs more than what it works on: so there are as few as possible. All looks ahead
come out of the same operations, and what is remembered is kept against what it is in a long silence, so that states of
zeros are one and no mouth moves at the start.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import network
from network import BANDS, CHANNELS, DILATIONS, EVENLY, FRONT, HIDDEN, KERNEL, LOOK_AHEADS, SMOOTHING, WIDTH


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

    def taps(self, x, name, shape, count, dilation=1):
        """Of x, [network, chunk, number], frames 0, dilation, 2·dilation… before each, side by side. The state that this
        takes is of this shape: [network, frames, number]."""
        networks, history, numbers = shape
        self.inputs.append(self.value(f"state_{name}", shape))
        whole = self.node("Concat", f"{name}_whole", [f"state_{name}", x], axis=1)
        first = self.constant(f"{name}_first", np.array([self.chunk], np.int64))
        last = self.constant(f"{name}_last", np.array([self.chunk + history], np.int64))
        self.node("Slice", f"state_{name}_next", [whole, first, last, "axis_1"])
        self.outputs.append(self.value(f"state_{name}_next", shape))
        at = history + np.arange(self.chunk)[:, None] - dilation * np.arange(count)
        frames = self.node("Gather", f"{name}_frames", [whole, self.constant(f"{name}_at", np.int64(at))], axis=1)
        beside = self.constant(f"{name}_beside", np.array([networks, self.chunk, count * numbers], np.int64))
        return self.node("Reshape", f"{name}_taps", [frames, beside])

    def dense(self, x, name, weight, bias):
        """Weights [network, from, to] and bias [network, 1, to], or the same for all."""
        product = self.node("MatMul", f"{name}_product", [x, self.constant(f"{name}_w", np.float32(weight))])
        return self.node("Add", f"{name}_sum", [product, self.constant(f"{name}_b", np.float32(bias))])

    def swish(self, x, name):
        return self.node("Mul", f"{name}_swish", [x, self.node("Sigmoid", f"{name}_gate", [x])])


def swish(x):
    return x / (1 + np.exp(-x))


class Stack:
    """The weights of several networks: [network, from, to], and [network, 1, to] of biases."""

    def __init__(self, members):
        self.members = members

    def __len__(self):
        return len(self.members)

    def weight(self, name):
        return np.stack([np.asarray(m[name], np.float64) for m in self.members])

    def bias(self, name):
        return self.weight(name)[:, None]

    def heads(self):
        """All looks ahead as one: weights and biases into the hidden layer, and out of it."""
        beside = lambda of, name: np.concatenate([of(f"{name}{ahead}") for ahead in LOOK_AHEADS], -1)
        into, into_bias = beside(self.weight, "h"), beside(self.bias, "hb")
        out = np.zeros((len(self), HIDDEN * len(LOOK_AHEADS), CHANNELS * len(LOOK_AHEADS)))
        for k, ahead in enumerate(LOOK_AHEADS):
            own = self.weight(f"o{ahead}")[..., :CHANNELS]
            out[:, k * HIDDEN:(k + 1) * HIDDEN, k * CHANNELS:(k + 1) * CHANNELS] = own
        out_bias = np.concatenate([self.bias(f"ob{ahead}")[..., :CHANNELS] for ahead in LOOK_AHEADS], -1)
        return into, into_bias, out, out_bias


def body(graph, stack, silence, usual):
    """The convolutions, less what a long silence makes of them: `usual`, [network, 1, width] before each and behind all."""
    mel = graph.node("Sub", "mel_now", ["mel", graph.constant("silence", np.float32(silence))])
    x = graph.taps(mel, "in", [1, FRONT - 1, BANDS], FRONT)
    smooth = np.kron(np.eye(FRONT), SMOOTHING)
    at_rest = stack.bias("in_b") + (np.tile(silence @ SMOOTHING, FRONT) @ stack.weight("in"))[:, None]
    x = graph.swish(graph.dense(x, "in", smooth @ stack.weight("in"), at_rest), "in")
    x = graph.node("Sub", "x", [x, graph.constant("usual", np.float32(usual[0]))])
    for i, dilation in enumerate(DILATIONS):
        inner = graph.taps(x, f"{i}", [len(stack), (KERNEL - 1) * dilation, WIDTH], KERNEL, dilation)
        at_rest = stack.bias(f"ab{i}") + np.tile(usual[i], KERNEL) @ stack.weight(f"a{i}")
        inner = graph.swish(graph.dense(inner, f"a{i}", stack.weight(f"a{i}"), at_rest), f"a{i}")
        outer = stack.bias(f"cb{i}") - (usual[i + 1] - usual[i])
        x = graph.node("Add", f"x{i}", [x, graph.dense(inner, f"c{i}", stack.weight(f"c{i}"), outer)])
    return x


def mouths(graph, stack, x, usual):
    """The mouths of all looks ahead: the mean of the networks, made even."""
    into, into_bias, out, out_bias = stack.heads()
    at_rest = into_bias + usual @ into
    said = swish(at_rest) @ out + out_bias
    mean = said.mean(0)[0]
    hidden = graph.swish(graph.dense(x, "h", into, at_rest), "h")
    each = graph.dense(hidden, "o", out / len(stack), (out_bias - mean) / len(stack))
    all_of_them = graph.node("ReduceSum", "mean", [each, graph.constant("axis_0", np.array([0], np.int64))], keepdims=1)
    beside = graph.taps(all_of_them, "o", [1, len(EVENLY) - 1, len(mean)], len(EVENLY))
    mixing = np.concatenate([np.diag(np.tile(share, len(LOOK_AHEADS))) for share in network.evenness()])
    told = graph.node("Sigmoid", "mouths", [graph.dense(beside, "even", mixing, mean)])
    names = [f"mouth_{ahead * 10:02}ms" for ahead in LOOK_AHEADS]
    parts = graph.constant("parts", np.full(len(names), CHANNELS, np.int64))
    graph.nodes.append(helper.make_node("Split", [told, parts], names, name="split", axis=2))
    return [graph.value(name, [1, graph.chunk, CHANNELS]) for name in names]


def write(members, path, chunk, metadata, silence):
    """Writes the file of networks with these weights. `silence` are normalised bands: [BANDS]."""
    graph, stack = Graph(chunk), Stack(members)
    graph.inputs.append(graph.value("mel", [1, chunk, BANDS]))
    usual = [np.stack(each)[:, None] for each in zip(*(network.activations(m, silence) for m in members))]
    told = mouths(graph, stack, body(graph, stack, silence, usual), usual[-1])
    whole = helper.make_graph(graph.nodes, "articulation", graph.inputs, told + graph.outputs, graph.constants)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="gst-sonic")
    for key, text in metadata.items():
        model.metadata_props.add(key=key, value=text)
    onnx.checker.check_model(model)
    onnx.save(model, path)
