// SPDX-License-Identifier: MPL-2.0
//! [`Style`]: what can be set while an animator runs.

use crate::motion::{Expression, Manner};

/// How far lips can be shifted against the sound, ns.
pub const MAX_LIP_OFFSET: i64 = 500_000_000;

/// What can be set while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Mouth amplitude, 0.5–2.0; 1 is what the sound says.
    pub dynamic_scale: f32,
    /// Head and body amplitude, 0–2.
    pub motion_scale: f32,
    /// Blinks a minute.
    pub blink_rate: f32,
    /// What the face expresses while it speaks and idles. A change takes 300 ms.
    pub expression: Expression,
    /// How strongly, 0–1.
    pub expression_strength: f32,
    /// Where the eyes look, each −1–1: to the viewer's right and down; [0, 0] is at the viewer,
    /// 1 is 30 degrees. A change takes 300 ms.
    pub gaze: [f32; 2],
    /// Added to the time of the lips, ns: positive shows them later than the sound. Within
    /// ±[`MAX_LIP_OFFSET`]; what lies outside is taken as the nearer limit.
    pub lip_offset: i64,
}

impl Default for Style {
    /// What looks natural on ordinary speech: 1.1, 1.05, 18 a minute, a neutral face that looks
    /// at the viewer, no offset. The strength is 0.5, for when there is an expression.
    fn default() -> Self {
        Self {
            dynamic_scale: 1.1,
            motion_scale: 1.05,
            blink_rate: 18.0,
            expression: Expression::Neutral,
            expression_strength: 0.5,
            gaze: [0.0; 2],
            lip_offset: 0,
        }
    }
}

impl Style {
    /// With what lies outside of a range at its nearer limit.
    pub(super) fn sane(self) -> Self {
        Self {
            lip_offset: self.lip_offset.clamp(-MAX_LIP_OFFSET, MAX_LIP_OFFSET),
            ..self
        }
    }

    /// What concerns head and eyes.
    pub(super) fn manner(&self) -> Manner {
        Manner {
            motion_scale: self.motion_scale,
            blink_rate: self.blink_rate,
            expression: self.expression,
            expression_strength: self.expression_strength,
            gaze: self.gaze,
        }
    }
}
