// SPDX-License-Identifier: MPL-2.0
//! Piper: neural voices out of the user's own files, `X.onnx` and `X.onnx.json`.
//!
//! eSpeak NG says how a text is pronounced, ONNX Runtime computes the sound. Each voice lives in
//! a thread of its own. The graphs do not tell when each sound happens; see `graph` for how they
//! are brought to.

mod config;
mod graph;
mod symbols;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::SystemTime,
};

use super::{
    Cancel, Delivery, Spoken, Voice, VoiceError,
    choice::pinyin_voice,
    espeak::{Espeak, EspeakVoice, Piece},
    owner::Owner,
};
use crate::onnx::{self, Element, Port, Session, SessionError, Stop, Tensor, Values};
use config::{Config, PhonemeType};
use symbols::{Symbols, Written, bracketed, later, letters};

/// No voice's description is larger, bytes.
const LARGEST_CONFIG: u64 = 8 << 20;
/// Protocol buffers cannot be larger, bytes.
const LARGEST_GRAPH: u64 = 2 << 30;
/// Numbers of a clause: eight times those of the longest that [`super::Clauses`] makes.
const MOST_IDS: usize = 8_192;
/// No clause is longer, s.
const MOST_SECONDS: usize = 120;
/// Threads that compute: more would take the processor from the face.
const MOST_THREADS: usize = 2;

/// One of Piper's voices.
pub struct PiperVoice {
    loaded: Arc<Loaded>,
    speaker: i64,
}

struct Loaded {
    name: String,
    language: String,
    config: Config,
    /// Who says how a text is pronounced; nobody where the voice reads letters.
    pronounces: Option<EspeakVoice>,
    owner: Owner<Session>,
    takes_speaker: bool,
    /// Whether a symbol without a number was warned of.
    warned: AtomicBool,
}

/// Where a voice lies, and from when its files are.
type Key = (PathBuf, [Option<SystemTime>; 2]);

/// The voice that was used last: loading takes a second, and users come back.
static LAST: Mutex<Option<(Key, Arc<Loaded>)>> = Mutex::new(None);

impl PiperVoice {
    /// The voice in a file `X.onnx`, described by `X.onnx.json` or `X.json`; `speaker` is the
    /// name or number of one of its speakers, the first without one.
    ///
    /// # Errors
    /// [`VoiceError::File`], [`VoiceError::NoRuntime`], [`VoiceError::UnknownSpeaker`], or that
    /// eSpeak NG is missing.
    pub fn new(path: &Path, speaker: Option<&str>) -> Result<Self, VoiceError> {
        let json = description(path).map_err(|problem| wrong(path, problem))?;
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let changed = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
        let key = (whole, [changed(path), changed(&json)]);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = match &*last {
            Some((known, loaded)) if *known == key => loaded.clone(),
            _ => {
                let loaded = Arc::new(Loaded::new(path, &json)?);
                *last = Some((key, loaded.clone()));
                loaded
            }
        };
        drop(last);
        let number = loaded.config.speaker(speaker);
        let speaker = number.map_err(|hint| VoiceError::UnknownSpeaker {
            speaker: speaker.unwrap_or_default().to_owned(),
            hint,
        })?;
        Ok(Self { loaded, speaker })
    }
}

/// The file that describes a voice.
fn description(path: &Path) -> Result<PathBuf, String> {
    let longer = PathBuf::from(format!("{}.json", path.display()));
    let shorter = path.with_extension("json");
    let found = [&longer, &shorter].into_iter().find(|p| p.is_file());
    found.cloned().ok_or_else(|| {
        format!(
            "{} is missing; Piper's voices are two files",
            longer.display()
        )
    })
}

fn wrong(path: &Path, problem: impl Into<String>) -> VoiceError {
    VoiceError::File {
        path: path.display().to_string(),
        problem: problem.into(),
    }
}

fn read(path: &Path, largest: u64) -> Result<Vec<u8>, VoiceError> {
    let size = fs::metadata(path).map_err(|e| wrong(path, e.to_string()))?;
    if size.len() > largest {
        return Err(wrong(
            path,
            format!("it is larger than {} MB", largest >> 20),
        ));
    }
    fs::read(path).map_err(|e| wrong(path, e.to_string()))
}

