// SPDX-License-Identifier: MPL-2.0
//! The specs of the properties of `sonicanimator`.

use gst::{glib, prelude::*};
use sonic_engine::animator::MAX_LIP_OFFSET;

use super::properties::{Settings, names};

/// Nobody waits longer for a mouth, ns.
const MAX_LOOK_AHEAD: u64 = 2_000_000_000;

/// All specs.
pub fn specs() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let mut all = files();
    all.extend(fitting(&default));
    all.extend(listening(&default));
    all.extend(manner(&default));
    all.extend(face(&default));
    all.extend(background(&default));
    all
}

fn file(name: &str, nick: &str, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .mutable_playing()
        .build()
}

fn files() -> Vec<glib::ParamSpec> {
    vec![
        /**
         * GstSonicAnimator:portrait:
         *
         * The picture that speaks. While playing it is read in the background and the new face
         * appears between two frames, framed into the same caps; if it cannot be used, the
         * old face stays and a warning says why.
         */
        file(
            names::PORTRAIT,
            "Portrait",
            "File name of a JPEG, PNG or WebP picture with a face; null is the built-in portrait",
        ),
        file(
            names::LANDMARKS,
            "Landmarks",
            "File name of a JSON list of 68 landmarks of the portrait; null looks for the face",
        ),
        file(
            names::MATTE,
            "Matte",
            "File name of a picture whose brightness is the portrait's alpha; null keeps the portrait's own",
        ),
    ]
}

fn fitting(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecUInt::builder(names::MIN_RESOLUTION)
            .nick("Minimum resolution")
            .blurb("Short side in pixels when downstream leaves the size open")
            .minimum(128)
            .maximum(2048)
            .default_value(default.min_resolution)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default(names::FRAMING, default.framing)
            .nick("Framing")
            .blurb("How the portrait is fitted into the frame")
            .mutable_playing()
            .build(),
        glib::ParamSpecDouble::builder(names::EXPAND_RATIO)
            .nick("Expand ratio")
            .blurb("Margin around the head as a part of its size, when framing is head")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(default.expand_ratio)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt64::builder(names::SEED)
            .nick("Seed")
            .blurb("Seed of blinks and other random motion: the same seed and sound give the same frames")
            .default_value(default.seed)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder(names::N_THREADS)
            .nick("Threads")
            .blurb("Threads that draw a frame, at most one a processor; 0 is one a processor. The frames are the same")
            .default_value(default.n_threads)
            .mutable_playing()
            .build(),
        /**
         * GstSonicAnimator:stats:
         *
         * A structure `application/x-sonicanimator-stats`, counted since the last start:
         *
         * * `frames-rendered` (guint64): frames that were drawn
         * * `frames-repeated` (guint64): frames sent again because the new one was late
         * * `render-time-mean`, `render-time-max` (guint64): ns to draw a frame
         * * `look-ahead` (guint64): ns of sound after its instant that a frame waits for
         * * `faces` (guint): faces that were seen in the portrait
         * * `gaze` (string): whether the eyes look about: `on`; `too-small`, an eye is narrower
         *   than 24 pixels in the frame; `unclear`, no iris was found with any certainty;
         *   `unknown` until the frame's size is negotiated
         * * `portraits-swapped` (guint64): portraits and framings exchanged while playing
         * * `silence-inserted` (guint64): ns of silence put into holes of the sound
         * * `sound-trimmed` (guint64): ns of sound dropped because it came again
         * * `restarts` (guint64): jumps in the sound's timestamps that were followed
         * * `clauses-used` (guint64): `sonic-clause` events whose phones moved the mouth
         * * `clauses-ignored` (guint64): `sonic-clause` events that were of no use: broken,
         *   interrupted, without sound, or not asked for
         * * `listens` (string): what moves the mouth where no phones are known: `network`,
         *   `signal`, or `nobody`
         * * `model` (string): the name of the network that listens; empty without one
         * * `lip-lag` (gint64): ns by which the mouth is shown later than the sound that it
         *   speaks, as measured over the last 3 s: the gap between the lips as drawn, against
         *   what the articulator says of the sound. It comes to `lip-offset` if all is well,
         *   and to more where frames are repeated
         * * `lip-lag-confidence` (gdouble): how far that lag stands out, 0–1; above 0.3 it can
         *   be relied on. In silence nothing is said: both are 0
         * * `envelope-lag`, `envelope-lag-confidence`: likewise, but over 6 s and against how
         *   loud the sound is; rougher, since mouths open before it sounds
         */
        glib::ParamSpecBoxed::builder::<gst::Structure>(names::STATS)
            .nick("Statistics")
            .blurb("Frames rendered and repeated, render time, look-ahead, gaze, repairs of the sound, clauses, lag of the lips")
            .read_only()
            .build(),
    ]
}

