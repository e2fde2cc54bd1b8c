// SPDX-License-Identifier: MPL-2.0
//! The properties of `sonicanimator`: names, and the settings behind them.

use gst::{glib, prelude::*};
use sonic_engine::{
    animator::Style,
    articulate::network::{LOOK_AHEAD, NetworkOptions},
    face::PortraitSource,
};

use super::{Articulator, Background, ExecutionProvider, Expression, Framing};
use crate::values::{checked, name_in};

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
    pub const MODEL: &str = "model";
    pub const EXECUTION_PROVIDER: &str = "execution-provider";
    pub const LOOK_AHEAD: &str = "look-ahead";
    pub const INFERENCE_THREADS: &str = "inference-threads";
    pub const SEED: &str = "seed";
    pub const N_THREADS: &str = "n-threads";
    pub const STATS: &str = "stats";
}

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
    pub model: Option<String>,
    pub execution_provider: ExecutionProvider,
    pub look_ahead: u64,
    pub inference_threads: u32,
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
            model: None,
            execution_provider: ExecutionProvider::default(),
            look_ahead: LOOK_AHEAD,
            inference_threads: 1,
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

    /// The network that listens, if one is to.
    pub fn network(&self) -> NetworkOptions {
        NetworkOptions {
            graph: self.model.as_ref().map(Into::into),
            provider: self.execution_provider.into(),
            threads: self.inference_threads as usize,
            look_ahead: self.look_ahead,
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
            names::MODEL => return self.set_file(|s| &mut s.model, value, Change::Later),
            names::EXECUTION_PROVIDER => self.execution_provider = checked(value),
            names::LOOK_AHEAD => self.look_ahead = checked(value),
            names::INFERENCE_THREADS => self.inference_threads = checked(value),
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
            names::MIN_RESOLUTION
            | names::ARTICULATOR
            | names::EXECUTION_PROVIDER
            | names::LOOK_AHEAD
            | names::INFERENCE_THREADS
            | names::SEED => Change::Later,
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
            names::MODEL => self.model.to_value(),
            names::EXECUTION_PROVIDER => self.execution_provider.to_value(),
            names::LOOK_AHEAD => self.look_ahead.to_value(),
            names::INFERENCE_THREADS => self.inference_threads.to_value(),
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
        *field(self) = name_in(value);
        change
    }
}
