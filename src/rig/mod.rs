// SPDX-License-Identifier: MPL-2.0
//! [`Rig`]: a portrait that can be posed and drawn.
//!
//! A posed frame is the resting frame looked at through three maps, applied from the outside in:
//! the head's motion ([`head`]), the face's expression ([`field`], cut along the lips), and the
//! lids ([`eye`]). Between the lips the inside of the mouth ([`interior`]) shows.

mod area;
mod band;
mod basis;
pub mod colour;
pub mod control;
pub mod curve;
mod draw;
pub mod eye;
pub mod field;
mod form;
pub mod head;
pub mod interior;
mod inverse;
pub mod iris;
pub mod lid;
pub mod light;
mod line;
mod lips;
mod model;
pub mod mouth;
pub mod patch;
mod place;
pub mod relief;
pub mod sample;
mod shaded;
#[cfg(target_arch = "x86_64")]
mod simd;
mod slit;
mod softness;
pub mod space;
mod staging;
pub mod stripe;
mod teeth;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_mouth;
#[cfg(test)]
mod tests_smile;
mod threads;
pub mod warp;

pub use staging::{Background, Framing, Staging};

use crate::{
    face::Portrait,
    frame::{FrameBuf, FrameMut, FrameSpec},
    pose::{Arkit, FacePose},
};
use area::Area;
use band::Places;
pub use eye::Gaze;
use eye::{Eye, Lid};
use field::Field;
use head::Turn;
use interior::Inside;
use model::Model;
use mouth::Slit;
use relief::Relief;
use sample::Source;
use space::{V2, smoothstep};
use std::sync::Arc;
use stripe::Stripe;
use warp::Scratch;

/// What a blink or a glance moves lies within this distance of an eye's middle, IOD.
const EYE: f32 = 0.6;
/// What a node is near to: bits.
mod near {
    /// Its surroundings come from elsewhere.
    pub const MOVED: u8 = 1;
    /// The pose may add light and shade.
    pub const MOUTH: u8 = 2;
    /// Its two layers come from different places, as they do at the slit and around it.
    pub const SLIT: u8 = 16;
    /// The first eye; the next bit is the second one. Only if it is not still.
    pub const EYE: u8 = 4;
}

/// What came of drawing one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Samples of all planes that were not copied from the resting frame.
    pub moved: usize,
    /// Gap between the inner lips at the middle, in IOD.
    pub aperture: f32,
}

/// A portrait prepared for one frame layout: draws any pose into it. Rigs of one portrait in one
/// layout share what does not depend on the pose, as long as one of them lives.
pub struct Rig {
    model: Arc<Model>,
    field: Field,
    relief: Relief,
    /// Per node: what the cells around it have to care for.
    near: Vec<u8>,
    /// Per node: where it lies on the posed face, face space.
    posed: Vec<V2>,
    /// Per layer and node: where it comes from on the face at rest, against where it lies on the
    /// posed one.
    back: [Vec<V2>; 2],
    /// Per layer and node: where it comes from, frame samples.
    from: [Vec<V2>; 2],
    /// The same in fixed point.
    places: [Places; 2],
    /// The nodes that the last frame moved.
    placed: Area,
    /// One a thread.
    scratch: Vec<Scratch>,
}

/// What one frame's pose comes to.
struct Posed {
    slit: Slit,
    lids: [Lid; 2],
    inside: Inside,
    /// Whether anything of the face is displaced.
    moved: bool,
    aperture: f32,
    /// How much is seen of what the portrait itself shows between its lips, 0–1.
    own_seen: f32,
    /// Mouth space: what the slit can touch.
    slit_box: [f32; 4],
}

impl Rig {
    /// Fits the portrait into the frame and prepares everything that does not depend on the pose.
    pub fn new(portrait: &Portrait, spec: &FrameSpec, staging: &Staging) -> Self {
        let model = Model::of(portrait, spec, staging);
        let count = model.nodes.count();
        let at: Vec<V2> = model.nodes.all().collect();
        Self {
            field: Field::new(model.shapes.clone()),
            relief: Relief::new(model.maps.clone()),
            near: vec![0; count],
            posed: model.rest.clone(),
            back: [0, 1].map(|_| vec![V2::ZERO; count]),
            places: [0, 1].map(|_| Places::new(&at)),
            from: [at.clone(), at],
            placed: Area::NONE,
            scratch: vec![Scratch::new(&model.nodes)],
            model,
        }
    }

