// SPDX-License-Identifier: MPL-2.0
//! Flite: English from recorded voices, far better understood than eSpeak NG's.
//!
//! Its libraries are loaded at their first use and live in one thread from then on.

mod phones;
mod plain;

use std::collections::HashMap;

use once_cell::sync::OnceCell;

use super::{
    Cancel, Delivery, Spoken, TimedText, Voice, VoiceError, VoiceInfo,
    ffi::flite::{Flite as Library, Output, c_string},
    join,
    owner::Owner,
    shut::release,
    to_float, unless_cancelled,
};
use crate::speech::Phone;
use plain::Plain;

/// Samples a second of all the voices below.
const RATE: u32 = 16_000;

/// Name, what brings it, and what people call it.
const VOICES: [(&str, &str, &str); 4] = [
    ("slt", "cmu_us_slt", "American woman"),
    ("rms", "cmu_us_rms", "American man"),
    ("awb", "cmu_us_awb", "Scottish man"),
    ("kal16", "cmu_us_kal16", "American man, diphones"),
];

/// Voices that have been used. Flite's libraries share their state.
type State = HashMap<&'static str, Library>;

static FLITE: OnceCell<Owner<State>> = OnceCell::new();

/// One of Flite's voices.
pub struct FliteVoice {
    owner: &'static Owner<State>,
    info: VoiceInfo,
    library: &'static str,
}

/// Its voices, whether or not they are installed. The first is the best understood.
pub fn voices() -> impl Iterator<Item = VoiceInfo> {
    VOICES.iter().map(|(name, _, title)| VoiceInfo {
        name: (*name).to_owned(),
        title: (*title).to_owned(),
        languages: vec![
            if *name == "awb" {
                "en-gb-scotland"
            } else {
                "en-us"
            }
            .to_owned(),
            "en".to_owned(),
        ],
    })
}

impl FliteVoice {
    /// The voice of that name, loaded by the first call that finds it.
    ///
    /// # Errors
    /// [`VoiceError::UnknownVoice`], [`VoiceError::Missing`].
    pub fn new(name: &str) -> Result<Self, VoiceError> {
        let found = VOICES
            .iter()
            .zip(voices())
            .find(|((known, library, _), _)| {
                known.eq_ignore_ascii_case(name) || library.eq_ignore_ascii_case(name)
            });
        let ((_, library, _), info) = found.ok_or_else(|| VoiceError::UnknownVoice {
            name: name.to_owned(),
            hint: format!("Flite has {}", VOICES.map(|v| v.0).join(", ")),
        })?;
        let owner =
            FLITE.get_or_try_init(|| Ok(Owner::start("flite", || Ok((State::new(), ())))?.0))?;
        owner.ask(&Cancel::new(), |state| library_of(state, library).map(drop))??;
        Ok(Self {
            owner,
            info,
            library,
        })
    }
}

fn library_of<'a>(state: &'a mut State, name: &'static str) -> Result<&'a mut Library, VoiceError> {
    use std::collections::hash_map::Entry::{Occupied, Vacant};
    Ok(match state.entry(name) {
        Occupied(loaded) => loaded.into_mut(),
        Vacant(place) => place.insert(Library::load(name)?),
    })
}

impl Voice for FliteVoice {
    fn name(&self) -> &str {
        &self.info.name
    }

    fn language(&self) -> &str {
        &self.info.languages[0]
    }

    fn rate(&self) -> u32 {
        RATE
    }

    fn speak(
        &self,
        text: &str,
        delivery: &Delivery,
        cancel: &Cancel,
    ) -> Result<Spoken, VoiceError> {
        let plain = Plain::new(text);
        if !plain.text.bytes().any(|b| b.is_ascii_alphanumeric()) {
            return Ok(Spoken::default());
        }
        let (library, delivery, own) = (self.library, delivery.sane(), cancel.clone());
        let c_text = c_string(&plain.text);
        let said = self.owner.ask(cancel, move |state| {
            let voice = library_of(state, library)?;
            let shift = (delivery.pitch / 12.0).exp2();
            Ok(voice.synthesize(&c_text, 1.0 / delivery.rate, shift, &own))
        })?;
        match unless_cancelled(said?, cancel)? {
            Some(output) if output.rate == RATE => Ok(spoken(&plain, &output)),
            Some(output) => Err(VoiceError::Failed(format!(
                "Flite's voice {} speaks at {} Hz",
                self.info.name, output.rate
            ))),
            None => Ok(Spoken::default()),
        }
    }
}

fn spoken(plain: &Plain, output: &Output) -> Spoken {
    let samples = to_float(&output.samples);
    let mut phones = Vec::with_capacity(output.segments.len());
    let mut spans: Vec<Option<(u64, u64)>> = vec![None; output.tokens.len()];
    let mut start = 0;
    for segment in &output.segments {
        let end = (f64::from(segment.end) * f64::from(RATE)).round() as u64;
        let end = end.clamp(start, samples.len() as u64);
        let stressed = segment.stressed && phones::is_vowel(&segment.name);
        let mark = if stressed { "ˈ" } else { "" };
        let mut phone = Phone::new(
            format!("{mark}{}", phones::ipa(&segment.name)),
            start,
            end - start,
        );
        phone.release = release(&phone.ipa, &samples, start..end, RATE);
        phones.push(phone);
        if let Some(token) = segment.token {
            let span = spans[token].get_or_insert((start, end));
            span.1 = end;
        }
        start = end;
    }
    join(&mut phones, samples.len() as u64);
    Spoken {
        words: words(plain, &output.tokens, &spans),
        samples,
        phones,
    }
}

/// Looks the tokens up in the text, in order.
fn words(plain: &Plain, tokens: &[String], spans: &[Option<(u64, u64)>]) -> Vec<TimedText> {
    let mut from = 0;
    let mut found = Vec::new();
    for (token, span) in tokens.iter().zip(spans) {
        let (Some(at), Some((start, end))) = (plain.text[from..].find(token.as_str()), span) else {
            continue;
        };
        let text = from + at..from + at + token.len();
        from = text.end;
        found.push(TimedText {
            text: plain.origin(text),
            start: *start,
            length: end - start,
        });
    }
    found
}