impl Loaded {
    fn new(path: &Path, json: &Path) -> Result<Self, VoiceError> {
        let config = Config::parse(&read(json, LARGEST_CONFIG)?).map_err(|e| wrong(json, e))?;
        let pronounces = match (&config.phoneme_type, &config.espeak) {
            (PhonemeType::Espeak, Some(espeak)) => Some(pronouncing(&espeak.voice)?),
            _ => None,
        };
        let mut bytes = read(path, LARGEST_GRAPH)?;
        let runtime = onnx::runtime().map_err(|e| VoiceError::NoRuntime(e.to_string()))?;
        let marked = graph::tell_lengths(&mut bytes);
        let file = path.to_owned();
        let speakers = config.num_speakers;
        let (owner, (takes_speaker, lengths)) = Owner::start("piper", move || {
            let threads = thread::available_parallelism().map_or(1, usize::from);
            let options = onnx::Options::threads(threads.min(MOST_THREADS));
            let load = |bytes: &[u8]| Session::new(runtime, bytes, options);
            let session = load(&bytes).map_err(|SessionError(problem)| wrong(&file, problem))?;
            check(&session, speakers).map_err(|problem| wrong(&file, problem))?;
            let takes_speaker = session.inputs().iter().any(|p| p.name == "sid");
            let lengths = session.outputs().len() > 1;
            Ok((session, (takes_speaker, lengths)))
        })?;
        let name = path.display().to_string();
        if !lengths {
            tracing::warn!(
                "{name} does not tell when its phones sound: the mouth will follow what is heard"
            );
        }
        tracing::debug!("{name} is loaded, lengths marked: {marked}");
        Ok(Self {
            language: config.tag(),
            name,
            config,
            pronounces,
            owner,
            takes_speaker,
            warned: AtomicBool::new(false),
        })
    }

    /// The numbers of a text.
    fn symbols(&self, text: &str, cancel: &Cancel) -> Result<Symbols, VoiceError> {
        let mut pieces = Vec::new();
        // What stands in brackets is phonemes.
        for (written, at) in bracketed(text) {
            let mut next = match (&self.pronounces, written) {
                (_, Written::Phonemes(phonemes)) => {
                    let word = at..at + phonemes.len();
                    let one = |ipa: char| Piece::Phoneme {
                        ipa: ipa.to_string(),
                        word: Some(word.clone()),
                    };
                    phonemes.chars().map(one).collect()
                }
                (Some(espeak), Written::Text(text)) => espeak.pronounce(text, cancel)?,
                (None, Written::Text(text)) => letters(text),
            };
            if let Written::Text(_) = written {
                later(&mut next, at);
            }
            if !pieces.is_empty() && !next.is_empty() {
                pieces.push(Piece::Gap);
            }
            pieces.append(&mut next);
        }
        let symbols = Symbols::new(&self.config, &pieces);
        if !symbols.unknown.is_empty() && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{} cannot say {:?}, which is left out; this is told once",
                self.name,
                symbols.unknown
            );
        }
        Ok(symbols)
    }
}

/// eSpeak NG's voice of that name, for Chinese the one that reads what we give it.
fn pronouncing(name: &str) -> Result<EspeakVoice, VoiceError> {
    Espeak::get()?.voice(pinyin_voice(name).unwrap_or(name))
}