fn listening(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        /**
         * GstSonicAnimator:articulator:
         *
         * What moves the mouth: the phones that `sonic-clause` events tell, a network that
         * listens to the sound, or signal processing; or the phones where they are known and else
         * the network. Where ONNX Runtime is missing or too old there is a warning, and signal
         * processing stands in for the network; likewise where the network fails in the middle
         * of the stream. What is needed of sound to come does not change while playing; phones
         * alone need least.
         */
        glib::ParamSpecEnum::builder_with_default(names::ARTICULATOR, default.articulator)
            .nick("Articulator")
            .blurb("What moves the mouth: phones that upstream tells, or the sound")
            .mutable_ready()
            .build(),
        /**
         * GstSonicAnimator:model:
         *
         * A network of one's own. docs/articulation.md says what it must be like; one that is
         * not is an error when the element starts, which says what was expected.
         */
        glib::ParamSpecString::builder(names::MODEL)
            .nick("Model")
            .blurb("File name of an ONNX graph that tells the mouth from the sound; null is the built-in one")
            .mutable_ready()
            .build(),
        /**
         * GstSonicAnimator:execution-provider:
         *
         * What computes the network. One that this machine's ONNX Runtime has not is an error
         * when the element starts, which lists those that it has.
         */
        glib::ParamSpecEnum::builder_with_default(
            names::EXECUTION_PROVIDER,
            default.execution_provider,
        )
            .nick("Execution provider")
            .blurb("What ONNX Runtime computes the network with")
            .mutable_ready()
            .build(),
        /**
         * GstSonicAnimator:look-ahead:
         *
         * How much sound after an instant the network may wait for before it says what the mouth
         * does there. Networks can have several outputs for that: the one that looks ahead
         * furthest within is taken, and the LATENCY query tells what it comes to. Lips that look
         * less ahead are less exact.
         */
        glib::ParamSpecUInt64::builder(names::LOOK_AHEAD)
            .nick("Look-ahead")
            .blurb("How much sound after an instant the network may wait for, in ns")
            .maximum(MAX_LOOK_AHEAD)
            .default_value(default.look_ahead)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder(names::INFERENCE_THREADS)
            .nick("Inference threads")
            .blurb("Threads that compute the network; more than one is of use only to large ones")
            .minimum(1)
            .maximum(64)
            .default_value(default.inference_threads)
            .mutable_ready()
            .build(),
    ]
}

fn manner(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecDouble::builder(names::DYNAMIC_SCALE)
            .nick("Dynamic scale")
            .blurb("Amplitude of the mouth; 1 is what the sound says")
            .minimum(0.5)
            .maximum(2.0)
            .default_value(default.dynamic_scale)
            .mutable_playing()
            .build(),
        glib::ParamSpecDouble::builder(names::MOTION_SCALE)
            .nick("Motion scale")
            .blurb("Amplitude of head and body motion; 0 keeps the head still")
            .minimum(0.0)
            .maximum(2.0)
            .default_value(default.motion_scale)
            .mutable_playing()
            .build(),
        glib::ParamSpecDouble::builder(names::BLINK_RATE)
            .nick("Blink rate")
            .blurb("Blinks a minute on average; 0 is none")
            .minimum(0.0)
            .maximum(60.0)
            .default_value(default.blink_rate)
            .mutable_playing()
            .build(),
        glib::ParamSpecInt64::builder(names::LIP_OFFSET)
            .nick("Lip offset")
            .blurb("Added to the time of the lips in ns: positive shows them later than the sound")
            .minimum(-MAX_LIP_OFFSET)
            .maximum(MAX_LIP_OFFSET)
            .default_value(default.lip_offset)
            .mutable_playing()
            .build(),
    ]
}

fn face(default: &Settings) -> Vec<glib::ParamSpec> {
    let gaze = |name, nick, blurb, value| {
        glib::ParamSpecDouble::builder(name)
            .nick(nick)
            .blurb(blurb)
            .minimum(-1.0)
            .maximum(1.0)
            .default_value(value)
            .mutable_playing()
            .build()
    };
    vec![
        /**
         * GstSonicAnimator:expression:
         *
         * What the face wears while it speaks and idles. A change takes 300 ms. Jaw and lips go
         * on speaking: lips close for p, b and m under every expression.
         */
        glib::ParamSpecEnum::builder_with_default(names::EXPRESSION, default.expression)
            .nick("Expression")
            .blurb("What the face expresses, as strongly as expression-strength says")
            .mutable_playing()
            .build(),
        glib::ParamSpecDouble::builder(names::EXPRESSION_STRENGTH)
            .nick("Expression strength")
            .blurb("How strong the expression is: 0 is none, 1 is full")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(default.expression_strength)
            .mutable_playing()
            .build(),
        gaze(
            names::GAZE_X,
            "Gaze x",
            "Where the eyes look: 0 is at the viewer, 1 is 30 degrees to the viewer's right",
            default.gaze_x,
        ),
        gaze(
            names::GAZE_Y,
            "Gaze y",
            "Where the eyes look: 0 is at the viewer, 1 is 30 degrees down",
            default.gaze_y,
        ),
    ]
}

fn background(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecEnum::builder_with_default(names::BACKGROUND, default.background)
            .nick("Background")
            .blurb("What lies behind a portrait that has alpha or a matte")
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder(names::BACKGROUND_COLOR)
            .nick("Background colour")
            .blurb("Colour when background is colour, as 0xAARRGGBB; alpha is ignored")
            .default_value(default.background_color)
            .mutable_playing()
            .build(),
        file(
            names::BACKGROUND_IMAGE,
            "Background image",
            "File name of the picture when background is image; it covers the frame",
        ),
    ]
}
