// SPDX-License-Identifier: MPL-2.0
//! The element `sonicanimator`: sound in, the frames of a talking head out.

use gst::{glib, prelude::*};
use sonic_engine::{motion, onnx, rig};

mod caps;
mod ears;
mod errors;
mod events;
mod imp;
mod loader;
mod output;
mod pcm;
mod pool;
mod properties;
mod qos;
mod specs;
mod stats;
mod stream;

pub use properties::names;

/**
 * SECTION:element-sonicanimator
 * @title: sonicanimator
 * @short_description: makes a portrait speak
 *
 * Sound goes in, and the frames of a talking head come out: the portrait moves its lips to the
 * sound, blinks, and moves its head. Any audio of 8 to 192 kHz is taken, in any number of
 * channels (their mean is what it listens to). It makes I420, NV12 or RGB frames of 16 to 8192
 * pixels a side at 5 to 120 frames a second, 25 if downstream does not mind.
 *
 * Frame k lies exactly at k · d / n of the running time for a rate of n / d. A frame is made as
 * soon as the sound that it depends on has come, which is a constant look-ahead after the
 * instant that it shows; the LATENCY query and #GstSonicAnimator:stats say how long that is.
 * Without sound it makes no frames: silence and GAP events are sound, and the face then idles.
 *
 * Where sound and picture of one source meet again, in a muxer for instance, the branch of the
 * sound must have room for the look-ahead, a frame and a buffer of sound: a plain queue has,
 * one of a single small buffer has not, and a pipeline that is not live then stands still.
 *
 * Where upstream tells the phones of the speech (`ttssrc` does, and any application can, with
 * `sonic-clause` events and `SonicSpeechMeta` on the sound's buffers) they move the mouth, else
 * a network that listens does; the property `articulator` chooses. The events end here: they count
 * samples of sound, and what follows is video.
 *
 * The portrait can be changed while playing. Every frame carries a `SonicPoseMeta` that says
 * what it shows, and an out-of-band custom event `sonic-interrupt` relaxes the mouth at once:
 * sound and phones that are not shown yet are dropped, and so is what still comes of the
 * utterance that it names, or that is being said.
 * A frame that a sink has called late is not drawn: the one before is sent again, so that the
 * sequence stays complete. The property `qos` switches that off.
 *
 * ## Example pipeline
 * |[
 * gst-launch-1.0 audiotestsrc wave=ticks num-buffers=200 ! sonicanimator ! videoconvert ! autovideosink
 * ]| The built-in portrait opens its mouth to ticks.
 *
 * Since: plugin-sonic-0.1.0
 */
glib::wrapper! {
    /// The element `sonicanimator`.
    pub struct SonicAnimator(ObjectSubclass<imp::SonicAnimator>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object,
        @implements gst::Preset;
}

/// What moves the mouth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstSonicAnimatorArticulator")]
#[non_exhaustive]
pub enum Articulator {
    /// Phones where they are known, else a network that listens.
    #[default]
    #[enum_value(
        name = "Auto: phones where upstream tells them, else the network",
        nick = "auto"
    )]
    Auto,
    /// Phones only.
    #[enum_value(
        name = "Phones: phones that upstream tells; without them the mouth rests. Least latency",
        nick = "phones"
    )]
    Phones,
    /// Signal processing only.
    #[enum_value(
        name = "Signal: the sound alone, by signal processing",
        nick = "signal"
    )]
    Signal,
    /// The network only.
    #[enum_value(name = "Network: the sound alone, by a network", nick = "network")]
    Network,
}

impl Articulator {
    /// Whether a network is to listen.
    pub(crate) fn has_network(self) -> bool {
        matches!(self, Self::Auto | Self::Network)
    }

    /// Whether it heeds phones.
    pub(crate) fn has_phones(self) -> bool {
        matches!(self, Self::Auto | Self::Phones)
    }
}

/// What ONNX Runtime computes a network with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstSonicAnimatorExecutionProvider")]
#[non_exhaustive]
pub enum ExecutionProvider {
    /// The processor.
    #[default]
    #[enum_value(name = "CPU: the processor", nick = "cpu")]
    Cpu,
    /// NVIDIA's graphics cards.
    #[enum_value(name = "CUDA: NVIDIA's graphics cards", nick = "cuda")]
    Cuda,
    /// NVIDIA's graphics cards, by TensorRT.
    #[enum_value(
        name = "TensorRT: NVIDIA's graphics cards; starting takes long",
        nick = "tensorrt"
    )]
    TensorRt,
    /// Intel's processors, graphics and NPUs.
    #[enum_value(
        name = "OpenVINO: Intel's processors, graphics and NPUs",
        nick = "openvino"
    )]
    OpenVino,
    /// AMD's graphics cards.
    #[enum_value(name = "MIGraphX: AMD's graphics cards", nick = "migraphx")]
    MiGraphX,
    /// Apple's.
    #[enum_value(name = "Core ML: Apple's processors", nick = "coreml")]
    CoreMl,
    /// The processor, by XNNPACK.
    #[enum_value(name = "XNNPACK: the processor, made for ARM", nick = "xnnpack")]
    Xnnpack,
}

