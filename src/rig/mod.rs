// SPDX-License-Identifier: MPL-2.0
//! [`Rig`]: a portrait that can be posed and drawn.
//!
//! A posed frame is the resting frame looked at through three maps, applied from the outside in:
//! the head's motion ([`head`]), the face's expression ([`field`], cut along the lips), and the
//! lids ([`eye`]). Between the lips the inside of the mouth ([`interior`]) shows.

mod basis;
pub mod colour;
pub mod control;
pub mod curve;
pub mod eye;
pub mod field;
pub mod head;
pub mod interior;
pub mod lid;
pub mod light;
mod line;
mod lips;
pub mod mouth;
pub mod relief;
pub mod sample;
#[cfg(target_arch = "x86_64")]
mod simd;
pub mod space;
mod staging;
mod teeth;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_mouth;
pub mod warp;

pub use staging::{Background, Framing, Staging};

use crate::{
    face::Portrait,
    frame::{ChromaSite, FrameBuf, FrameMut, FrameSpec},
    pose::{Arkit, FacePose},
};
use colour::ColourMap;
use eye::{Eye, Lid};
use field::{Field, Layer};
use head::{HeadMotion, Share, Turn};
use interior::{Inside, Painter};
use light::Light;
use mouth::{Mouth, Slit};
use relief::Relief;
use sample::Source;
use space::{Affine, FaceSpace, V2};
use teeth::OwnTeeth;
use warp::{Canvas, Cell, MAX_CELL, NodeGrid, Over, Scratch, Shade, Stripe, between};

/// Width of the soft edge between lip and mouth interior, IOD.
const LIP_SOFT: f32 = 0.012;
/// Largest distance from node to node over the frame, IOD.
const NODE: f32 = 0.09;
/// Everything that can move lies within this distance of the nose tip, IOD.
const MOVING: f32 = 3.05;

/// What came of drawing one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drawn {
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
    /// Size of a frame sample, IOD.
    pixel: f32,
    mouth: Mouth,
    eyes: [Eye; 2],
    field: Field,
    head: HeadMotion,
    painter: Painter,
    own: Option<OwnTeeth>,
    relief: Relief,
    nodes: NodeGrid,
    shares: Vec<Share>,
    /// Per node: where it lies on the posed face, face space.
    posed: Vec<V2>,
    /// Per layer and node: where it comes from, frame samples.
    from: [Vec<V2>; 2],
    scratch: Scratch,
}

