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
use colour::ColourMap;
pub use eye::Gaze;
use eye::{Eye, Lid};
use field::Field;
use head::{HeadMotion, Share, Turn};
use interior::{Inside, Painter};
use light::Light;
use mouth::{Mouth, Slit};
use relief::Relief;
use sample::Source;
use space::{Affine, FaceSpace, V2, smoothstep};
use stripe::Stripe;
use teeth::OwnTeeth;
use warp::{MAX_CELL, NodeGrid, Scratch};

/// Width of the soft edge between lip and mouth interior at least, IOD, and in a picture with soft
/// edges: of their width.
const LIP_SOFT: f32 = 0.012;
const LIP_SOFT_SHARE: f32 = 0.6;
/// Largest distance from node to node over the frame, IOD.
const NODE: f32 = 0.09;
/// What a blink or a glance moves lies within this distance of an eye's middle, IOD.
const EYE: f32 = 0.6;
/// Everything that can move lies within this distance of the nose tip, IOD.
const MOVING: f32 = 3.05;
/// What lies so near to an edge of the picture stays, whatever moves: a fraction of its side.
const EDGE: f32 = 0.02;
/// Expressions fade over so much before it, IOD.
const HELD: f32 = 0.2;

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

/// A portrait prepared for one frame layout: draws any pose into it.
pub struct Rig {
    spec: FrameSpec,
    /// The resting frame, one a plane.
    base: Vec<Source>,
    map: ColourMap,
    /// Face space to frame samples and back.
    to_frame: Affine,
    from_frame: Affine,
    /// Frame samples to mouth space.
    to_mouth: Affine,
    /// One down in mouth space, frame samples.
    down: V2,
    /// Frame samples to the spaces of both eyes and back.
    to_eyes: [Affine; 2],
    from_eyes: [Affine; 2],
    /// Size of a frame sample, IOD.
    pixel: f32,
    /// Width of the soft edge between lip and mouth interior, IOD.
    lip_soft: f32,
    mouth: Mouth,
    eyes: [Eye; 2],
    gaze: Gaze,
    field: Field,
    head: HeadMotion,
    painter: Painter,
    own: Option<OwnTeeth>,
    relief: Relief,
    nodes: NodeGrid,
    /// Per node: where it lies at rest, face space; and its share of the head's motion.
    rest: Vec<V2>,
    shares: Vec<Share>,
    /// Per node: what the cells around it have to care for.
    near: Vec<u8>,
    /// Per node: how much it takes part in the face's expression, 0 along the picture's edges.
    hold: Vec<f32>,
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
        let stage = staging.stage(portrait, spec);
        let space = FaceSpace::new(&portrait.landmarks);
        let to_frame = space.to_picture.then(&stage.placement);
        let from_frame = to_frame.inverse();
        let pixel = (from_frame.ex.length() * from_frame.ey.length()).sqrt();
        let colour = reader(&stage.rgba, spec, &to_frame);
        let mut mouth = Mouth::new(&space.landmarks);
        mouth.fit(&colour);
        let own = OwnTeeth::find(&mouth, &colour).filter(|_| !mouth.is_narrow());
        let controls = control::controls(&space.landmarks, &mouth);
        let field = Field::new(&space.landmarks, &mouth, &controls);
        let head = HeadMotion::new(&space.landmarks);
        let mut eyes = Eye::pair(&space.landmarks);
        let gaze = Eye::prepare(&mut eyes, pixel, &colour);
        let light = Light::of_face(&colour, &space.landmarks, Eye::white(&eyes));
        let lips = mouth.lip_colour(&colour);
        let edge_width = softness::edge_width(&space.landmarks, |p| luma(colour(p)));
        drop(colour);
        let nodes = node_grid(spec, &stage.picture, &to_frame, space.landmarks[30], pixel);
        let edges: Vec<f32> = (0..nodes.count())
            .map(|i| from_edge(&nodes, i, &stage.picture) * pixel)
            .collect();
        let shares = (0..nodes.count())
            .map(|i| head.share(from_frame.apply(nodes.at(i)), edges[i]))
            .collect();
        let at: Vec<V2> = nodes.all().collect();
        let rest: Vec<V2> = nodes.all().map(|at| from_frame.apply(at)).collect();
        let hold = edges.iter().map(|e| smoothstep(0.0, HELD, *e)).collect();
        Self {
            spec: *spec,
            base: sources(&colour::convert(&stage.rgba, spec)),
            map: ColourMap::new(spec.format, spec.colour),
            down: to_frame.apply_vector(mouth.vector_to_face(V2::new(0.0, 1.0))),
            to_mouth: from_frame.then(&mouth.frame().inverse()),
            to_eyes: [0, 1].map(|e: usize| from_frame.then(&eyes[e].frame().inverse())),
            from_eyes: [0, 1].map(|e: usize| eyes[e].frame().then(&to_frame)),
            to_frame,
            from_frame,
            pixel,
            lip_soft: LIP_SOFT.max(pixel).max(LIP_SOFT_SHARE * edge_width),
            painter: Painter::new(&mouth, light, lips, edge_width, own.as_ref()),
            own,
            relief: Relief::new(&space.landmarks, &mouth, light.towards),
            eyes,
            gaze,
            mouth,
            field,
            head,
            shares,
            rest: rest.clone(),
            near: vec![0; nodes.count()],
            hold,
            posed: rest,
            back: [0, 1].map(|_| vec![V2::ZERO; nodes.count()]),
            places: [0, 1].map(|_| Places::new(&at)),
            from: [at.clone(), at],
            placed: Area::NONE,
            scratch: vec![Scratch::new(&nodes)],
            nodes,
        }
    }

    /// The frames that it draws.
    pub fn spec(&self) -> &FrameSpec {
        &self.spec
    }

    /// Draws with so many threads from now on, at most one a processor; 0 is one a processor.
    /// What is drawn stays the same to the bit. A new rig draws on the calling thread alone.
    pub fn set_threads(&mut self, wish: usize) {
        self.scratch
            .resize_with(threads::stripes(wish), || Scratch::new(&self.nodes));
    }

    /// The portrait at rest.
    pub fn base(&self) -> FrameBuf {
        FrameBuf {
            spec: self.spec,
            planes: self.base.iter().map(Source::plane).collect(),
        }
    }

    /// Size of a frame sample, IOD.
    pub fn pixel(&self) -> f32 {
        self.pixel
    }

    /// Whether the eyes look about.
    pub fn gaze(&self) -> Gaze {
        self.gaze
    }

    /// Both eyes, the viewer's left first.
    pub fn eyes(&self) -> &[Eye; 2] {
        &self.eyes
    }

    /// Face space to frame samples.
    pub fn face_to_frame(&self, p: V2) -> V2 {
        self.to_frame.apply(p)
    }

    /// Draws one frame: every sample of it is written. The planes must hold the rig's
    /// [`spec`](Self::spec).
    pub fn draw(&mut self, pose: &FacePose, frame: &mut FrameMut<'_>) -> Drawn {
        let posed = self.pose(pose);
        let turn = Turn::new(&pose.head);
        self.place_nodes(&turn, &posed);
        let mut scratch = std::mem::take(&mut self.scratch);
        let stripe = Stripe::whole(frame, self.spec.height);
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
        let slit = Slit::posed(&self.mouth, &self.field.lip_upper, &self.field.lip_lower);
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
                let eye = &self.eyes[side];
                eye.seen(eye.lid(pose, side), self.pixel)
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
        if self.mouth.closed {
            0.0
        } else if self.mouth.is_narrow() {
            let opened = slit.aperture() - self.mouth.rest_gap(0.0);
            let raised = self.mouth.upper.at(0.0) - slit.upper.at(0.0);
            1.0 - smoothstep(0.0, 0.02, opened.max(raised))
        } else {
            1.0
        }
    }
}

