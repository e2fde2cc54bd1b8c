// SPDX-License-Identifier: MPL-2.0
//! libespeak-ng's `speak_lib.h`, as far as it is used (versions 1.49 to 1.52).

#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    ffi::{CStr, CString, c_char, c_int, c_short, c_uint, c_void},
    marker::PhantomData,
    path::{Path, PathBuf},
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use libloading::Library;

use super::{Package, open, symbol};
use crate::voice::{Cancel, VoiceError};

/// Names of the library, newest interface first.
pub const NAMES: [&str; 2] = ["libespeak-ng.so.1", "libespeak-ng.so"];

const LIBRARY: Package = Package {
    what: "eSpeak NG",
    package: "libespeak-ng1",
};
const DATA: Package = Package {
    what: "the data of eSpeak NG",
    package: "espeak-ng-data",
};

const SYNCHRONOUS: c_int = 2;
const PHONEME_EVENTS: c_int = 1;
const PHONEME_IPA: c_int = 2;
const DONT_EXIT: c_int = 0x8000;
const CHARS_UTF8: c_uint = 1;
/// Phonemes may stand in the text, between `[[` and `]]`.
const PHONEMES: c_uint = 0x100;
const POSITION_CHARACTER: c_int = 1;
const PHONEMES_IPA: c_int = 2;
/// Kept free for separating phonemes; IPA does not use it.
const SEPARATOR: char = '_';

const EVENT_WORD: c_int = 1;
const EVENT_PHONEME: c_int = 7;

/// A clause longer than this is not finished: no clause of sensible text is, s.
const MOST_SECONDS: usize = 120;

#[repr(C)]
struct RawVoice {
    name: *const c_char,
    languages: *const c_char,
    identifier: *const c_char,
    gender: u8,
    age: u8,
    variant: u8,
    unused: u8,
    score: c_int,
    spare: *mut c_void,
}

#[repr(C)]
struct RawEvent {
    kind: c_int,
    identifier: c_uint,
    text_position: c_int,
    length: c_int,
    audio_position: c_int,
    sample: c_int,
    user_data: *mut c_void,
    id: [u8; 8],
}

type Callback = extern "C" fn(*const c_short, c_int, *const RawEvent) -> c_int;

/// The functions, as the header declares them.
struct Functions {
    initialize_path: unsafe extern "C" fn(*const c_char),
    info: unsafe extern "C" fn(*mut *const c_char) -> *const c_char,
    initialize: unsafe extern "C" fn(c_int, c_int, *const c_char, c_int) -> c_int,
    set_callback: unsafe extern "C" fn(Callback),
    list: unsafe extern "C" fn(*const RawVoice) -> *const *const RawVoice,
    set_voice: unsafe extern "C" fn(*const c_char) -> c_int,
    set_parameter: unsafe extern "C" fn(c_int, c_int, c_int) -> c_int,
    to_phonemes: unsafe extern "C" fn(*mut *const c_void, c_int, c_int) -> *const c_char,
    synthesize: unsafe extern "C" fn(
        *const c_void,
        usize,
        c_uint,
        c_int,
        c_uint,
        c_uint,
        *mut c_uint,
        *mut c_void,
    ) -> c_int,
}

/// A voice or variant as the library lists it.
pub struct Listed {
    /// What people call it.
    pub name: String,
    /// Its file; this selects it.
    pub identifier: String,
    /// Language tags in small letters and how well it suits them, 1 being best.
    pub languages: Vec<(u8, String)>,
}

/// Settings of the library that are numbers, by their places in its header.
#[derive(Clone, Copy)]
pub enum Parameter {
    /// Words a minute, 80–450.
    Rate = 1,
    /// 0–100, an octave below to an octave above 50.
    Pitch = 3,
    /// Units of 10 ms at normal rate.
    WordGap = 7,
}

/// What happens at a sample.
pub enum Happening {
    /// A word begins: that many characters of the text, from the one of that place on.
    Word {
        /// Counted from 0.
        at: usize,
        /// At least 1.
        length: usize,
    },
    /// A phone begins; empty in a pause.
    Phone(String),
}

/// How a part of a text is said.
pub struct Said {
    ipa: String,
    /// The byte of the text up to which the library has read: up to a character behind the part.
    pub end: usize,
}

/// What came out of a synthesis.
#[derive(Default)]
pub struct Output {
    /// Mono.
    pub samples: Vec<i16>,
    /// In order of their samples.
    pub happenings: Vec<(u64, Happening)>,
}

/// What the callback fills while a synthesis runs.
struct Collector {
    output: Output,
    rate: u32,
    cancel: Cancel,
}

thread_local! {
    static COLLECTOR: RefCell<Option<Collector>> = const { RefCell::new(None) };
}

/// The library has one state for the whole process.
static OWNED: AtomicBool = AtomicBool::new(false);

struct Ownership;

impl Ownership {
    fn take() -> Option<Self> {
        (!OWNED.swap(true, Ordering::AcqRel)).then_some(Self)
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        OWNED.store(false, Ordering::Release);
    }
}

