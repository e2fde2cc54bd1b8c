// SPDX-License-Identifier: MPL-2.0
//! The skin of a shut eyelid, made from the skin around the eye.

use super::{
    eye::Eye,
    patch::{Patch, mean},
    space::{V2, smoothstep},
};

/// The patch reaches this far to either side, half-widths of the eye.
const REACH: f32 = 1.8;
/// The eye proper: the opening and so much above it (liner, the lid's fold) and below it (the
/// lower lid's wet edge), IOD.
const RIM: (f32, f32) = (0.05, 0.026);
/// Lashes, and the fold that a shut lid smooths, reach this far above the upper lid, IOD; below
/// the lower one 0.6 of that.
const LASHES: f32 = 0.09;
/// Lashes are darker than the skin by this fraction, and the white of an eye whose lids lie
/// elsewhere than the landmarks say is paler by this one.
const DARKER: f32 = 0.10;
const PALER: f32 = 0.12;
/// Nothing darker than the skin's luma by this factor is taken for the white, whose lids shade it.
const DIMMEST: f32 = 0.6;
/// A drawn eye's rim is darker than the skin above it by this factor.
const RIM_DARK: f32 = 0.75;
/// It is looked for where what is dark is so many times as thick as usual rims.
const THICK: f32 = 1.3;
/// A fringe of lashes goes on beyond it by so much, IOD.
const FRINGE: f32 = 0.025;
/// How far a lid bulges over the eyeball: lighter in the middle, darker at its edges.
const ROUND: (f32, f32) = (0.17, 0.08);

/// The fold above a shut lid: how far above the open one, and how wide, IOD; how dark.
const FOLD: (f32, f32) = (0.022, 0.014);
const FOLD_DARK: f32 = 0.08;

/// The skin over an eye, as if there were no eye.
#[derive(Clone, Debug)]
pub struct ShutLid {
    skin: Patch,
    /// How much of the skin is made, 0–1, in every channel: elsewhere the picture itself is lid.
    made: Patch,
    /// Colour of its line of lashes, sRGB.
    pub lash: [f32; 3],
    /// How far the lashes reach above the open lid, IOD.
    pub lash_length: f32,
}

/// The picture around an eye, and what the skin would be there without the eye.
pub(super) struct Around {
    picture: Patch,
    bare: Patch,
    near: Vec<Near>,
}

impl Around {
    /// `colour` reads sRGB at a point of eye space, `step` is the size of a frame sample in IOD.
    pub(super) fn new(eye: &Eye, step: f32, colour: impl Fn(V2) -> [f32; 3]) -> Self {
        let half = REACH * eye.half_width();
        let top = eye.upper.least().min(0.0) - LASHES - 0.06;
        let bottom = eye.lower.most().max(0.0) + LASHES + 0.06;
        let size = V2::new(2.0 * half, bottom - top);
        let picture = Patch::read(V2::new(-half, top), size, step.clamp(0.004, 0.03), colour);
        let mut near: Vec<Near> = (0..picture.colours().len())
            .map(|i| Near::new(eye, picture.place(i)))
            .collect();
        include_rims(eye, &picture, &mut near);
        let outside: Vec<bool> = near.iter().map(|n| *n == Near::Skin).collect();
        let mut bare = picture.clone();
        bare.fill(&outside);
        Self {
            picture,
            bare,
            near,
        }
    }

    /// Where a node lies.
    pub(super) fn place(&self, node: usize) -> V2 {
        self.picture.place(node)
    }