/// The planes of a frame, to be read between their samples.
fn sources(frame: &FrameBuf) -> Vec<Source> {
    let spec = &frame.spec;
    let planes = frame.planes.iter().enumerate();
    planes
        .map(|(p, data)| {
            let layout = spec.format.plane(p);
            let (width, height) = layout.size(spec.width, spec.height);
            Source::new(data, width, height, layout.channels)
        })
        .collect()
}

/// How far a node lies inside what stays along the edges of the picture (left, top, right and
/// bottom in the frame), luma samples. A cell that reaches over the border stays too.
fn from_edge(nodes: &NodeGrid, node: usize, picture: &[usize; 4]) -> f32 {
    let at = nodes.at(node);
    let [left, top, right, bottom] = picture.map(|v| v as f32);
    let across = (at.x - left).min(right - 1.0 - at.x) - EDGE * (right - left);
    let down = (at.y - top).min(bottom - 1.0 - at.y) - EDGE * (bottom - top);
    across.min(down) - nodes.cell as f32
}

/// The nodes over the moving part of the frame.
fn node_grid(
    spec: &FrameSpec,
    picture: &[usize; 4],
    to_frame: &Affine,
    nose: V2,
    pixel: f32,
) -> NodeGrid {
    let most = (NODE / pixel).clamp(4.0, MAX_CELL as f32) as usize;
    let cell = 1 << most.ilog2();
    let centre = to_frame.apply(nose);
    // The bounding box of a circle under the affine map.
    let reach = V2::new(
        MOVING * to_frame.ex.x.hypot(to_frame.ey.x),
        MOVING * to_frame.ex.y.hypot(to_frame.ey.y),
    );
    let clamp = |v: f32, low: usize, high: usize| (v.max(low as f32) as usize).min(high);
    let left = clamp(centre.x - reach.x, picture[0], spec.width) / 2 * 2;
    let top = clamp(centre.y - reach.y, picture[1], spec.height) / 2 * 2;
    let right = clamp(centre.x + reach.x, picture[0], picture[2].min(spec.width));
    let bottom = clamp(centre.y + reach.y, picture[1], picture[3].min(spec.height));
    NodeGrid {
        left,
        top,
        cell,
        cols: right.saturating_sub(left).div_ceil(cell),
        rows: bottom.saturating_sub(top).div_ceil(cell),
    }
}

/// Reads the staged picture (R, G, B, A bytes) at a point of face space, sRGB.
fn reader<'a>(
    rgba: &'a [u8],
    spec: &'a FrameSpec,
    to_frame: &'a Affine,
) -> impl Fn(V2) -> [f32; 3] + 'a {
    |p| {
        let at = to_frame.apply(p);
        let col = (at.x.round().max(0.0) as usize).min(spec.width - 1);
        let row = (at.y.round().max(0.0) as usize).min(spec.height - 1);
        let pixel = &rgba[(row * spec.width + col) * 4..];
        [pixel[0], pixel[1], pixel[2]].map(f32::from)
    }
}

/// Brightness of an sRGB colour, 0–255.
fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.3 * r + 0.59 * g + 0.11 * b
}
