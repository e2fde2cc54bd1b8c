// SPDX-License-Identifier: MPL-2.0
//! Names that cross the borders between elements: what a frame shows, what is said when, and
//! that it ends.
//!
//! # `SonicPoseMeta`
//! A custom meta (`gst_buffer_get_custom_meta`) on every video buffer of `sonicanimator`:
//!
//! | field | type | content |
//! |---|---|---|
//! | `content-time` | guint64 | running time in ns of the instant that the picture shows; that of the buffer unless it is repeated |
//! | `weights` | GstValueArray of 52 gfloat | ARKit blendshape weights, 0–1, in ARKit's order |
//! | `head-yaw`, `head-pitch`, `head-roll` | gfloat | degrees against the portrait: towards the viewer's right, down, clockwise |
//! | `head-x`, `head-y` | gfloat | shift in eye distances: to the viewer's right, down |
//! | `aperture` | gfloat | gap between the inner lips in eye distances, as drawn |
//! | `origin` | gchararray | what moved the mouth: `phones`, `network`, `signal`, `idle` |
//! | `repeated` | gboolean | whether the previous picture was sent again because this one was late |
//! | `json` | gchararray | all of it; weights by ARKit name, those at 0 left out |
//!
//! # `sonic-clause`
//! A serialized custom downstream event (`GST_EVENT_CUSTOM_DOWNSTREAM`) before the first buffer
//! of a clause of speech: what is said in it, and when. Times are in samples of the clause, at
//! its own `rate`, counted from its first sample.
//!
//! | field | type | content |
//! |---|---|---|
//! | `utterance-id` | guint64 | which utterance it belongs to |
//! | `clause` | guint | its number in the utterance, from 0 |
//! | `text` | gchararray | as it was written |
//! | `language` | gchararray | a BCP 47 tag |
//! | `rate` | guint | samples a second |
//! | `phones` | GstValueArray of structures `phone` | in order of their starts: `ipa` gchararray (empty in a pause), `viseme` gchararray (Oculus' name of it), `start` and `length` guint64, of a stop or nasal `release` guint64: the first sample in which the way of the air is open again |
//! | `words` | GstValueArray of structures `word` | in order of their starts: `text` gchararray, `start` and `length` guint64 |
//! | `json` | gchararray | all of it |
//!
//! A clause lasts 10 s at most as this project's elements send it; longer ones are taken up to
//! the limits in [`limits`]. `viseme` and `json` are for readers: whoever sends such events may
//! leave them out.
//!
//! # `SonicSpeechMeta`
//! A custom meta on every audio buffer of a clause: which part of it the buffer holds. So the
//! clause stays where its sound is, whatever shifts, repeats or cuts the buffers on the way.
//!
//! | field | type | content |
//! |---|---|---|
//! | `utterance-id` | guint64 | as in the event |
//! | `clause` | guint | as in the event |
//! | `offset` | guint64 | of the buffer's first sample from the clause's first, in samples of the clause |
//! | `json` | gchararray | all of it |
//!
//! It has no tags, so whatever copies a buffer's metas keeps it: queues, tee, volume,
//! audioconvert, audioresample. After the latter `offset` is still in the clause's own rate, and
//! the rest that it gives out at the end has none. What cuts buffers (audiobuffersplit) leaves
//! each piece the offset of the whole: a second buffer in a row with the same offset says
//! nothing, and follows the first. Mixers and encoders lose it; the event goes through all of
//! them.
//!
//! # `sonic-interrupt`
//! An out-of-band custom downstream event (`GST_EVENT_CUSTOM_DOWNSTREAM_OOB`): what is being said
//! ends now, and so does the utterance of its field `utterance-id` (guint64), which may be left
//! out. What is still on its way of them is not shown. So no two utterances share an id.

mod pose;
mod speech;

pub use pose::{POSE_META, Shown, aperture, retime};
pub use speech::{
    CLAUSE_EVENT, Invalid, SPEECH_META, SpeechClause, SpeechPlace, SpokenWord, limits,
};

/// Name of the out-of-band event that ends what is being said.
pub const INTERRUPT_EVENT: &str = "sonic-interrupt";

/// Name of the field of events and metas that says which utterance they belong to.
pub const UTTERANCE_ID: &str = "utterance-id";

/// Registers the metas. GStreamer allows each name once per process, and another library that
/// was built from this crate may have done it.
pub fn register() {
    for name in [POSE_META, SPEECH_META] {
        if !gst::meta::CustomMeta::is_registered(name) {
            // No tags: they depend on neither size, layout nor memory, so every filter keeps
            // them.
            gst::meta::CustomMeta::register(name, &[]);
        }
    }
}
