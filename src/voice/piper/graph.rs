// SPDX-License-Identifier: MPL-2.0
//! The one change that is made to a voice's graph: it shall also tell how long each symbol lasts.
//!
//! Voices as they are exported give samples only. Inside, the frames of each symbol are rounded
//! up by the graph's one node `Ceil`, whose output is marked as one of the graph's here. Protocol
//! buffers join messages that follow each other, so that appending a second, nearly empty graph
//! to the file is enough.

/// Fields of the ONNX messages ModelProto, GraphProto, NodeProto and ValueInfoProto.
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_OUTPUT: u64 = 12;
const NODE_OUTPUT: u64 = 2;
const NODE_TYPE: u64 = 4;
const VALUE_NAME: u64 = 1;

/// Marks the lengths as an output, if the graph has one output and one `Ceil`; whether it did.
pub(super) fn tell_lengths(graph: &mut Vec<u8>) -> bool {
    let Some(name) = lengths(graph) else {
        return false;
    };
    let value = message(VALUE_NAME, &name);
    let output = message(GRAPH_OUTPUT, &value);
    graph.extend(message(MODEL_GRAPH, &output));
    true
}

/// The name of the lengths, if the graph does not tell them yet.
fn lengths(model: &[u8]) -> Option<Vec<u8>> {
    let mut outputs = 0;
    let mut found = Vec::new();
    for (_, graph) in fields(model)?.into_iter().filter(|f| f.0 == MODEL_GRAPH) {
        for (number, field) in fields(graph)? {
            match number {
                GRAPH_OUTPUT => outputs += 1,
                GRAPH_NODE => found.extend(rounded(field)),
                _ => {}
            }
        }
    }
    match (outputs, found.as_slice()) {
        (1, [name]) => Some(name.to_vec()),
        _ => None,
    }
}

/// The output of a node that rounds up.
fn rounded(node: &[u8]) -> Option<&[u8]> {
    let fields = fields(node)?;
    let is = |n: u64| move |f: &&(u64, &[u8])| f.0 == n;
    let kind = fields.iter().find(is(NODE_TYPE))?.1;
    (kind == b"Ceil").then(|| Some(fields.iter().find(is(NODE_OUTPUT))?.1))?
}

/// The fields of a message with their numbers: contents of those that have a length, nothing of
/// numbers. `None` if it is no message.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let contents = match tag & 7 {
            0 => {
                varint(&mut message)?;
                &[]
            }
            1 => take(&mut message, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                take(&mut message, length)?
            }
            5 => take(&mut message, 4)?,
            _ => return None,
        };
        found.push((tag >> 3, contents));
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7F) << (7 * place);
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// A field that has a length.
fn message(number: u64, contents: &[u8]) -> Vec<u8> {
    let mut field = Vec::with_capacity(contents.len() + 8);
    for mut value in [number << 3 | 2, contents.len() as u64] {
        while value >= 0x80 {
            field.push(value as u8 | 0x80);
            value >>= 7;
        }
        field.push(value as u8);
    }
    field.extend(contents);
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(kind: &str, output: &str) -> Vec<u8> {
        let node = [
            message(NODE_OUTPUT, output.as_bytes()),
            message(NODE_TYPE, kind.as_bytes()),
        ];
        message(GRAPH_NODE, &node.concat())
    }

    fn model(parts: &[Vec<u8>]) -> Vec<u8> {
        // A version number before it.
        let mut model = vec![8, 8];
        model.extend(message(MODEL_GRAPH, &parts.concat()));
        model
    }

    fn output(name: &str) -> Vec<u8> {
        message(GRAPH_OUTPUT, &message(VALUE_NAME, name.as_bytes()))
    }

    #[test]
    fn what_rounds_up_becomes_an_output() {
        let plain = model(&[node("Exp", "w"), node("Ceil", "w_ceil"), output("output")]);
        let mut told = plain.clone();
        assert!(tell_lengths(&mut told));
        assert_eq!(
            told[plain.len()..],
            message(MODEL_GRAPH, &output("w_ceil")),
            "only something is added"
        );
        let mut again = told.clone();
        assert!(!tell_lengths(&mut again) && again == told);
    }

    #[test]
    fn what_is_not_clear_stays_as_it_is() {
        for mut odd in [
            model(&[node("Ceil", "a"), node("Ceil", "b"), output("output")]),
            model(&[node("Exp", "a"), output("output")]),
            model(&[node("Ceil", "a"), output("output"), output("w")]),
            vec![],
        ] {
            let before = odd.clone();
            assert!(!tell_lengths(&mut odd));
            assert_eq!(odd, before);
        }
    }

    proptest! {
        #[test]
        fn nothing_upsets_it(
            cut in 0usize..60,
            at in 0usize..60,
            byte in any::<u8>(),
        ) {
            let mut model = model(&[node("Ceil", "w_ceil"), output("output")]);
            model.truncate(cut);
            if let Some(place) = model.get_mut(at) {
                *place = byte;
            }
            tell_lengths(&mut model);
        }
    }
}