/// What one frame's pose comes to.
struct Posed {
    slit: Slit,
    lids: [Lid; 2],
    inside: Inside,
    /// Whether anything of the face is displaced.
    moved: bool,
    aperture: f32,
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
        let light = Light::of_face(&colour, &space.landmarks);
        let mut mouth = Mouth::new(&space.landmarks);
        mouth.fit(&colour);
        let own = OwnTeeth::find(&mouth, &colour).filter(|_| !mouth.is_narrow());
        let controls = control::controls(&space.landmarks, &mouth);
        let field = Field::new(&space.landmarks, &mouth, &controls);
        let head = HeadMotion::new(&space.landmarks);
        let mut eyes = Eye::pair(&space.landmarks);
        for eye in &mut eyes {
            eye.paint_lid(&colour);
        }
        drop(colour);
        let nodes = node_grid(spec, &stage.picture, &to_frame, space.landmarks[30], pixel);
        let shares = (0..nodes.count())
            .map(|i| {
                let at = nodes.at(i);
                let [left, top, right, bottom] = stage.picture.map(|v| v as f32);
                let edge = (at.x - left)
                    .min(at.y - top)
                    .min(right - 1.0 - at.x)
                    .min(bottom - 1.0 - at.y);
                head.share(from_frame.apply(at), edge * pixel)
            })
            .collect();
        Self {
            spec: *spec,
            base: sources(&colour::convert(&stage.rgba, spec)),
            map: ColourMap::new(spec.format, spec.colour),
            to_mouth: from_frame.then(&mouth.frame().inverse()),
            to_frame,
            from_frame,
            pixel,
            painter: Painter::new(&mouth, light, own.as_ref()),
            own,
            relief: Relief::new(&space.landmarks, &mouth, light.towards),
            eyes,
            mouth,
            field,
            head,
            shares,
            posed: vec![V2::ZERO; nodes.count()],
            from: [vec![V2::ZERO; nodes.count()], vec![V2::ZERO; nodes.count()]],
            scratch: Scratch::new(&nodes),
            nodes,
        }
    }

    /// The frames that it draws.
    pub fn spec(&self) -> &FrameSpec {
        &self.spec
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

    /// Face space to frame samples.
    pub fn face_to_frame(&self, p: V2) -> V2 {
        self.to_frame.apply(p)
    }

    /// Draws one frame: every sample of it is written. The planes must hold the rig's
    /// [`spec`](Self::spec).
    pub fn draw(&mut self, pose: &FacePose, frame: &mut FrameMut<'_>) -> Drawn {
        let posed = self.pose(pose);
        let turn = Turn::new(&pose.head);
        self.place_nodes(&turn);
        let mut scratch = std::mem::take(&mut self.scratch);
        self.draw_stripe(
            &posed,
            &mut Stripe::whole(frame, self.spec.height),
            &mut scratch,
        );
        self.scratch = scratch;
        Drawn {
            aperture: posed.aperture,
        }
    }

    /// Draws some rows of the frame: whole rows of cells, and what lies above and below them.
    fn draw_stripe(&self, posed: &Posed, stripe: &mut Stripe<'_>, scratch: &mut Scratch) {
        let canvas = Canvas {
            spec: &self.spec,
            base: &self.base,
            map: &self.map,
            site: chroma_site(self.spec.chroma_site),
            nodes: &self.nodes,
        };
        let rows = stripe.rows();
        let (first, last) = (self.nodes.row(rows.start), self.nodes.row(rows.end));
        canvas.rest(
            stripe,
            rows.start..self.nodes.top.clamp(rows.start, rows.end),
        );
        for row in first..last {
            scratch.cells.clear();
            for col in 0..self.nodes.cols {
                scratch.cells.push(self.cell(posed, col, row));
            }
            canvas.cells(stripe, row, &self.from, scratch);
            for col in 0..self.nodes.cols {
                self.draw_shaded(&canvas, posed, stripe, scratch.cells[col], col, row);
            }
            self.shade_skin(posed, stripe, row);
        }
        let bottom = self.nodes.top + self.nodes.rows * self.nodes.cell;
        canvas.rest(stripe, bottom.clamp(rows.start, rows.end)..rows.end);
    }

    /// How a cell is drawn.
    fn cell(&self, posed: &Posed, col: usize, row: usize) -> Cell {
        let corners = self.nodes.corners(col, row);
        let at = corners.map(|i| self.nodes.at(i));
        let face = corners.map(|i| self.posed[i]);
        if self.in_slit(posed, &face) {
            return Cell::Lips;
        }
        let layer = self.side(posed, between(&face, 0.5, 0.5));
        let from = corners.map(|i| self.from[layer as usize][i]);
        let radius = self.nodes.cell as f32 * self.pixel;
        let eye = (0..2).find(|&e| {
            !posed.lids[e].is_still()
                && self.eyes[e].near(self.from_frame.apply(between(&from, 0.5, 0.5)), radius)
        });
        match eye {
            Some(eye) => Cell::Eye(eye),
            None if warp::is_still(&at, &from) => Cell::Still,
            None => Cell::Plain(layer),
        }
    }

    fn draw_shaded(
        &self,
        canvas: &Canvas<'_>,
        posed: &Posed,
        stripe: &mut Stripe<'_>,
        cell: Cell,
        col: usize,
        row: usize,
    ) {
        let corners = self.nodes.corners(col, row);
        let layers = [0, 1].map(|layer: usize| corners.map(|i| self.from[layer][i]));
        let face = corners.map(|i| self.posed[i]);
        match cell {
            Cell::Lips => canvas.shaded(stripe, col, row, |tx, ty| {
                self.lip_shade(posed, between(&face, tx, ty), &layers, tx, ty)
            }),
            Cell::Eye(eye) => {
                let from = &layers[self.side(posed, between(&face, 0.5, 0.5)) as usize];
                canvas.shaded(stripe, col, row, |tx, ty| {
                    self.eye_shade(&posed.lids[eye], eye, between(from, tx, ty))
                });
            }
            Cell::Still | Cell::Plain(_) => {}
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
            lids: [0, 1].map(|side| self.eyes[side].lid(pose, side)),
            inside: Inside {
                jaw,
                tongue: pose.get(Arkit::TongueOut),
            },
            moved,
            aperture: slit.aperture(),
            slit_box: [from, top, to, bottom],
            slit,
        }
    }

    /// Every node: where it lies on the posed face, and where it comes from by either layer.
    fn place_nodes(&mut self, turn: &Turn) {
        let still = turn.is_still();
        for i in 0..self.nodes.count() {
            let at = self.nodes.at(i);
            let p = self.from_frame.apply(at);
            let q = if still {
                p
            } else {
                self.head.source(turn, p, self.shares[i])
            };
            self.posed[i] = q;
            for layer in [Layer::Upper, Layer::Lower] {
                let back = self.field.back(layer, q);
                let from = if still && back == V2::ZERO {
                    at
                } else {
                    self.to_frame.apply(q + back)
                };
                self.from[layer as usize][i] = from;
            }
        }
    }

    /// A sample near an eye that blinks or looks.
    fn eye_shade(&self, lid: &Lid, eye: usize, from: V2) -> Shade {
        let eye = &self.eyes[eye];
        let local = eye.to_local(self.from_frame.apply(from));
        let point = eye.source(lid, local, self.pixel);
        let over = if point.cover > 0.0 {
            Over::Paint(point.lid, point.cover)
        } else {
            Over::Nothing
        };
        let from = if point.from == local {
            from
        } else {
            self.to_frame.apply(eye.to_face(point.from))
        };
        Shade { from, over }
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

/// Luma offset of chroma sample 0.
fn chroma_site(site: ChromaSite) -> V2 {
    match site {
        ChromaSite::Left => V2::new(0.0, 0.5),
        ChromaSite::Centre => V2::new(0.5, 0.5),
    }
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
