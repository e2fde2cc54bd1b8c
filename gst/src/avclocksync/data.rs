// SPDX-License-Identifier: MPL-2.0
//! What the engine synchronises, in GStreamer's terms.

use sonic_engine::{
    grid::FrameGrid,
    sync::{Material, Place},
};

use crate::metas::{self, SpeechClause, SpeechPlace};

/// Buffers and events.
pub struct Media;

/// A buffer of sound as it came, mapped. Nothing is copied until its block is sent.
pub struct Sound(pub gst::MappedBuffer<gst::buffer::Readable>);

impl AsRef<[u8]> for Sound {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// What keeps its place among buffers.
#[derive(Clone, Debug)]
pub enum Marker {
    /// An event to be sent on.
    Event(gst::Event),
    /// From here on pictures have these caps.
    Caps(gst::Caps, FrameGrid),
}

impl Material for Media {
    type Pcm = Sound;
    type Frame = gst::Buffer;
    type Event = Marker;

    fn survives(marker: &Marker) -> bool {
        match marker {
            Marker::Event(event) => event.is_sticky(),
            Marker::Caps(..) => true,
        }
    }
}

/// Where in its clause a buffer of sound lies.
pub fn place(buffer: &gst::BufferRef) -> Option<Place> {
    let place = SpeechPlace::of(buffer)?.ok()?;
    Some(Place {
        utterance: place.utterance_id,
        clause: place.clause,
        offset: place.offset,
    })
}

/// What the engine wants to know of a clause.
pub fn clause(clause: SpeechClause) -> sonic_engine::sync::Clause {
    sonic_engine::sync::Clause {
        utterance: clause.utterance_id,
        number: clause.clause,
        rate: clause.rate,
        words: clause
            .words
            .into_iter()
            .map(|w| sonic_engine::sync::Word {
                text: w.text,
                start: w.start,
                length: w.length,
            })
            .collect(),
    }
}

/// Gives a block its place in a clause.
pub fn mark(buffer: &mut gst::BufferRef, place: Place) {
    let place = SpeechPlace {
        utterance_id: place.utterance,
        clause: place.clause,
        offset: place.offset,
    };
    if let Err(e) = place.attach(buffer) {
        gst::warning!(super::imp::CAT, "no SonicSpeechMeta: {e}");
    }
}

/// The utterance that an event interrupts, if it names one.
pub fn interrupted(event: &gst::EventRef) -> Option<u64> {
    event.structure()?.get(metas::UTTERANCE_ID).ok()
}
