// SPDX-License-Identifier: MPL-2.0
//! The properties of `sonicanimator`: names, specs, and the settings behind them.

use gst::{glib, prelude::*};
use sonic_engine::{animator::Style, face::PortraitSource};

use super::{Articulator, Background, Expression, Framing};

/// Property names.
#[allow(missing_docs)]
pub mod names {
    pub const PORTRAIT: &str = "portrait";
    pub const LANDMARKS: &str = "landmarks";
    pub const MATTE: &str = "matte";
    pub const MIN_RESOLUTION: &str = "min-resolution";
    pub const FRAMING: &str = "framing";
    pub const EXPAND_RATIO: &str = "expand-ratio";
    pub const DYNAMIC_SCALE: &str = "dynamic-scale";
    pub const MOTION_SCALE: &str = "motion-scale";
    pub const BLINK_RATE: &str = "blink-rate";
    pub const EXPRESSION: &str = "expression";
    pub const EXPRESSION_STRENGTH: &str = "expression-strength";
    pub const GAZE_X: &str = "gaze-x";
    pub const GAZE_Y: &str = "gaze-y";
    pub const LIP_OFFSET: &str = "lip-offset";
    pub const BACKGROUND: &str = "background";
    pub const BACKGROUND_COLOR: &str = "background-color";
    pub const BACKGROUND_IMAGE: &str = "background-image";
    pub const ARTICULATOR: &str = "articulator";
    pub const SEED: &str = "seed";
    pub const N_THREADS: &str = "n-threads";
    pub const STATS: &str = "stats";
}

const MAX_LIP_OFFSET: i64 = 500_000_000;

/// What the user has set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub portrait: Option<String>,
    pub landmarks: Option<String>,
    pub matte: Option<String>,
    pub min_resolution: u32,
    pub framing: Framing,
    pub expand_ratio: f64,
    pub dynamic_scale: f64,
    pub motion_scale: f64,
    pub blink_rate: f64,
    pub expression: Expression,
    pub expression_strength: f64,
    pub gaze_x: f64,
    pub gaze_y: f64,
    pub lip_offset: i64,
    pub background: Background,
    pub background_color: u32,
    pub background_image: Option<String>,
    pub articulator: Articulator,
    pub seed: u64,
    pub n_threads: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            portrait: None,
            landmarks: None,
            matte: None,
            min_resolution: 1024,
            framing: Framing::default(),
            expand_ratio: 0.15,
            dynamic_scale: 1.1,
            motion_scale: 1.05,
            blink_rate: 18.0,
            expression: Expression::default(),
            expression_strength: 0.5,
            gaze_x: 0.0,
            gaze_y: 0.0,
            lip_offset: 0,
            background: Background::default(),
            background_color: 0xff00_0000,
            background_image: None,
            articulator: Articulator::default(),
            seed: 0,
            n_threads: 1,
        }
    }
}

/// What must be done after a property was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it counts from the next start on.
    Later,
    /// The animator's style.
    Style,
    /// Fit the same portrait anew.
    Staging,
    /// Read the portrait's files.
    Portrait,
}

impl Settings {
    /// The files that make the portrait.
    pub fn source(&self) -> PortraitSource {
        PortraitSource {
            picture: self.portrait.as_ref().map(Into::into),
            landmarks: self.landmarks.as_ref().map(Into::into),
            matte: self.matte.as_ref().map(Into::into),
        }
    }

    /// What the animator wants to know.
    pub fn style(&self) -> Style {
        Style {
            dynamic_scale: self.dynamic_scale as f32,
            motion_scale: self.motion_scale as f32,
            blink_rate: self.blink_rate as f32,
            expression: self.expression.into(),
            expression_strength: self.expression_strength as f32,
            gaze: [self.gaze_x as f32, self.gaze_y as f32],
            lip_offset: self.lip_offset,
        }
    }

