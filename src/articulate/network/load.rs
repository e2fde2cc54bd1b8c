// SPDX-License-Identifier: MPL-2.0
//! From a file to a network that runs: what can be set, and what can be wrong.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    contract::{Contract, Head, LOOK_AHEAD_KEY},
    decode::Decoder,
    normalise::Normaliser,
    steps::Steps,
};
use crate::{
    audio::mel::{HOP, SILENCE, WINDOW},
    onnx::{self, Options, Provider, Runtime, RuntimeError, Session, SessionError, Stepper},
};

/// The network that this project trains (`training/`).
static BUILT_IN: &[u8] = include_bytes!("../../../assets/articulation.onnx");
/// No file of a network is larger, bytes.
const LARGEST_GRAPH: u64 = 256 << 20;
/// ns of a sample at 16 kHz.
const SAMPLE_NS: u64 = 62_500;

/// How long after an instant a network may still listen before it says what the mouth does
/// there, ns: 120 ms, as long as nothing else is asked for.
pub const LOOK_AHEAD: u64 = 120_000_000;

/// Which network, and how it is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkOptions {
    /// The file of a graph (docs/articulation.md says what it must be like); the built-in one
    /// without.
    pub graph: Option<PathBuf>,
    /// What computes it.
    pub provider: Provider,
    /// Threads that compute, at least 1.
    pub threads: usize,
    /// How much sound after an instant it may wait for, ns. Of several outputs the one that
    /// looks ahead furthest within is taken.
    pub look_ahead: u64,
}

impl Default for NetworkOptions {
    /// The built-in network on one thread of the processor, [`LOOK_AHEAD`].
    fn default() -> Self {
        Self {
            graph: None,
            provider: Provider::Cpu,
            threads: 1,
            look_ahead: LOOK_AHEAD,
        }
    }
}

/// Why there is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// ONNX Runtime is missing, too old, or does not start.
    #[error(transparent)]
    NoRuntime(#[from] RuntimeError),
    /// The execution provider that is asked for cannot be had.
    #[error("{problem}; the ONNX Runtime in {} has {}", library.display(), available.join(", "))]
    Provider {
        /// What is wrong with it.
        problem: String,
        /// The library.
        library: PathBuf,
        /// Names of those that the library was built with.
        available: Vec<&'static str>,
    },
    /// The file cannot be used.
    #[error("{file}: {problem}")]
    Graph {
        /// Its name.
        file: String,
        /// What is wrong with it; of a graph that is no network for this, what was expected and
        /// what was found.
        problem: String,
    },
    /// No output does with as little sound as is asked for.
    #[error(
        "{} ms of look-ahead are too few for {file}: it needs at least {} ms",
        ms(*wanted),
        ms(*needed)
    )]
    LookAhead {
        /// The network.
        file: String,
        /// What was asked for, ns.
        wanted: u64,
        /// The least that does, ns.
        needed: u64,
    },
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// A network that was loaded and has run once.
pub(super) struct Loaded {
    pub steps: Steps,
    pub look_ahead: u64,
    pub name: String,
}

impl Loaded {
    pub(super) fn new(options: &NetworkOptions) -> Result<Self, NetworkError> {
        let runtime = onnx::runtime()?;
        check_provider(runtime, options.provider)?;
        let file = options.graph.as_ref();
        let file = file.map_or("the built-in network".into(), |f| f.display().to_string());
        let wrong = |problem: String| NetworkError::Graph {
            file: file.clone(),
            problem,
        };
        let read = options.graph.as_deref().map(read).transpose();
        let read = read.map_err(wrong)?;
        let session = Options {
            threads: options.threads,
            provider: options.provider,
            steady: true,
        };
        let graph = read.as_deref().unwrap_or(BUILT_IN);
        let failed = |SessionError(problem): SessionError| wrong(problem);
        let session = Session::new(runtime, graph, session).map_err(failed)?;
        let contract = Contract::of(
            session.inputs(),
            session.outputs(),
            session.metadata(LOOK_AHEAD_KEY).as_deref(),
        )
        .map_err(wrong)?;
        let head =
            furthest(&contract, options.look_ahead).map_err(|needed| NetworkError::LookAhead {
                file: file.clone(),
                wanted: options.look_ahead,
                needed,
            })?;
        let name = session.metadata("model_name").unwrap_or(file.clone());
        let stepper =
            Stepper::new(session, &contract.shapes, contract.wanted(&head)).map_err(failed)?;
        let mut steps = Steps::new(stepper, &contract, &head);
        let silence = Normaliser::new().normalise(&SILENCE);
        // What ONNX Runtime prepares in a first run is not to be waited for in the stream, and
        // sizes that the graph leaves open show.
        steps.begin(&silence).map_err(failed)?;
        Ok(Self {
            steps,
            look_ahead: look_ahead(&contract, &head),
            name,
        })
    }
}

/// Samples of sound after an instant that an output needs: its own look-ahead, the rest of its
/// frames, the window of the last, what the decoder waits for, and the step to the next mouth.
fn look_ahead(contract: &Contract, head: &Head) -> u64 {
    let frames = head.frames + contract.frames + Decoder::LOOK_AHEAD;
    (frames * HOP + WINDOW / 2) as u64
}

/// The output that looks ahead furthest within so many ns, or the least that would do.
fn furthest(contract: &Contract, within: u64) -> Result<Head, u64> {
    let needs = |head: &Head| look_ahead(contract, head) * SAMPLE_NS;
    let best = contract.heads.iter().rfind(|head| needs(head) <= within);
    best.cloned()
        .ok_or_else(|| contract.heads.first().map_or(0, needs))
}

fn check_provider(runtime: &Runtime, provider: Provider) -> Result<(), NetworkError> {
    provider
        .check(runtime)
        .map_err(|SessionError(problem)| NetworkError::Provider {
            problem,
            library: runtime.path().to_owned(),
            available: Provider::ALL
                .into_iter()
                .filter(|p| p.is_available(runtime))
                .map(Provider::name)
                .collect(),
        })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let meta = fs::metadata(path).map_err(|e| e.to_string())?;
    if !meta.is_file() {
        return Err("it is not a file".into());
    }
    if meta.len() > LARGEST_GRAPH {
        return Err(format!(
            "it is larger than {} MiB, which no network for this is",
            LARGEST_GRAPH >> 20
        ));
    }
    fs::read(path).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_output_within_the_look_ahead_is_taken() {
        let head = |frames| Head {
            name: format!("mouth_{frames}0ms"),
            frames,
        };
        let contract = Contract {
            frames: 2,
            mel: 0,
            shapes: vec![],
            states: vec![],
            heads: vec![head(4), head(8), head(12)],
        };
        let frames = |ms: u64| furthest(&contract, ms * 1_000_000).map(|h| h.frames);
        // (8 + 2) frames of 10 ms and half a window of 25 ms.
        assert_eq!(frames(112), Ok(4));
        assert_eq!(frames(113), Ok(8));
        assert_eq!(frames(1_000), Ok(12));
        assert_eq!(frames(72), Err(72_500_000));
    }
}
