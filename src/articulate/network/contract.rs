// SPDX-License-Identifier: MPL-2.0
//! [`Contract`]: what a graph must be like to move a mouth, and what one is like.

use super::decode::CHANNELS;
use crate::{
    audio::mel::BANDS,
    onnx::{Element, Port, Wanted},
};

/// The input that takes the sound.
const MEL: &str = "mel";
/// The output with the mouth, or the beginning of its name where there are several.
const MOUTH: &str = "mouth";
/// What the name of a state's input has added in the output with its next value.
const NEXT: &str = "_next";
/// What a graph that leaves it open gets at a time, frames.
const FRAMES: usize = 2;
/// No graph takes more at a time, frames.
const MOST_FRAMES: usize = 100;
/// A frame's length, ms.
const FRAME_MS: u32 = 10;
/// No output looks further ahead, ms.
const FURTHEST_MS: u32 = 2_000;
/// No state has more numbers.
const LARGEST_STATE: usize = 1 << 24;

/// The key of the metadata that says how far ahead the only output looks.
pub(super) const LOOK_AHEAD_KEY: &str = "look_ahead_ms";

/// An output with mouths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub name: String,
    /// Frames that it looks ahead: output row i is the mouth at input frame i − `frames`.
    pub frames: usize,
}

/// What is known of a graph that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contract {
    /// Frames at a time.
    pub frames: usize,
    /// The place of the input with the sound.
    pub mel: usize,
    /// The shape of each input.
    pub shapes: Vec<Vec<usize>>,
    /// States: the place of the input, and the output with its next value.
    pub states: Vec<(usize, String)>,
    /// Mouths, by how far they look ahead.
    pub heads: Vec<Head>,
}

impl Contract {
    /// Of a graph with these inputs and outputs; `look_ahead` is what its metadata say.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub(super) fn of(
        inputs: &[Port],
        outputs: &[Port],
        look_ahead: Option<&str>,
    ) -> Result<Self, String> {
        let mel = inputs.iter().position(|p| p.name == MEL).ok_or_else(|| {
            format!(
                "expected an input `{MEL}` f32[1, K, {BANDS}] and found {}",
                listed(inputs, "input")
            )
        })?;
        let frames = frames(&inputs[mel])?;
        let mut contract = Self {
            frames,
            mel,
            shapes: Vec::with_capacity(inputs.len()),
            states: Vec::new(),
            heads: heads(outputs, frames, look_ahead)?,
        };
        for (place, input) in inputs.iter().enumerate() {
            if place == mel {
                contract.shapes.push(vec![1, frames, BANDS]);
                continue;
            }
            let (shape, next) = state(input, outputs)?;
            contract.shapes.push(shape);
            contract.states.push((place, next));
        }
        Ok(contract)
    }

    /// What is wanted of each step: the mouths first, then the states.
    pub(super) fn wanted(&self, head: &Head) -> Vec<Wanted> {
        let mouths = Wanted {
            name: head.name.clone(),
            shape: vec![1, self.frames, CHANNELS],
            feeds: None,
        };
        let states = self.states.iter().map(|(place, next)| Wanted {
            name: next.clone(),
            shape: self.shapes[*place].clone(),
            feeds: Some(*place),
        });
        std::iter::once(mouths).chain(states).collect()
    }
}

/// Frames at a time, by the shape of the input with the sound.
fn frames(mel: &Port) -> Result<usize, String> {
    let refused = || {
        format!(
            "expected the input `{MEL}` to be f32[1, K, {BANDS}], K from 1 to {MOST_FRAMES} or \
             left open, and found {mel}"
        )
    };
    match (&mel.element, mel.shape.as_slice()) {
        (Element::F32, &[batch, frames, bands])
            if matches!(batch, -1 | 1) && is_size(bands, BANDS) =>
        {
            match usize::try_from(frames) {
                Err(_) => Ok(FRAMES),
                Ok(frames) if (1..=MOST_FRAMES).contains(&frames) => Ok(frames),
                Ok(_) => Err(refused()),
            }
        }
        _ => Err(refused()),
    }
}

