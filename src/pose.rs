// SPDX-License-Identifier: MPL-2.0
//! [`FacePose`]: what a face does at one instant, in the terms every face tool uses.

/// The 52 blendshapes of Apple's ARKit (`ARFaceAnchor.BlendShapeLocation`), in their usual order.
///
/// "Left" and "right" are the person's own, as ARKit has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Arkit {
    EyeBlinkLeft,
    EyeLookDownLeft,
    EyeLookInLeft,
    EyeLookOutLeft,
    EyeLookUpLeft,
    EyeSquintLeft,
    EyeWideLeft,
    EyeBlinkRight,
    EyeLookDownRight,
    EyeLookInRight,
    EyeLookOutRight,
    EyeLookUpRight,
    EyeSquintRight,
    EyeWideRight,
    JawForward,
    JawLeft,
    JawRight,
    JawOpen,
    MouthClose,
    MouthFunnel,
    MouthPucker,
    MouthLeft,
    MouthRight,
    MouthSmileLeft,
    MouthSmileRight,
    MouthFrownLeft,
    MouthFrownRight,
    MouthDimpleLeft,
    MouthDimpleRight,
    MouthStretchLeft,
    MouthStretchRight,
    MouthRollLower,
    MouthRollUpper,
    MouthShrugLower,
    MouthShrugUpper,
    MouthPressLeft,
    MouthPressRight,
    MouthLowerDownLeft,
    MouthLowerDownRight,
    MouthUpperUpLeft,
    MouthUpperUpRight,
    BrowDownLeft,
    BrowDownRight,
    BrowInnerUp,
    BrowOuterUpLeft,
    BrowOuterUpRight,
    CheekPuff,
    CheekSquintLeft,
    CheekSquintRight,
    NoseSneerLeft,
    NoseSneerRight,
    TongueOut,
}

impl Arkit {
    /// How many there are.
    pub const COUNT: usize = 52;

    /// All of them, in order: `ALL[i] as usize == i`.
    pub const ALL: [Arkit; Self::COUNT] = {
        use Arkit::*;
        [
            EyeBlinkLeft,
            EyeLookDownLeft,
            EyeLookInLeft,
            EyeLookOutLeft,
            EyeLookUpLeft,
            EyeSquintLeft,
            EyeWideLeft,
            EyeBlinkRight,
            EyeLookDownRight,
            EyeLookInRight,
            EyeLookOutRight,
            EyeLookUpRight,
            EyeSquintRight,
            EyeWideRight,
            JawForward,
            JawLeft,
            JawRight,
            JawOpen,
            MouthClose,
            MouthFunnel,
            MouthPucker,
            MouthLeft,
            MouthRight,
            MouthSmileLeft,
            MouthSmileRight,
            MouthFrownLeft,
            MouthFrownRight,
            MouthDimpleLeft,
            MouthDimpleRight,
            MouthStretchLeft,
            MouthStretchRight,
            MouthRollLower,
            MouthRollUpper,
            MouthShrugLower,
            MouthShrugUpper,
            MouthPressLeft,
            MouthPressRight,
            MouthLowerDownLeft,
            MouthLowerDownRight,
            MouthUpperUpLeft,
            MouthUpperUpRight,
            BrowDownLeft,
            BrowDownRight,
            BrowInnerUp,
            BrowOuterUpLeft,
            BrowOuterUpRight,
            CheekPuff,
            CheekSquintLeft,
            CheekSquintRight,
            NoseSneerLeft,
            NoseSneerRight,
            TongueOut,
        ]
    };

    /// ARKit's own spelling, e.g. `jawOpen`.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// The blendshape of that ARKit name.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().position(|n| *n == name).map(|i| Self::ALL[i])
    }
}

const NAMES: [&str; Arkit::COUNT] = [
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
];

/// Head rotation and translation against the portrait's own pose.
///
/// Angles in degrees. A positive `yaw` turns the face towards the viewer's right, a positive
/// `pitch` nods it down, a positive `roll` tilts it clockwise as the viewer sees it.
/// The shift is in IOD (distance between the eye centres): x to the viewer's right, y down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Head {
    /// Degrees; towards the viewer's right is positive.
    pub yaw: f32,
    /// Degrees; nodding down is positive.
    pub pitch: f32,
    /// Degrees; clockwise as seen is positive.
    pub roll: f32,
    /// IOD; x to the viewer's right, y down.
    pub shift: [f32; 2],
}

/// What a face does at one instant: 52 ARKit weights, each 0 (rest) to 1, and the head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FacePose {
    /// Blendshape weights in the order of [`Arkit::ALL`], each in 0..=1.
    pub weights: [f32; Arkit::COUNT],
    /// The head against the portrait's own pose.
    pub head: Head,
}

impl FacePose {
    /// The portrait as it is: every weight 0, the head unmoved.
    pub const REST: FacePose = FacePose {
        weights: [0.0; Arkit::COUNT],
        head: Head {
            yaw: 0.0,
            pitch: 0.0,
            roll: 0.0,
            shift: [0.0; 2],
        },
    };

    /// The weight of one blendshape.
    pub fn get(&self, shape: Arkit) -> f32 {
        self.weights[shape as usize]
    }

    /// Sets the weight of one blendshape; clamped to 0..=1, NaN becomes 0.
    pub fn set(&mut self, shape: Arkit, weight: f32) {
        let weight = if weight.is_nan() { 0.0 } else { weight };
        self.weights[shape as usize] = weight.clamp(0.0, 1.0);
    }

    /// This pose with one weight set, for building poses in one expression.
    pub fn with(mut self, shape: Arkit, weight: f32) -> Self {
        self.set(shape, weight);
        self
    }
}

impl Default for FacePose {
    fn default() -> Self {
        Self::REST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_agree() {
        for (i, shape) in Arkit::ALL.into_iter().enumerate() {
            assert_eq!(shape as usize, i);
            assert_eq!(Arkit::from_name(shape.name()), Some(shape));
            assert_eq!(
                format!("{shape:?}").to_lowercase(),
                shape.name().to_lowercase()
            );
        }
        assert_eq!(Arkit::from_name("jawopen"), None);
    }

    #[test]
    fn weights_are_clamped_and_nan_is_rest() {
        let pose = FacePose::REST
            .with(Arkit::JawOpen, 1.5)
            .with(Arkit::MouthPucker, -1.0)
            .with(Arkit::MouthClose, f32::NAN);
        assert_eq!(pose.get(Arkit::JawOpen), 1.0);
        assert_eq!(pose.get(Arkit::MouthPucker), 0.0);
        assert_eq!(pose.get(Arkit::MouthClose), 0.0);
    }
}