    /// Stores the value of a property and says what follows from it.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> Change {
        match name {
            names::PORTRAIT => return self.set_file(|s| &mut s.portrait, value, Change::Portrait),
            names::LANDMARKS => {
                return self.set_file(|s| &mut s.landmarks, value, Change::Portrait);
            }
            names::MATTE => return self.set_file(|s| &mut s.matte, value, Change::Portrait),
            names::BACKGROUND_IMAGE => {
                return self.set_file(|s| &mut s.background_image, value, Change::Staging);
            }
            names::MIN_RESOLUTION => self.min_resolution = checked(value),
            names::ARTICULATOR => self.articulator = checked(value),
            names::SEED => self.seed = checked(value),
            names::N_THREADS => self.n_threads = checked(value),
            names::DYNAMIC_SCALE => self.dynamic_scale = checked(value),
            names::MOTION_SCALE => self.motion_scale = checked(value),
            names::BLINK_RATE => self.blink_rate = checked(value),
            names::EXPRESSION => self.expression = checked(value),
            names::EXPRESSION_STRENGTH => self.expression_strength = checked(value),
            names::GAZE_X => self.gaze_x = checked(value),
            names::GAZE_Y => self.gaze_y = checked(value),
            names::LIP_OFFSET => self.lip_offset = checked(value),
            names::FRAMING => self.framing = checked(value),
            names::EXPAND_RATIO => self.expand_ratio = checked(value),
            names::BACKGROUND => self.background = checked(value),
            names::BACKGROUND_COLOR => self.background_color = checked(value),
            _ => unimplemented!("property {name}"),
        }
        match name {
            names::MIN_RESOLUTION | names::ARTICULATOR | names::SEED => Change::Later,
            names::DYNAMIC_SCALE
            | names::MOTION_SCALE
            | names::BLINK_RATE
            | names::EXPRESSION
            | names::EXPRESSION_STRENGTH
            | names::GAZE_X
            | names::GAZE_Y
            | names::LIP_OFFSET => Change::Style,
            _ => Change::Staging,
        }
    }

    /// The value of a property other than `stats`.
    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            names::PORTRAIT => self.portrait.to_value(),
            names::LANDMARKS => self.landmarks.to_value(),
            names::MATTE => self.matte.to_value(),
            names::MIN_RESOLUTION => self.min_resolution.to_value(),
            names::FRAMING => self.framing.to_value(),
            names::EXPAND_RATIO => self.expand_ratio.to_value(),
            names::DYNAMIC_SCALE => self.dynamic_scale.to_value(),
            names::MOTION_SCALE => self.motion_scale.to_value(),
            names::BLINK_RATE => self.blink_rate.to_value(),
            names::EXPRESSION => self.expression.to_value(),
            names::EXPRESSION_STRENGTH => self.expression_strength.to_value(),
            names::GAZE_X => self.gaze_x.to_value(),
            names::GAZE_Y => self.gaze_y.to_value(),
            names::LIP_OFFSET => self.lip_offset.to_value(),
            names::BACKGROUND => self.background.to_value(),
            names::BACKGROUND_COLOR => self.background_color.to_value(),
            names::BACKGROUND_IMAGE => self.background_image.to_value(),
            names::ARTICULATOR => self.articulator.to_value(),
            names::SEED => self.seed.to_value(),
            names::N_THREADS => self.n_threads.to_value(),
            _ => unimplemented!("property {name}"),
        }
    }

    /// An empty name is no file.
    fn set_file(
        &mut self,
        field: impl Fn(&mut Self) -> &mut Option<String>,
        value: &glib::Value,
        change: Change,
    ) -> Change {
        let name: Option<String> = checked(value);
        *field(self) = name.filter(|n| !n.is_empty());
        change
    }
}

fn checked<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value) -> T
where
    T::Checker: glib::value::ValueTypeChecker<Error = glib::value::ValueTypeMismatchError>,
{
    value
        .get()
        .expect("GObject has checked the type against the spec")
}

/// All specs.
pub fn specs() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let mut all = files();
    all.extend(fitting(&default));
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
         */
        glib::ParamSpecBoxed::builder::<gst::Structure>(names::STATS)
            .nick("Statistics")
            .blurb("Frames rendered and repeated, render time, look-ahead, gaze, repairs of the sound, clauses")
            .read_only()
            .build(),
    ]
}

fn manner(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        /**
         * GstSonicAnimator:articulator:
         *
         * What moves the mouth: the phones that `sonic-clause` events tell, the sound, or the
         * phones where they are known and else the sound. What it needs of sound to come does
         * not change while playing; phones alone need least.
         */
        glib::ParamSpecEnum::builder_with_default(names::ARTICULATOR, default.articulator)
            .nick("Articulator")
            .blurb("What moves the mouth: phones that upstream tells, or the sound")
            .mutable_ready()
            .build(),
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
