// SPDX-License-Identifier: MPL-2.0
//! libflite's `flite.h`, as far as it is used (version 2).
//!
//! Where a feature has another type than the one asked for, Flite ends the process: only
//! features whose type is the same in all its voices are asked for.

use std::{
    ffi::{CStr, CString, c_char, c_float, c_int, c_short, c_void},
    marker::PhantomData,
    ptr,
};

use libloading::Library;

use super::{Package, open, symbol};
use crate::voice::{Cancel, VoiceError};

const LIBRARY: Package = Package {
    what: "Flite",
    package: "libflite1",
};

/// Samples between looks for cancellation: Flite makes them in a millisecond or two.
const CANCEL_STEP: c_int = 1_600;
const GO_ON: c_int = 0;
const STOP: c_int = -1;

/// Declares an opaque type of the library.
macro_rules! opaque {
    ($($name:ident)*) => { $(#[repr(C)] struct $name { _private: [u8; 0] })* };
}
opaque!(Features Utterance Relation Item Value);

#[repr(C)]
struct RawVoice {
    name: *const c_char,
    features: *mut Features,
}

#[repr(C)]
struct RawWave {
    kind: *const c_char,
    rate: c_int,
    samples: c_int,
    channels: c_int,
    data: *const c_short,
}

#[repr(C)]
struct RawStreaming {
    piece: c_int,
    callback:
        Option<extern "C" fn(*const RawWave, c_int, c_int, c_int, *const RawStreaming) -> c_int>,
    utterance: *const Utterance,
    item: *const Item,
    user_data: *mut c_void,
}

struct Functions {
    init: unsafe extern "C" fn() -> c_int,
    register: unsafe extern "C" fn(*const c_char) -> *mut RawVoice,
    synthesize: unsafe extern "C" fn(*const c_char, *mut RawVoice) -> *mut Utterance,
    delete_utterance: unsafe extern "C" fn(*mut Utterance),
    wave: unsafe extern "C" fn(*mut Utterance) -> *const RawWave,
    relation: unsafe extern "C" fn(*const Utterance, *const c_char) -> *const Relation,
    has_relation: unsafe extern "C" fn(*const Utterance, *const c_char) -> c_int,
    head: unsafe extern "C" fn(*const Relation) -> *const Item,
    next: unsafe extern "C" fn(*const Item) -> *const Item,
    parent: unsafe extern "C" fn(*const Item) -> *const Item,
    item_as: unsafe extern "C" fn(*const Item, *const c_char) -> *const Item,
    has_feature: unsafe extern "C" fn(*const Item, *const c_char) -> c_int,
    float: unsafe extern "C" fn(*const Item, *const c_char) -> c_float,
    string: unsafe extern "C" fn(*const Item, *const c_char) -> *const c_char,
    set_float: unsafe extern "C" fn(*mut Features, *const c_char, c_float),
    set_value: unsafe extern "C" fn(*mut Features, *const c_char, *const Value),
    new_streaming: unsafe extern "C" fn() -> *mut RawStreaming,
    streaming_value: unsafe extern "C" fn(*mut RawStreaming) -> *const Value,
}

/// One segment of an utterance.
pub struct Segment {
    /// In Flite's own names (CMU, small letters); `pau` is a pause.
    pub name: String,
    /// When it ends, s.
    pub end: f32,
    /// Whether its syllable is stressed.
    pub stressed: bool,
    /// Which of the output's tokens it belongs to; `None` in a pause.
    pub token: Option<usize>,
}

/// What came out of a synthesis.
pub struct Output {
    /// Mono.
    pub samples: Vec<i16>,
    /// Samples a second.
    pub rate: u32,
    /// In order.
    pub segments: Vec<Segment>,
    /// Those pieces of the text that sound, in order.
    pub tokens: Vec<String>,
}

/// One of Flite's voices. It stays in its thread.
pub struct Flite {
    functions: Functions,
    voice: *mut RawVoice,
    streaming: *mut RawStreaming,
    _stays_here: PhantomData<*const ()>,
    _libraries: [Library; 2],
}

impl Flite {
    /// Loads a voice: `name` as in `cmu_us_slt`. Its functions are not made for several threads:
    /// everything of Flite must happen in one.
    ///
    /// # Errors
    /// If the library cannot be used, with the cure.
    pub fn load(name: &str) -> Result<Self, VoiceError> {
        let missing = |problem| LIBRARY.missing(problem);
        let base = open(&["libflite.so.1", "libflite.so"]).map_err(missing)?;
        let of_voice = open(&[
            &format!("libflite_{name}.so.1"),
            &format!("libflite_{name}.so"),
        ])
        .map_err(missing)?;
        let functions = Functions::find(&base, &of_voice, name).map_err(missing)?;
        // SAFETY: no folder of voices is named; the voice is kept for ever.
        let (voice, streaming) = unsafe {
            (functions.init)();
            let voice = (functions.register)(ptr::null());
            if voice.is_null() || (*voice).features.is_null() {
                return Err(LIBRARY.missing(format!("the voice {name} did not start")));
            }
            let streaming = (functions.new_streaming)();
            (*streaming).piece = CANCEL_STEP;
            (*streaming).callback = Some(look);
            let value = (functions.streaming_value)(streaming);
            (functions.set_value)((*voice).features, c"streaming_info".as_ptr(), value);
            (voice, streaming)
        };
        Ok(Self {
            functions,
            voice,
            streaming,
            _stays_here: PhantomData,
            _libraries: [of_voice, base],
        })
    }

    /// Speaks a text of ASCII; `None` if it was cancelled or nothing came of it. `stretch` is
    /// that of all durations, `shift` that of the fundamental frequency, both factors.
    pub fn synthesize(
        &mut self,
        text: &CStr,
        stretch: f32,
        shift: f32,
        cancel: &Cancel,
    ) -> Option<Output> {
        if cancel.is_cancelled() {
            return None;
        }
        let f = &self.functions;
        // SAFETY: voice and streaming were made by the library and are kept; `cancel` outlives
        // the call that looks at it; the utterance is deleted after its last use.
        unsafe {
            (f.set_float)(
                (*self.voice).features,
                c"duration_stretch".as_ptr(),
                stretch,
            );
            (f.set_float)((*self.voice).features, c"f0_shift".as_ptr(), shift);
            (*self.streaming).user_data = ptr::from_ref(cancel).cast_mut().cast();
            let utterance = (f.synthesize)(text.as_ptr(), self.voice);
            (*self.streaming).user_data = ptr::null_mut();
            if utterance.is_null() {
                return None;
            }
            let output = if cancel.is_cancelled() {
                None
            } else {
                f.output(utterance)
            };
            (f.delete_utterance)(utterance);
            output
        }
    }
}

impl Functions {
    fn find(base: &Library, of_voice: &Library, voice: &str) -> Result<Self, String> {
        // SAFETY: the types are those of the headers, and the libraries are kept beside them.
        unsafe {
            Ok(Self {
                init: symbol(base, "flite_init")?,
                register: symbol(of_voice, &format!("register_{voice}"))?,
                synthesize: symbol(base, "flite_synth_text")?,
                delete_utterance: symbol(base, "delete_utterance")?,
                wave: symbol(base, "utt_wave")?,
                relation: symbol(base, "utt_relation")?,
                has_relation: symbol(base, "utt_relation_present")?,
                head: symbol(base, "relation_head")?,
                next: symbol(base, "item_next")?,
                parent: symbol(base, "item_parent")?,
                item_as: symbol(base, "item_as")?,
                has_feature: symbol(base, "item_feat_present")?,
                float: symbol(base, "item_feat_float")?,
                string: symbol(base, "item_feat_string")?,
                set_float: symbol(base, "flite_feat_set_float")?,
                set_value: symbol(base, "flite_feat_set")?,
                new_streaming: symbol(base, "new_audio_streaming_info")?,
                streaming_value: symbol(base, "audio_streaming_info_val")?,
            })
        }
    }

    /// # Safety
    /// The utterance must be one that was synthesised.
    unsafe fn output(&self, utterance: *mut Utterance) -> Option<Output> {
        // SAFETY: the wave and the segments belong to the utterance.
        unsafe {
            if (self.has_relation)(utterance, c"Segment".as_ptr()) == 0 {
                return None;
            }
            let wave = (self.wave)(utterance);
            if wave.is_null() || (*wave).channels != 1 || (*wave).data.is_null() {
                return None;
            }
            let count = usize::try_from((*wave).samples).ok()?;
            let samples = std::slice::from_raw_parts((*wave).data, count).to_vec();
            let rate = u32::try_from((*wave).rate).ok()?;
            let relation = (self.relation)(utterance, c"Segment".as_ptr());
            let (segments, tokens) = self.segments((self.head)(relation));
            Some(Output {
                samples,
                rate,
                segments,
                tokens,
            })
        }
    }

    /// # Safety
    /// `item` must be null or the first of the relation `Segment`.
    unsafe fn segments(&self, mut item: *const Item) -> (Vec<Segment>, Vec<String>) {
        let mut segments = Vec::new();
        let mut tokens = Vec::new();
        let mut last_token = ptr::null();
        while !item.is_null() {
            // SAFETY: items of one utterance; the features are looked for before they are read,
            // and in every voice a name and a stress are strings and an end is a number.
            unsafe {
                let syllable = self.above(item, c"SylStructure");
                let word = self.parent_of(syllable);
                let token = self.above(word, c"Token");
                if !token.is_null() && token != last_token {
                    tokens.push(self.text(token, c"name"));
                    last_token = token;
                }
                segments.push(Segment {
                    name: self.text(item, c"name"),
                    end: (self.float)(item, c"end".as_ptr()),
                    stressed: !syllable.is_null() && self.text(syllable, c"stress") == "1",
                    token: (!token.is_null()).then(|| tokens.len() - 1),
                });
                item = (self.next)(item);
            }
        }
        (segments, tokens)
    }

    /// The parent of an item in another relation; null if there is none.
    ///
    /// # Safety
    /// `item` must be null or an item.
    unsafe fn above(&self, item: *const Item, relation: &CStr) -> *const Item {
        if item.is_null() {
            return item;
        }
        // SAFETY: the caller's promise.
        unsafe { self.parent_of((self.item_as)(item, relation.as_ptr())) }
    }

    /// # Safety
    /// `item` must be null or an item.
    unsafe fn parent_of(&self, item: *const Item) -> *const Item {
        if item.is_null() {
            return item;
        }
        // SAFETY: the caller's promise.
        unsafe { (self.parent)(item) }
    }

    /// # Safety
    /// `item` must be an item whose feature of that name, if it has one, is a string.
    unsafe fn text(&self, item: *const Item, feature: &CStr) -> String {
        // SAFETY: the caller's promise.
        unsafe {
            if (self.has_feature)(item, feature.as_ptr()) == 0 {
                return String::new();
            }
            let text = (self.string)(item, feature.as_ptr());
            if text.is_null() {
                return String::new();
            }
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}

/// Called by the library as the sound is made.
extern "C" fn look(
    _: *const RawWave,
    _: c_int,
    _: c_int,
    _: c_int,
    streaming: *const RawStreaming,
) -> c_int {
    // SAFETY: the library hands back what `load` made; its user's data is null or the
    // cancellation that `synthesize` was called with and that outlives this call.
    let cancel = unsafe {
        if streaming.is_null() {
            return GO_ON;
        }
        (*streaming).user_data.cast::<Cancel>().as_ref()
    };
    if cancel.is_some_and(Cancel::is_cancelled) {
        STOP
    } else {
        GO_ON
    }
}

/// A text for the library: nothing but ASCII, and nothing in it may be a zero.
pub fn c_string(text: &str) -> CString {
    let ascii: String = text
        .chars()
        .map(|c| if c.is_ascii() && c != '\0' { c } else { ' ' })
        .collect();
    CString::new(ascii).unwrap_or_default()
}