/// The shape of a state and the output with its next value.
fn state(input: &Port, outputs: &[Port]) -> Result<(Vec<usize>, String), String> {
    let next = format!("{}{NEXT}", input.name);
    let sizes: Option<Vec<usize>> = input
        .shape
        .iter()
        .map(|n| usize::try_from(*n).ok().filter(|n| *n > 0))
        .collect();
    let numbers = |s: &Vec<usize>| s.iter().try_fold(1usize, |all, n| all.checked_mul(*n));
    let shape = sizes
        .filter(|s| numbers(s).is_some_and(|n| n <= LARGEST_STATE))
        .filter(|_| input.element == Element::F32)
        .ok_or_else(|| {
            format!(
                "expected the state {input} to be f32 and of a fixed shape (every input but \
                 `{MEL}` is a state)"
            )
        })?;
    let output = outputs.iter().find(|p| p.name == next).ok_or_else(|| {
        format!(
            "expected an output `{next}` with the next value of the state {input} (every input \
             but `{MEL}` is a state) and found {}",
            listed(outputs, "output")
        )
    })?;
    let fits = output.element == Element::F32
        && output.shape.len() == shape.len()
        && (output.shape.iter().zip(&shape)).all(|(n, size)| is_size(*n, *size));
    if !fits {
        return Err(format!(
            "expected the output {output} to be like the state {input} that it is the next value \
             of"
        ));
    }
    Ok((shape, next))
}

/// The outputs with mouths, by how far they look ahead.
fn heads(outputs: &[Port], frames: usize, look_ahead: Option<&str>) -> Result<Vec<Head>, String> {
    let mut heads = Vec::new();
    for output in outputs {
        let Some(ms) = promised(&output.name, look_ahead)? else {
            continue;
        };
        if ms % FRAME_MS != 0 || ms > FURTHEST_MS {
            return Err(format!(
                "expected the look-ahead of {output} to be a multiple of {FRAME_MS} ms up to \
                 {FURTHEST_MS} and found {ms}"
            ));
        }
        let fits = output.element == Element::F32
            && matches!(*output.shape, [batch, rows, channels]
                if is_size(batch, 1) && is_size(rows, frames) && is_size(channels, CHANNELS));
        if !fits {
            return Err(format!(
                "expected the output `{}` to be f32[1, {frames}, {CHANNELS}] (jaw, wide, round, \
                 upper, closure, lip_teeth, tongue) and found {output}",
                output.name
            ));
        }
        heads.push(Head {
            name: output.name.clone(),
            frames: (ms / FRAME_MS) as usize,
        });
    }
    if heads.is_empty() {
        return Err(format!(
            "expected an output `{MOUTH}` or `{MOUTH}_60ms` (or another multiple of {FRAME_MS}) \
             f32[1, {frames}, {CHANNELS}] and found {}",
            listed(outputs, "output")
        ));
    }
    heads.sort_by_key(|head| head.frames);
    Ok(heads)
}

/// How far an output of that name looks ahead, ms; `None` if it has no mouths.
fn promised(name: &str, metadata: Option<&str>) -> Result<Option<u32>, String> {
    if name == MOUTH {
        let found = metadata.map_or("none".into(), |text| format!("`{text}`"));
        return match metadata.and_then(|text| text.trim().parse().ok()) {
            Some(ms) => Ok(Some(ms)),
            None => Err(format!(
                "expected the metadata to say under `{LOOK_AHEAD_KEY}` how far the output \
                 `{MOUTH}` looks ahead, and found {found}"
            )),
        };
    }
    let ms = name
        .strip_prefix(MOUTH)
        .and_then(|rest| rest.strip_prefix('_')?.strip_suffix("ms"))
        .filter(|digits| digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit()));
    Ok(ms.and_then(|digits| digits.parse().ok()))
}

/// Whether a dimension is that size, or left open.
fn is_size(dimension: i64, size: usize) -> bool {
    dimension == -1 || usize::try_from(dimension) == Ok(size)
}