    /// The frames that it draws.
    pub fn spec(&self) -> &FrameSpec {
        &self.model.spec
    }

    /// Draws with so many threads from now on, at most one a processor; 0 is one a processor.
    /// What is drawn stays the same to the bit. A new rig draws on the calling thread alone.
    pub fn set_threads(&mut self, wish: usize) {
        self.scratch
            .resize_with(threads::stripes(wish), || Scratch::new(&self.model.nodes));
    }

    /// The portrait at rest.
    pub fn base(&self) -> FrameBuf {
        FrameBuf {
            spec: self.model.spec,
            planes: self.model.base.iter().map(Source::plane).collect(),
        }
    }

    /// Size of a frame sample, IOD.
    pub fn pixel(&self) -> f32 {
        self.model.pixel
    }

    /// Whether the eyes look about.
    pub fn gaze(&self) -> Gaze {
        self.model.gaze
    }

    /// Both eyes, the viewer's left first.
    pub fn eyes(&self) -> &[Eye; 2] {
        &self.model.eyes
    }

    /// Face space to frame samples.
    pub fn face_to_frame(&self, p: V2) -> V2 {
        self.model.to_frame.apply(p)
    }

    /// Draws one frame: every sample of it is written. The planes must hold the rig's
    /// [`spec`](Self::spec).
    pub fn draw(&mut self, pose: &FacePose, frame: &mut FrameMut<'_>) -> Drawn {
        let posed = self.pose(pose);
        let turn = Turn::new(&pose.head);
        self.place_nodes(&turn, &posed);
        let mut scratch = std::mem::take(&mut self.scratch);
        let stripe = Stripe::whole(frame, self.model.spec.height);
        let moved = match threads::pool() {
            Some(pool) if scratch.len() > 1 => {
                pool.install(|| self.draw_stripes(&posed, stripe, &mut scratch))
            }
            _ => self.draw_stripes(&posed, stripe, &mut scratch[..1]),
        };
        self.scratch = scratch;
        Drawn {
            moved,
            aperture: posed.aperture,
        }
    }

    fn pose(&mut self, pose: &FacePose) -> Posed {
        let moved = self.field.pose(pose);
        self.relief.pose(pose);
        let slit = Slit::posed(
            &self.model.mouth,
            &self.field.lip_upper,
            &self.field.lip_lower,
        );
        let jaw = V2::new(
            0.10 * (pose.get(Arkit::JawLeft) - pose.get(Arkit::JawRight)),
            0.30 * pose.get(Arkit::JawOpen),
        );
        let (from, to) = slit.upper.span();
        let (mut top, mut bottom) = (f32::MAX, f32::MIN);
        for i in 0..=16 {
            let u = from + (to - from) * i as f32 / 16.0;
            let (a, b) = (slit.upper.at(u), slit.lower.at(u));
            top = top.min(a.min(b));
            bottom = bottom.max(a.max(b));
        }
        Posed {
            lids: [0, 1].map(|side| {
                let eye = &self.model.eyes[side];
                eye.seen(eye.lid(pose, side), self.model.pixel)
            }),
            inside: Inside {
                jaw,
                tongue: pose.get(Arkit::TongueOut),
            },
            moved,
            aperture: slit.aperture(),
            own_seen: self.own_seen(&slit),
            slit_box: [from, top, to, bottom],
            slit,
        }
    }

    /// How much is seen of what the portrait itself shows between its lips, 0–1: of a slit that is
    /// hardly open nothing any more once its lips have moved apart, as it shows too little.
    fn own_seen(&self, slit: &Slit) -> f32 {
        if self.model.mouth.closed {
            0.0
        } else if self.model.mouth.is_narrow() {
            let opened = slit.aperture() - self.model.mouth.rest_gap(0.0);
            let raised = self.model.mouth.upper.at(0.0) - slit.upper.at(0.0);
            1.0 - smoothstep(0.0, 0.02, opened.max(raised))
        } else {
            1.0
        }
    }
}

/// Brightness of an sRGB colour, 0–255.
fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.3 * r + 0.59 * g + 0.11 * b
}