    /// Nodes a row, and of each node whether it is as pale as the white of an eye: paler than
    /// most of what is no eye by the landmarks.
    pub(super) fn whites(&self) -> (usize, Vec<bool>) {
        let colours = self.picture.colours();
        let skin = |of: fn([f32; 3]) -> f32| {
            let known = colours.iter().zip(&self.near);
            let known = known.filter(|(_, near)| **near == Near::Skin);
            let mut all: Vec<f32> = known.map(|(c, _)| of(*c)).collect();
            all.sort_by(f32::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        let (usual, bright) = (skin(paleness), skin(luma));
        let is_white = |c: &[f32; 3]| paleness(*c) > usual + PALER && luma(*c) > DIMMEST * bright;
        (
            self.picture.size().0,
            colours.iter().map(is_white).collect(),
        )
    }

    /// How much paler than skin a point is: the white of an eye is, 0–1.
    pub(super) fn pale(&self, p: V2) -> f32 {
        let (own, skin) = (self.picture.at(p), self.bare.at(p));
        if luma(own) < 0.7 * luma(skin) {
            return 0.0;
        }
        ((paleness(own) - paleness(skin)) / (2.0 * PALER)).clamp(0.0, 1.0)
    }

    /// How much darker than skin a point is: lashes and irises are, 0–1.
    pub(super) fn dark(&self, p: V2) -> f32 {
        let (own, skin) = (luma(self.picture.at(p)), luma(self.bare.at(p)).max(8.0));
        ((1.0 - own / skin) / (4.0 * DARKER)).clamp(0.0, 1.0)
    }
}

impl ShutLid {
    /// Not painted yet.
    pub const EMPTY: ShutLid = ShutLid {
        skin: Patch::EMPTY,
        made: Patch::EMPTY,
        lash: [0.0; 3],
        lash_length: 0.0,
    };

    /// Cuts the eye with its lashes out of the picture and fills the hole smoothly from its rim.
    pub(super) fn paint(eye: &Eye, around: Around) -> Self {
        let Around {
            picture,
            bare,
            near,
        } = around;
        let count = picture.colours().len();
        let other = |i: usize| differs(picture.colours()[i], bare.colours()[i]);
        let hole: Vec<bool> = (0..count)
            .map(|i| near[i] == Near::Eye || (near[i] == Near::Lashes && other(i)))
            .collect();
        let (cols, rows) = picture.size();
        let reach = (0.012 / picture.step()).ceil().clamp(1.0, 3.0) as usize;
        let hole = widened(&hole, cols, rows, reach);
        let known: Vec<bool> = hole.iter().map(|h| !h).collect();
        let mut skin = picture.clone();
        skin.fill(&known);
        let lash = lash_colour(eye, &picture);
        let lash_length = lash_length(eye, &picture, &bare);
        let mut made = picture;
        for (m, h) in made.colours_mut().iter_mut().zip(&hole) {
            *m = [f32::from(u8::from(*h)); 3];
        }
        soften(&mut made);
        let mut lid = Self {
            skin,
            made,
            lash,
            lash_length,
        };
        lid.model(eye);
        lid
    }

    /// A lid is round: a little lighter over the eyeball, darker towards its edges.
    fn model(&mut self, eye: &Eye) {
        for i in 0..self.skin.colours().len() {
            let p = self.skin.place(i);
            let made = self.made.colours()[i][0];
            let s = p.x / eye.half_width();
            let (upper, lower) = (eye.upper.at(p.x), eye.lower.at(p.x));
            let t = ((p.y - upper) / (lower - upper).max(0.03)).clamp(-1.0, 1.5);
            let across = (1.0 - s * s).max(0.0);
            let round = across * (1.0 - (t - 0.35) * (t - 0.35) * 1.6).max(0.0);
            let light = ROUND.0 * round - ROUND.1 * across * smoothstep(0.3, 1.1, t);
            let fold = (p.y - upper + FOLD.0.min(0.4 * eye.room)) / FOLD.1;
            let light = light - FOLD_DARK * across * (-fold * fold).exp();
            let colour = &mut self.skin.colours_mut()[i];
            *colour = colour.map(|c| (c * (1.0 + made * light)).min(255.0));
        }
    }

    /// How much of the skin is made at a point of eye space, 0–1.
    pub fn made(&self, p: V2) -> f32 {
        self.made.at(p)[0]
    }

    /// The colour of the made skin at a point of eye space, sRGB.
    pub fn skin(&self, p: V2) -> [f32; 3] {
        self.skin.at(p)
    }
}

/// What may lie at a point around an eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Near {
    /// The eyeball or the lids' rims.
    Eye,
    /// Skin with lashes before it, perhaps.
    Lashes,
    /// Nothing but skin.
    Skin,
}

impl Near {
    fn new(eye: &Eye, p: V2) -> Self {
        let s = (p.x / eye.half_width()).abs();
        let (upper, lower) = (eye.upper.at(p.x), eye.lower.at(p.x));
        let (above, below) = (upper - p.y, p.y - lower);
        let outside = above.max(below);
        // Beyond the corners rims run together, lashes do not.
        let rim = if above > below { rim(eye) } else { RIM.1 };
        let rim = rim * ((1.12 - s) / 0.12).clamp(0.0, 1.0).sqrt();
        let room = (0.85 * eye.room).min(LASHES);
        let lashes = if above > below { room } else { 0.6 * LASHES };
        // The lid's fold does not come down to the corners as its edge does.
        let middle = 0.6 * eye.half_width();
        let above_fold = eye.upper.at(p.x.clamp(-middle, middle)) - p.y;
        let fold = room * ((1.25 - s) / 0.2).clamp(0.0, 1.0).sqrt();
        let lashes = lashes * ((1.6 - s) / 0.2).clamp(0.0, 1.0).sqrt();
        if s < 1.12 && outside < rim {
            Near::Eye
        } else if (s < 1.6 && outside < lashes) || (s < 1.25 && above > below && above_fold < fold)
        {
            Near::Lashes
        } else {
            Near::Skin
        }
    }
}

/// How far above the lid all is the eye's, IOD.
fn rim(eye: &Eye) -> f32 {
    RIM.0.min(0.6 * eye.room)
}

/// Upper rims of drawn eyes may be thick, and landmarks lie inside of them: what is dark from the lid
/// on, much further than most rims, and ends below the brow is the eye's.
fn include_rims(eye: &Eye, picture: &Patch, near: &mut [Near]) {
    let (cols, rows) = picture.size();
    let y = |row: usize| picture.place(row * cols).y;
    let x = |col: usize| picture.place(col).x;
    let brow = (0..rows).find(|row| y(*row) > eye.brow).unwrap_or(rows);
    let lid = |col: usize| {
        let upper = eye.upper.at(x(col));
        (0..rows).find(|row| y(*row) >= upper).unwrap_or(0)
    };
    // The first row that is dark, where the rim has an end.
    let end = |col: usize| {
        let light = |row: usize| luma(picture.colours()[row * cols + col]);
        let skin = (brow..lid(col)).map(light).fold(0.0, f32::max);
        let above = (brow..lid(col)).rev();
        let dark = above.take_while(|row| light(*row) < RIM_DARK * skin);
        let beyond = |row: &usize| eye.upper.at(x(col)) - y(*row) > THICK * rim(eye);
        dark.last().filter(|row| *row > brow).filter(beyond)
    };
    let ends: Vec<Option<usize>> = (0..cols)
        .map(|col| end(col).filter(|_| x(col).abs() <= eye.half_width()))
        .collect();
    // Between its lashes a fringe is as light as skin, and their tips are.
    let fringe = (FRINGE / picture.step()).ceil() as usize;
    for col in 0..cols {
        let around = col.saturating_sub(fringe)..(col + fringe + 1).min(cols);
        let Some(end) = ends[around].iter().flatten().min() else {
            continue;
        };
        for row in end.saturating_sub(fringe).max(brow)..lid(col) {
            near[row * cols + col] = Near::Eye;
        }
    }
}

/// A mask grown by that many nodes each way.
fn widened(mask: &[bool], cols: usize, rows: usize, by: usize) -> Vec<bool> {
    let span = |at: usize, end: usize| at.saturating_sub(by)..(at + by + 1).min(end);
    let across: Vec<bool> = (0..mask.len())
        .map(|i| span(i % cols, cols).any(|col| mask[i / cols * cols + col]))
        .collect();
    (0..mask.len())
        .map(|i| span(i / cols, rows).any(|row| across[row * cols + i % cols]))
        .collect()
}

/// Lets the edge of a mask fade over two nodes.
fn soften(mask: &mut Patch) {
    let (cols, rows) = mask.size();
    for _ in 0..2 {
        let before: Vec<f32> = mask.colours().iter().map(|c| c[0]).collect();
        for (i, colour) in mask.colours_mut().iter_mut().enumerate() {
            let (col, row) = (i % cols, i / cols);
            let around = [
                i,
                row * cols + col.saturating_sub(1),
                row * cols + (col + 1).min(cols - 1),
                row.saturating_sub(1) * cols + col,
                (row + 1).min(rows - 1) * cols + col,
            ];
            *colour = [around.iter().map(|&j| before[j]).sum::<f32>() * 0.2; 3];
        }
    }
}

/// The darker colours along the upper lid.
fn lash_colour(eye: &Eye, picture: &Patch) -> [f32; 3] {
    let mut along: Vec<[f32; 3]> = (0..33 * 5)
        .map(|i| {
            let x = ((i % 33) as f32 / 16.0 - 1.0) * 0.8 * eye.half_width();
            let y = eye.upper.at(x) + ((i / 33) as f32 - 3.0) * 0.012;
            picture.at(V2::new(x, y))
        })
        .collect();
    along.sort_by(|a, b| luma(*a).total_cmp(&luma(*b)));
    mean(along.into_iter().take(40))
}

/// How far dark strokes reach above the upper lid, on average.
fn lash_length(eye: &Eye, picture: &Patch, bare: &Patch) -> f32 {
    let step = 0.004;
    let column = |x: f32| {
        let dark = |k: &i32| {
            let p = V2::new(x, eye.upper.at(x) - step * *k as f32);
            luma(picture.at(p)) < (1.0 - 2.0 * DARKER) * luma(bare.at(p))
        };
        (1..16).take_while(dark).count() as f32 * step
    };
    let columns = -10i32..=10;
    let count = columns.clone().count() as f32;
    columns
        .map(|i| column(0.08 * i as f32 * eye.half_width()))
        .sum::<f32>()
        / count
}

/// Whether a colour is no skin where skin has the colour `skin`.
fn differs(own: [f32; 3], skin: [f32; 3]) -> bool {
    let (a, b) = (luma(own), luma(skin));
    a < (1.0 - DARKER) * b || (a > 0.8 * b && paleness(own) > paleness(skin) + PALER)
}

/// 1 without any colour, 0 for a pure one.
fn paleness(c: [f32; 3]) -> f32 {
    c[0].min(c[1]).min(c[2]) / luma(c).max(8.0)
}

fn luma(c: [f32; 3]) -> f32 {
    0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]
}