fn listed(ports: &[Port], kind: &str) -> String {
    if ports.is_empty() {
        return format!("no {kind}");
    }
    let all: Vec<String> = ports.iter().map(ToString::to_string).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, shape: &[i64]) -> Port {
        Port {
            name: name.into(),
            element: Element::F32,
            shape: shape.to_vec(),
        }
    }

    #[test]
    fn states_and_heads_are_found() {
        let inputs = [port("h", &[1, 8]), port("mel", &[1, 4, 40])];
        let outputs = [
            port("mouth_100ms", &[1, 4, 7]),
            port("h_next", &[1, 8]),
            port("mouth_40ms", &[1, 4, 7]),
            port("loudness", &[3]),
        ];
        let contract = Contract::of(&inputs, &outputs, None).expect("a good graph");
        assert_eq!((contract.frames, contract.mel), (4, 1));
        assert_eq!(contract.shapes, [vec![1, 8], vec![1, 4, 40]]);
        assert_eq!(contract.states, [(0, "h_next".into())]);
        let frames: Vec<_> = contract.heads.iter().map(|h| h.frames).collect();
        assert_eq!(frames, [4, 10]);
        let wanted = contract.wanted(&contract.heads[0]);
        let names: Vec<_> = wanted.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["mouth_40ms", "h_next"]);
        assert_eq!(wanted[1].feeds, Some(0));
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        let inputs = [port("mel", &[-1, -1, 40])];
        let outputs = [port("mouth", &[-1, -1, 7])];
        let contract = Contract::of(&inputs, &outputs, Some(" 70 ")).expect("a good graph");
        assert_eq!(contract.frames, 2);
        assert_eq!(contract.heads[0].frames, 7);
    }

    /// Every error says what was expected and what was found.
    #[test]
    fn what_is_wrong_is_told() {
        let mel = || port("mel", &[1, 2, 40]);
        let mouth = || port("mouth", &[1, 2, 7]);
        let whole = Port {
            element: Element::I64,
            ..mel()
        };
        let text = Port {
            element: Element::Other("String".into()),
            ..port("h", &[1])
        };
        let told = |inputs: &[Port], outputs: &[Port], key: Option<&str>, words: &[&str]| {
            let error = Contract::of(inputs, outputs, key).expect_err("a wrong graph");
            for word in words.iter().chain(&["expected"]) {
                assert!(error.contains(word), "{error}: no {word}");
            }
        };
        let ms = Some("60");
        told(&[], &[mouth()], ms, &["`mel`", "no input"]);
        told(&[port("x", &[3])], &[mouth()], ms, &["`mel`", "`x` f32[3]"]);
        told(
            &[whole],
            &[mouth()],
            ms,
            &["f32[1, K, 40]", "i64[1, 2, 40]"],
        );
        let narrow = port("mel", &[1, 2, 80]);
        told(&[narrow], &[mouth()], ms, &["40", "f32[1, 2, 80]"]);
        told(&[port("mel", &[2, 40])], &[mouth()], ms, &["f32[2, 40]"]);
        told(&[port("mel", &[1, 0, 40])], &[mouth()], ms, &["[1, 0, 40]"]);
        told(&[mel()], &[], ms, &["`mouth`", "no output"]);
        told(&[mel()], &[port("muoth", &[1, 2, 7])], ms, &["`muoth`"]);
        told(&[mel()], &[mouth()], None, &["look_ahead_ms", "none"]);
        told(&[mel()], &[mouth()], Some("soon"), &["`soon`"]);
        told(&[mel()], &[mouth()], Some("65"), &["multiple of 10", "65"]);
        let odd = port("mouth_15ms", &[1, 2, 7]);
        told(&[mel()], &[odd], None, &["multiple of 10", "15"]);
        told(&[mel()], &[port("mouth", &[1, 2, 15])], ms, &["jaw", "15]"]);
        told(&[mel()], &[port("mouth", &[1, 3, 7])], ms, &["[1, 3, 7]"]);
        let open = port("h", &[1, -1]);
        told(&[mel(), open], &[mouth()], ms, &["state", "`h` f32[1, -1]"]);
        told(&[mel(), text], &[mouth()], ms, &["state", "String"]);
        let state = || port("h", &[1, 8]);
        told(&[mel(), state()], &[mouth()], ms, &["`h_next`", "`mouth`"]);
        let other = port("h_next", &[1, 9]);
        told(
            &[mel(), state()],
            &[mouth(), other],
            ms,
            &["f32[1, 9]", "f32[1, 8]"],
        );
    }
}
