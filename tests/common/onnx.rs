// SPDX-License-Identifier: MPL-2.0
//! Writes ONNX graphs. Each test binary uses a part of it.
#![allow(dead_code)]

pub const F32: u64 = 1;
pub const I64: u64 = 7;
/// A dimension of any size.
pub const ANY: i64 = -1;

/// A message of Protocol Buffers.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.as_ref().len() as u64);
        self.0.extend(value.as_ref());
        self
    }
}

/// A graph that is being written.
#[derive(Default)]
pub struct Graph {
    graph: Message,
    metadata: Message,
}

impl Graph {
    pub fn node(&mut self, kind: &str, inputs: &[&str], output: &str) {
        self.node_with(kind, inputs, output, Message::default());
    }

    pub fn node_with(&mut self, kind: &str, inputs: &[&str], output: &str, attributes: Message) {
        let mut node = Message::default();
        for input in inputs {
            node = node.bytes(1, input);
        }
        let mut node = node.bytes(2, output).bytes(4, kind);
        node.0.extend(attributes.0);
        self.graph = std::mem::take(&mut self.graph).bytes(1, node.0);
    }

    /// A node with one attribute that is a whole number.
    pub fn node_int(&mut self, kind: &str, inputs: &[&str], output: &str, name: &str, value: u64) {
        let attribute = Message::default().bytes(1, name).number(3, value);
        let attribute = attribute.number(20, 2);
        self.node_with(
            kind,
            inputs,
            output,
            Message::default().bytes(5, attribute.0),
        );
    }

    fn tensor(&mut self, name: &str, kind: u64, shape: &[usize], raw: Vec<u8>) {
        let mut tensor = Message::default();
        for size in shape {
            tensor = tensor.number(1, *size as u64);
        }
        let tensor = tensor.number(2, kind).bytes(8, name).bytes(9, raw);
        self.graph = std::mem::take(&mut self.graph).bytes(5, tensor.0);
    }

    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(name, F32, shape, raw);
    }

    pub fn integers(&mut self, name: &str, shape: &[usize], values: &[i64]) {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(name, I64, shape, raw);
    }

    fn value(name: &str, kind: u64, shape: &[i64]) -> Message {
        let mut dimensions = Message::default();
        for (n, size) in shape.iter().enumerate() {
            let dimension = match u64::try_from(*size) {
                Ok(size) => Message::default().number(1, size),
                Err(_) => Message::default().bytes(2, format!("{name}{n}")),
            };
            dimensions = dimensions.bytes(1, dimension.0);
        }
        let tensor = Message::default().number(1, kind).bytes(2, dimensions.0);
        let kind = Message::default().bytes(1, tensor.0);
        Message::default().bytes(1, name).bytes(2, kind.0)
    }

    pub fn input(&mut self, name: &str, kind: u64, shape: &[i64]) {
        self.graph = std::mem::take(&mut self.graph).bytes(11, Self::value(name, kind, shape).0);
    }

    pub fn output(&mut self, name: &str, kind: u64, shape: &[i64]) {
        self.graph = std::mem::take(&mut self.graph).bytes(12, Self::value(name, kind, shape).0);
    }

    /// Something that the file says of itself.
    pub fn say(&mut self, key: &str, value: &str) {
        let entry = Message::default().bytes(1, key).bytes(2, value);
        self.metadata = std::mem::take(&mut self.metadata).bytes(14, entry.0);
    }

    /// The whole file.
    pub fn model(self) -> Vec<u8> {
        let opset = Message::default().bytes(1, "").number(2, 15);
        let graph = self.graph.bytes(2, "graph");
        let model = Message::default().number(1, 8).bytes(7, graph.0);
        let mut model = model.bytes(8, opset.0);
        model.0.extend(self.metadata.0);
        model.0
    }
}