/// eSpeak NG, ready to speak. There is one at a time, and it stays in its thread.
pub struct Espeak {
    functions: Functions,
    rate: u32,
    voices: Vec<Listed>,
    variants: Vec<Listed>,
    _stays_here: PhantomData<*const ()>,
    _ownership: Ownership,
    _library: Library,
}

impl Espeak {
    /// Loads the library and its data.
    ///
    /// # Errors
    /// If it or its data cannot be used, with the cure; if one is loaded already.
    pub fn load(names: &[&str]) -> Result<Self, VoiceError> {
        let missing = |problem| LIBRARY.missing(problem);
        let library = open(names).map_err(missing)?;
        let functions = Functions::find(&library).map_err(missing)?;
        let ownership = Ownership::take().ok_or_else(|| LIBRARY.missing("it is loaded already"))?;
        if let Some(problem) = data_problem(&functions.data_folder()) {
            return Err(DATA.missing(problem));
        }
        let options = PHONEME_EVENTS | PHONEME_IPA | DONT_EXIT;
        // SAFETY: as the header asks; no path means the default one, which was set above.
        let rate = unsafe { (functions.initialize)(SYNCHRONOUS, 0, ptr::null(), options) };
        let rate = u32::try_from(rate)
            .ok()
            .filter(|rate| (8_000..=192_000).contains(rate))
            .ok_or_else(|| LIBRARY.missing(format!("it did not start ({rate})")))?;
        // SAFETY: the callback has the type that the header asks for and lives for ever.
        unsafe { (functions.set_callback)(collect) };
        let mut loaded = Self {
            functions,
            rate,
            voices: Vec::new(),
            variants: Vec::new(),
            _stays_here: PhantomData,
            _ownership: ownership,
            _library: library,
        };
        loaded.voices = loaded.list(None);
        loaded.variants = loaded.list(Some(c"variant"));
        Ok(loaded)
    }

    /// Samples a second of all it says.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Every voice, variants not among them.
    pub fn voices(&self) -> &[Listed] {
        &self.voices
    }

    /// What can be combined with any voice.
    pub fn variants(&self) -> &[Listed] {
        &self.variants
    }

    /// Speaks with that voice from now on; false if there is none.
    pub fn set_voice(&mut self, identifier: &CStr) -> bool {
        // SAFETY: a string that ends with a zero.
        unsafe { (self.functions.set_voice)(identifier.as_ptr()) == 0 }
    }

    /// Sets a parameter, until the next voice is set.
    pub fn set(&mut self, parameter: Parameter, value: i32) {
        // SAFETY: numbers only; the library limits the values.
        unsafe { (self.functions.set_parameter)(parameter as c_int, value, 0) };
    }

    /// How the voice would say a text, as the library divides it. Phonemes in it are known as
    /// such after the first synthesis only.
    pub fn pronounce(&mut self, text: &CStr) -> Vec<Said> {
        let begin: *const c_void = text.as_ptr().cast();
        let mut rest = begin;
        let mode = PHONEMES_IPA | ((SEPARATOR as c_int) << 8);
        let mut found = Vec::new();
        while !rest.is_null() {
            let before = rest;
            // SAFETY: `rest` points into `text`, which ends with a zero; the answer is a string
            // that stays until the next call.
            let said = unsafe {
                let said = (self.functions.to_phonemes)(&raw mut rest, CHARS_UTF8 as c_int, mode);
                if said.is_null() {
                    break;
                }
                CStr::from_ptr(said)
            };
            let end = if rest.is_null() {
                text.count_bytes()
            } else {
                (rest as usize).saturating_sub(begin as usize)
            };
            found.push(Said {
                ipa: said.to_string_lossy().into_owned(),
                end,
            });
            if rest == before {
                break;
            }
        }
        found
    }