impl From<ExecutionProvider> for onnx::Provider {
    fn from(provider: ExecutionProvider) -> Self {
        match provider {
            ExecutionProvider::Cpu => Self::Cpu,
            ExecutionProvider::Cuda => Self::Cuda,
            ExecutionProvider::TensorRt => Self::TensorRt,
            ExecutionProvider::OpenVino => Self::OpenVino,
            ExecutionProvider::MiGraphX => Self::MiGraphX,
            ExecutionProvider::CoreMl => Self::CoreMl,
            ExecutionProvider::Xnnpack => Self::Xnnpack,
        }
    }
}

/// How the portrait is fitted into the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstSonicAnimatorFraming")]
#[non_exhaustive]
pub enum Framing {
    /// All of it, with bars where the shapes differ.
    #[default]
    #[enum_value(
        name = "Whole: the whole picture, with bars where the shapes differ",
        nick = "whole"
    )]
    Whole,
    /// The head only.
    #[enum_value(
        name = "Head: cropped to the head with the margin of expand-ratio",
        nick = "head"
    )]
    Head,
    /// No bars.
    #[enum_value(
        name = "Cover: the frame filled, picture cut where the shapes differ",
        nick = "cover"
    )]
    Cover,
}

impl From<Framing> for rig::Framing {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Whole => Self::Whole,
            Framing::Head => Self::Head,
            Framing::Cover => Self::Cover,
        }
    }
}

/// What the face expresses while it speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstSonicAnimatorExpression")]
#[non_exhaustive]
pub enum Expression {
    /// The portrait's own.
    #[default]
    #[enum_value(name = "Neutral: the portrait's own", nick = "neutral")]
    Neutral,
    /// Corners of the mouth and cheeks up.
    #[enum_value(name = "Happy: corners of the mouth and cheeks up", nick = "happy")]
    Happy,
    /// Inner brows up, corners of the mouth down.
    #[enum_value(name = "Sad: inner brows up, corners of the mouth down", nick = "sad")]
    Sad,
    /// Brows down, lips pressed.
    #[enum_value(name = "Angry: brows down, lips pressed", nick = "angry")]
    Angry,
    /// Brows up, eyes wide.
    #[enum_value(name = "Surprised: brows up, eyes wide", nick = "surprised")]
    Surprised,
    /// Brows up and together, eyes wide.
    #[enum_value(name = "Fearful: brows up and together, eyes wide", nick = "fearful")]
    Fearful,
    /// Nose wrinkled, upper lip up.
    #[enum_value(name = "Disgusted: nose wrinkled, upper lip up", nick = "disgusted")]
    Disgusted,
    /// Brows a little down.
    #[enum_value(name = "Serious: brows a little down", nick = "serious")]
    Serious,
}

impl From<Expression> for motion::Expression {
    fn from(expression: Expression) -> Self {
        match expression {
            Expression::Neutral => Self::Neutral,
            Expression::Happy => Self::Happy,
            Expression::Sad => Self::Sad,
            Expression::Angry => Self::Angry,
            Expression::Surprised => Self::Surprised,
            Expression::Fearful => Self::Fearful,
            Expression::Disgusted => Self::Disgusted,
            Expression::Serious => Self::Serious,
        }
    }
}

/// What lies behind a portrait that has alpha.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstSonicAnimatorBackground")]
#[non_exhaustive]
pub enum Background {
    /// The picture's own colours.
    #[default]
    #[enum_value(name = "As is: the picture's own background", nick = "as-is")]
    AsIs,
    /// One colour.
    #[enum_value(name = "Colour: the one of background-color", nick = "colour")]
    Colour,
    /// Another picture.
    #[enum_value(name = "Image: the picture of background-image", nick = "image")]
    Image,
    /// Nothing.
    #[enum_value(
        name = "Transparent: the portrait's alpha in formats that have alpha",
        nick = "transparent"
    )]
    Transparent,
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    #[cfg(feature = "doc")]
    {
        Articulator::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        ExecutionProvider::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        Framing::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        Expression::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        Background::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(
        Some(plugin),
        "sonicanimator",
        gst::Rank::NONE,
        SonicAnimator::static_type(),
    )
}