/// Whether a graph has what it should.
fn check(session: &Session, speakers: i64) -> Result<(), String> {
    let inputs = session.inputs();
    let expect = |name: &str, element: Element, rank: usize| {
        let list = || {
            inputs
                .iter()
                .map(Port::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let port = inputs.iter().find(|p| p.name == name).ok_or_else(|| {
            format!(
                "the graph has no input `{name}`, as Piper's have; it has {}",
                list()
            )
        })?;
        if port.element != element || port.shape.len() != rank {
            return Err(format!(
                "the graph's input is {port}, expected {element} of {rank} dimensions"
            ));
        }
        Ok(())
    };
    expect("input", Element::I64, 2)?;
    expect("input_lengths", Element::I64, 1)?;
    expect("scales", Element::F32, 1)?;
    let known = ["input", "input_lengths", "scales", "sid"];
    if let Some(port) = inputs.iter().find(|p| !known.contains(&p.name.as_str())) {
        return Err(format!(
            "the graph asks for {port}, which no voice of Piper does"
        ));
    }
    let takes_speaker = inputs.iter().any(|p| p.name == "sid");
    if takes_speaker {
        expect("sid", Element::I64, 1)?;
    } else if speakers > 1 {
        return Err(format!(
            "its description has {speakers} speakers, but the graph takes none (input `sid`)"
        ));
    }
    match session.outputs().first() {
        Some(port) if port.element == Element::F32 && port.shape.len() >= 2 => Ok(()),
        Some(port) => Err(format!(
            "the graph's output is {port}, expected samples: f32 of 2 or more dimensions"
        )),
        None => Err("the graph has no output".into()),
    }
}

impl Voice for PiperVoice {
    fn name(&self) -> &str {
        &self.loaded.name
    }

    fn language(&self) -> &str {
        &self.loaded.language
    }

    fn rate(&self) -> u32 {
        self.loaded.config.audio.sample_rate
    }

    fn phonemes(&self, alphabet: &str, phonemes: &str) -> Option<String> {
        let ipa = self.loaded.config.phoneme_type == PhonemeType::Espeak && alphabet == "ipa";
        let plain: String = phonemes.chars().filter(|c| !"[] .".contains(*c)).collect();
        (ipa && !plain.is_empty()).then(|| format!("[[{plain}]]"))
    }

    fn speak(
        &self,
        text: &str,
        delivery: &Delivery,
        cancel: &Cancel,
    ) -> Result<Spoken, VoiceError> {
        let symbols = self.loaded.symbols(text, cancel)?;
        if symbols.is_silent() {
            return Ok(Spoken::default());
        }
        if symbols.ids.len() > MOST_IDS {
            return Err(VoiceError::Failed(format!(
                "{} symbols are more than a clause has",
                symbols.ids.len()
            )));
        }
        let outputs = self.run(&symbols.ids, delivery, cancel)?;
        let rate = self.rate();
        let samples = samples(outputs.first(), rate).map_err(VoiceError::Failed)?;
        let lengths = match outputs.get(1).map(|t| &t.values) {
            Some(Values::F32(frames)) => frames.as_slice(),
            _ => &[],
        };
        let hop = self.loaded.config.hop_length;
        let mut said = symbols
            .spoken(&samples, lengths, hop, rate)
            .unwrap_or_default();
        if self.loaded.config.phoneme_type == PhonemeType::Text {
            // Letters are no phones.
            said.phones.clear();
        }
        said.samples = samples;
        Ok(said)
    }
}

impl PiperVoice {
    fn run(
        &self,
        ids: &[i64],
        delivery: &Delivery,
        cancel: &Cancel,
    ) -> Result<Vec<Tensor>, VoiceError> {
        let failed = |SessionError(problem)| VoiceError::Failed(problem);
        let runtime = onnx::runtime().map_err(|e| VoiceError::NoRuntime(e.to_string()))?;
        let measures = self.loaded.config.inference;
        let length = measures.length_scale / delivery.sane().rate;
        let scales = vec![measures.noise_scale, length, measures.noise_w];
        let whole = |shape: Vec<usize>, values: Vec<i64>| Tensor {
            shape,
            values: Values::I64(values),
        };
        let mut inputs = vec![
            ("input", whole(vec![1, ids.len()], ids.to_vec())),
            ("input_lengths", whole(vec![1], vec![ids.len() as i64])),
            (
                "scales",
                Tensor {
                    shape: vec![3],
                    values: Values::F32(scales),
                },
            ),
        ];
        if self.loaded.takes_speaker {
            inputs.push(("sid", whole(vec![1], vec![self.speaker])));
        }
        let stop = Stop::new(runtime).map_err(failed)?;
        let own = stop.clone();
        let run = move |session: &mut Session| session.run(inputs, &own);
        let answer = self.loaded.owner.ask_or_stop(cancel, || stop.stop(), run)?;
        answer.map_err(failed)
    }
}

/// The samples in the first output, whose last dimension they are.
fn samples(output: Option<&Tensor>, rate: u32) -> Result<Vec<f32>, String> {
    let Some(Tensor {
        shape,
        values: Values::F32(values),
    }) = output
    else {
        return Err("the graph gave no samples".into());
    };
    if shape.last() != Some(&values.len()) {
        return Err(format!("the graph gave samples of shape {shape:?}"));
    }
    if values.len() > MOST_SECONDS * rate as usize {
        return Err(format!("the graph gave more than {MOST_SECONDS} s"));
    }
    let sane = |s: &f32| {
        if s.is_finite() {
            s.clamp(-1.0, 1.0)
        } else {
            0.0
        }
    };
    Ok(values.iter().map(sane).collect())
}
