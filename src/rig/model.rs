// SPDX-License-Identifier: MPL-2.0
//! [`Model`]: what the rigs of one portrait in one frame layout have in common.

use super::{
    colour::{self, ColourMap},
    control,
    eye::{Eye, Gaze},
    field::Shapes,
    head::{HeadMotion, Share},
    interior::Painter,
    light::Light,
    luma,
    mouth::Mouth,
    relief::Maps,
    sample::Source,
    softness,
    space::{Affine, FaceSpace, V2, smoothstep},
    staging::{Stage, Staging},
    teeth::OwnTeeth,
    warp::{MAX_CELL, NodeGrid},
};
use crate::{
    face::Portrait,
    frame::{FrameBuf, FrameSpec},
};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Width of the soft edge between lip and mouth interior at least, IOD, and in a picture with soft
/// edges: of their width.
const LIP_SOFT: f32 = 0.012;
const LIP_SOFT_SHARE: f32 = 0.6;
/// Largest distance from node to node over the frame, IOD.
const NODE: f32 = 0.09;
/// Everything that can move lies within this distance of the nose tip, IOD.
const MOVING: f32 = 3.05;
/// What lies so near to an edge of the picture stays, whatever moves: a fraction of its side.
const EDGE: f32 = 0.02;
/// Expressions fade over so much before it, IOD.
const HELD: f32 = 0.2;

/// The models that rigs of this process draw.
static LIVING: Mutex<Vec<Weak<Model>>> = Mutex::new(Vec::new());

fn living() -> Vec<Arc<Model>> {
    let living = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
    living.iter().filter_map(Weak::upgrade).collect()
}

/// What of a portrait in one frame layout does not depend on the pose.
pub(super) struct Model {
    pub spec: FrameSpec,
    /// Face space. With the layout, the frame and how it shows them all of the rest is given.
    landmarks: [V2; 68],
    /// The part of the frame that shows the picture: left, top, right, bottom (exclusive).
    picture: [usize; 4],
    /// The resting frame, one a plane.
    pub base: Vec<Source>,
    pub map: ColourMap,
    /// Face space to frame samples and back.
    pub to_frame: Affine,
    pub from_frame: Affine,
    /// Frame samples to mouth space.
    pub to_mouth: Affine,
    /// One down in mouth space, frame samples.
    pub down: V2,
    /// Frame samples to the spaces of both eyes and back.
    pub to_eyes: [Affine; 2],
    pub from_eyes: [Affine; 2],
    /// Size of a frame sample, IOD.
    pub pixel: f32,
    /// Width of the soft edge between lip and mouth interior, IOD.
    pub lip_soft: f32,
    pub mouth: Mouth,
    pub eyes: [Eye; 2],
    pub gaze: Gaze,
    pub shapes: Arc<Shapes>,
    pub head: HeadMotion,
    pub painter: Painter,
    pub own: Option<OwnTeeth>,
    pub maps: Arc<Maps>,
    pub nodes: NodeGrid,
    /// Per node: where it lies at rest, face space; and its share of the head's motion.
    pub rest: Vec<V2>,
    pub shares: Vec<Share>,
    /// Per node: how much it takes part in the face's expression, 0 along the picture's edges.
    pub hold: Vec<f32>,
}

impl Model {
    /// The model of that portrait in that layout: one that lives, where its frame and face are the
    /// same, or a new one.
    pub fn of(portrait: &Portrait, spec: &FrameSpec, staging: &Staging) -> Arc<Self> {
        let stage = staging.stage(portrait, spec);
        let base = sources(&colour::convert(&stage.rgba, spec));
        let space = FaceSpace::new(&portrait.landmarks);
        let to_frame = space.to_picture.then(&stage.placement);
        let same = |model: &Arc<Self>, base: &[Source]| {
            model.spec == *spec
                && model.landmarks == space.landmarks
                && model.to_frame == to_frame
                && model.picture == stage.picture
                && model.base == base
        };
        let find = |base: &[Source]| living().into_iter().find(|model| same(model, base));
        if let Some(model) = find(&base) {
            return model;
        }
        let model = Arc::new(Self::new(&space, to_frame, spec, &stage, base));
        // Another thread may have made the same one meanwhile.
        if let Some(model) = find(&model.base) {
            return model;
        }
        let mut living = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
        living.retain(|model| model.strong_count() > 0);
        living.push(Arc::downgrade(&model));
        model
    }

    fn new(
        space: &FaceSpace,
        to_frame: Affine,
        spec: &FrameSpec,
        stage: &Stage,
        base: Vec<Source>,
    ) -> Self {
        let from_frame = to_frame.inverse();
        let pixel = (from_frame.ex.length() * from_frame.ey.length()).sqrt();
        let colour = reader(&stage.rgba, spec, &to_frame);
        let mut mouth = Mouth::new(&space.landmarks);
        mouth.fit(&colour);
        let own = OwnTeeth::find(&mouth, &colour).filter(|_| !mouth.is_narrow());
        let controls = control::controls(&space.landmarks, &mouth);
        let shapes = Arc::new(Shapes::new(&space.landmarks, &mouth, &controls));
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
        let rest = nodes.all().map(|at| from_frame.apply(at)).collect();
        let hold = edges.iter().map(|e| smoothstep(0.0, HELD, *e)).collect();
        Self {
            spec: *spec,
            landmarks: space.landmarks,
            picture: stage.picture,
            base,
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
            maps: Arc::new(Maps::new(&space.landmarks, &mouth, light.towards)),
            eyes,
            gaze,
            mouth,
            shapes,
            head,
            shares,
            rest,
            hold,
            nodes,
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