    /// Speaks a text; `None` if it was cancelled or is longer than two minutes.
    pub fn synthesize(&mut self, text: &CStr, cancel: &Cancel) -> Option<Output> {
        if cancel.is_cancelled() {
            return None;
        }
        COLLECTOR.set(Some(Collector {
            output: Output::default(),
            rate: self.rate,
            cancel: cancel.clone(),
        }));
        // SAFETY: the text ends with a zero and its size includes it; the identifier and the
        // user's data may be null.
        let status = unsafe {
            (self.functions.synthesize)(
                text.as_ptr().cast(),
                text.to_bytes_with_nul().len(),
                0,
                POSITION_CHARACTER,
                0,
                CHARS_UTF8 | PHONEMES,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        let collected = COLLECTOR.take()?;
        (status == 0 && !collected.stopped()).then_some(collected.output)
    }

    fn list(&self, language: Option<&CStr>) -> Vec<Listed> {
        let wanted = RawVoice {
            name: ptr::null(),
            languages: language.map_or(ptr::null(), CStr::as_ptr),
            identifier: ptr::null(),
            gender: 0,
            age: 0,
            variant: 0,
            unused: 0,
            score: 0,
            spare: ptr::null_mut(),
        };
        let spec = language.map_or(ptr::null(), |_| &raw const wanted);
        let mut found = Vec::new();
        // SAFETY: the answer is an array of voices that ends with a null pointer, and stays as
        // it is until the next call of this function.
        unsafe {
            let mut next = (self.functions.list)(spec);
            while !next.is_null() && !(*next).is_null() {
                found.push(listed(&**next));
                next = next.add(1);
            }
        }
        found
    }
}

impl Functions {
    fn find(library: &Library) -> Result<Self, String> {
        // SAFETY: the types are those of the header, and the library is kept beside them.
        unsafe {
            Ok(Self {
                initialize_path: symbol(library, "espeak_ng_InitializePath")?,
                info: symbol(library, "espeak_Info")?,
                initialize: symbol(library, "espeak_Initialize")?,
                set_callback: symbol(library, "espeak_SetSynthCallback")?,
                list: symbol(library, "espeak_ListVoices")?,
                set_voice: symbol(library, "espeak_SetVoiceByName")?,
                set_parameter: symbol(library, "espeak_SetParameter")?,
                to_phonemes: symbol(library, "espeak_TextToPhonemes")?,
                synthesize: symbol(library, "espeak_Synth")?,
            })
        }
    }

    /// Where the library will look for its data.
    fn data_folder(&self) -> PathBuf {
        let mut path = ptr::null();
        // SAFETY: no path means the default one; the answer is a string of the library's.
        unsafe {
            (self.initialize_path)(ptr::null());
            (self.info)(&raw mut path);
            PathBuf::from(string(path))
        }
    }
}

/// What is wrong with a folder of data: with broken ones the library prints or crashes.
fn data_problem(folder: &Path) -> Option<String> {
    ["phontab", "phonindex", "phondata", "intonations"]
        .iter()
        .map(|name| folder.join(name))
        .find(|file| !file.metadata().is_ok_and(|m| m.is_file() && m.len() > 0))
        .map(|file| format!("{} is missing or empty", file.display()))
}

/// # Safety
/// `text` must be null or a string that ends with a zero.
unsafe fn string(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// # Safety
/// The voice must be one of the library's: languages are pairs of a priority and a string, and
/// end with a zero.
unsafe fn listed(voice: &RawVoice) -> Listed {
    let mut languages = Vec::new();
    // SAFETY: the caller's promise.
    unsafe {
        let mut next = voice.languages;
        while !next.is_null() && *next != 0 {
            let tag = CStr::from_ptr(next.add(1));
            let name = tag.to_string_lossy().to_ascii_lowercase();
            languages.push((*next as u8, name));
            next = next.add(1 + tag.count_bytes() + 1);
        }
        Listed {
            name: string(voice.name),
            identifier: string(voice.identifier),
            languages,
        }
    }
}

impl Said {
    /// Its phonemes in groups that mostly are words; changes of language are left out.
    pub fn groups(&self) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        self.ipa.split([' ', '\n']).map(|group| {
            let names = group.split(SEPARATOR);
            names.filter(|name| !name.is_empty() && !name.starts_with('('))
        })
    }
}

impl Collector {
    fn stopped(&self) -> bool {
        self.cancel.is_cancelled() || self.output.samples.len() > MOST_SECONDS * self.rate as usize
    }

    fn event(&mut self, event: &RawEvent) {
        let happening = match event.kind {
            // One without length stands at the end of a clause and is no word.
            EVENT_WORD if event.length > 0 => Happening::Word {
                at: usize::try_from(event.text_position.saturating_sub(1)).unwrap_or(0),
                length: usize::try_from(event.length).unwrap_or(1),
            },
            EVENT_PHONEME => {
                let end = event.id.iter().position(|b| *b == 0).unwrap_or(8);
                Happening::Phone(String::from_utf8_lossy(&event.id[..end]).into_owned())
            }
            _ => return,
        };
        // The sample is exact, but the header calls it internal; the time in ms is official.
        let official = u64::try_from(event.audio_position).unwrap_or(0) * u64::from(self.rate);
        let exact = u64::try_from(event.sample).unwrap_or(0);
        let agree = (exact * 1000).abs_diff(official) <= 2 * u64::from(self.rate);
        let at = if agree { exact } else { official / 1000 };
        let last = self.output.happenings.last().map_or(0, |(at, _)| *at);
        self.output.happenings.push((at.max(last), happening));
    }
}

/// Called by the library with each piece of sound, some 50 ms; 1 stops it.
extern "C" fn collect(samples: *const c_short, count: c_int, events: *const RawEvent) -> c_int {
    let collected = COLLECTOR.try_with(|collector| {
        let mut collector = collector.try_borrow_mut().ok()?;
        let collector = collector.as_mut()?;
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: the library's promise: that many samples, and events up to one of kind 0.
        unsafe {
            if !samples.is_null() {
                let samples = std::slice::from_raw_parts(samples, count);
                collector.output.samples.extend_from_slice(samples);
            }
            let mut next = events;
            while !next.is_null() && (*next).kind != 0 {
                collector.event(&*next);
                next = next.add(1);
            }
        }
        (!collector.stopped()).then_some(())
    });
    c_int::from(!matches!(collected, Ok(Some(()))))
}

/// A text for the library: nothing in it may be a zero.
pub fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}
