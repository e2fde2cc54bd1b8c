// SPDX-License-Identifier: MPL-2.0
//! [`Relief`]: the light and shade that a pose adds to the skin. A warp alone moves the
//! portrait's own shading about; lips that come forward, creases at pulled corners, the fold
//! beside the nose and a raised cheek have to catch the light anew.
//!
//! Every shape has a map of gains over the resting face around the mouth, made once from heights
//! whose slope meets the portrait's light, and from creases that are dark whatever the light. A
//! pose is their weighted sum, looked up where the warp looks up the skin, so it moves with it.

use super::{
    form::Form,
    mouth::Mouth,
    space::{V2, whole},
    warp::MAX_CELL,
};
use crate::{
    frame::{FrameSpec, PixelFormat},
    pose::{Arkit, FacePose},
};
use std::sync::Arc;

/// The maps reach this far from the middle of the mouth, IOD (mouth space), ...
pub(super) const REACH: V2 = V2::new(1.0, 0.8);
/// ... in steps of this many IOD.
pub(super) const STEP: f32 = 0.025;
const COLS: usize = 81;
const ROWS: usize = 65;
/// Side of the blocks whose largest gain is kept, so that cells without any are passed over.
const BLOCK: usize = 4;
const BLOCK_COLS: usize = COLS.div_ceil(BLOCK);
const BLOCK_ROWS: usize = ROWS.div_ceil(BLOCK);
/// No shade is deeper, and no light stronger, than these.
const DEEPEST: f32 = -0.40;
const BRIGHTEST: f32 = 0.30;
/// A gain that changes no sample by half a step.
const FLAT: f32 = 1.0 / 512.0;
/// Places a cell is looked at each way, less one: creases are finer than cells.
pub const PARTS: usize = 4;

/// Gains at (`PARTS` + 1)² places of a cell, row by row.
pub type CellGains = [[f32; PARTS + 1]; PARTS + 1];

/// The gains of every shape that acts: the entries of whole rows that are not 0, and where they
/// begin.
pub struct Maps(Vec<(Arkit, usize, Vec<f32>)>);

/// The gains of a posed face.
pub struct Relief {
    maps: Arc<Maps>,
    sum: Vec<f32>,
    blocks: Vec<f32>,
    /// What is not flat lies between these, mouth space.
    low: V2,
    high: V2,
    flat: bool,
}

impl Maps {
    /// For a mouth in light from `towards` ([`super::light::Light::towards`], face space);
    /// `landmarks` in face space.
    pub fn new(landmarks: &[V2; 68], mouth: &Mouth, towards: V2) -> Self {
        let form = Form::new(landmarks, mouth, mouth.vector_to_local(towards));
        let maps = Arkit::ALL.into_iter().filter_map(|shape| {
            let map: Vec<f32> = (0..COLS * ROWS)
                .map(|i| form.gain(shape, place(i % COLS, i / COLS)))
                .collect();
            let first = map.iter().position(|g| *g != 0.0)? / COLS * COLS;
            let last = map.iter().rposition(|g| *g != 0.0)? / COLS * COLS;
            Some((shape, first, map[first..last + COLS].to_vec()))
        });
        Self(maps.collect())
    }
}

impl Relief {
    /// Of a face at rest.
    pub fn new(maps: Arc<Maps>) -> Self {
        Self {
            maps,
            sum: vec![0.0; COLS * ROWS],
            blocks: vec![0.0; BLOCK_COLS * BLOCK_ROWS],
            low: V2::ZERO,
            high: V2::ZERO,
            flat: true,
        }
    }

    /// Takes a pose.
    pub fn pose(&mut self, pose: &FacePose) {
        let mut active = self
            .maps
            .0
            .iter()
            .map(|(shape, first, map)| (pose.get(*shape), *first, map))
            .filter(|(weight, ..)| *weight > 0.0)
            .peekable();
        self.flat = active.peek().is_none();
        if self.flat {
            return;
        }
        self.sum.fill(0.0);
        for (weight, first, map) in active {
            for (sum, gain) in self.sum[first..].iter_mut().zip(map) {
                *sum += gain * weight;
            }
        }
        for sum in &mut self.sum {
            *sum = sum.clamp(DEEPEST, BRIGHTEST);
        }
        let bands = self.sum.chunks(COLS * BLOCK);
        for (rows, blocks) in bands.zip(self.blocks.chunks_exact_mut(BLOCK_COLS)) {
            let mut most = [0.0f32; COLS];
            for row in rows.chunks_exact(COLS) {
                for (most, sum) in most.iter_mut().zip(row) {
                    let size = sum.abs();
                    *most = if size > *most { size } else { *most };
                }
            }
            for (block, most) in blocks.iter_mut().zip(most.chunks(BLOCK)) {
                *block = most.iter().copied().fold(0.0, f32::max);
            }
        }
        (self.low, self.high) = (REACH, REACH * -1.0);
        let size = STEP * BLOCK as f32;
        for (i, _) in self.blocks.iter().enumerate().filter(|(_, b)| **b >= FLAT) {
            let at = V2::new((i % BLOCK_COLS) as f32, (i / BLOCK_COLS) as f32) * size - REACH;
            // To its last entries, and on to those around them, with which they are interpolated.
            let (low, high) = (at - V2::new(STEP, STEP), at + V2::new(size, size));
            self.low = V2::new(self.low.x.min(low.x), self.low.y.min(low.y));
            self.high = V2::new(self.high.x.max(high.x), self.high.y.max(high.y));
        }
    }

    /// Whether the pose adds nothing at all.
    pub fn is_flat(&self) -> bool {
        self.flat
    }

    /// Whether the pose adds nothing to a cell whose corners lie no further than `near` from a
    /// point at rest (mouth space).
    pub fn is_beyond(&self, p: V2, near: f32) -> bool {
        let out = |v: f32, low: f32, high: f32| v < low - near || v > high + near;
        out(p.x, self.low.x, self.high.x) || out(p.y, self.low.y, self.high.y)
    }

    /// Whether the pose adds nothing between two corners of a box at rest (mouth space).
    pub fn is_flat_within(&self, low: V2, high: V2) -> bool {
        let block = |v: f32, reach: f32, limit: usize| {
            let at = (v + reach) / (STEP * BLOCK as f32);
            (at.max(0.0) as usize).min(limit - 1)
        };
        let out = |low: f32, high: f32, reach: f32| high < -reach || low > reach;
        if out(low.x, high.x, REACH.x) || out(low.y, high.y, REACH.y) {
            return true;
        }
        // The last map point of a block is interpolated with the first of the next.
        let columns =
            block(low.x - STEP, REACH.x, BLOCK_COLS)..=block(high.x + STEP, REACH.x, BLOCK_COLS);
        let mut rows =
            block(low.y - STEP, REACH.y, BLOCK_ROWS)..=block(high.y + STEP, REACH.y, BLOCK_ROWS);
        rows.all(|row| {
            columns
                .clone()
                .all(|col| self.blocks[row * BLOCK_COLS + col] < FLAT)
        })
    }

    /// What the light on points of the resting face (mouth space; all coordinates across, then all
    /// down) changes by, as a fraction: 0 is no change.
    pub fn at_each<const N: usize>(&self, [x, y]: &[[f32; N]; 2]) -> [f32; N] {
        let (x, y) = (
            x.map(|x| (x + REACH.x) * (1.0 / STEP)),
            y.map(|y| (y + REACH.y) * (1.0 / STEP)),
        );
        let mut first = [0; N];
        let (mut tx, mut ty, mut near) = ([0.0; N], [0.0; N], [[0.0; 4]; N]);
        let mut inside = [false; N];
        for k in 0..N {
            inside[k] = is_inside(V2::new(x[k], y[k]));
            let (col, row) = (whole(x[k]).min(COLS - 2), whole(y[k]).min(ROWS - 2));
            (tx[k], ty[k]) = (x[k] - col as f32, y[k] - row as f32);
            first[k] = row * COLS + col;
        }
        for k in 0..N {
            let sum = &self.sum[first[k]..][..COLS + 2];
            near[k] = [sum[0], sum[1], sum[COLS], sum[COLS + 1]];
        }
        std::array::from_fn(|k| {
            let [a, b, c, d] = near[k];
            let (above, below) = (a + (b - a) * tx[k], c + (d - c) * tx[k]);
            let gain = above + (below - above) * ty[k];
            if inside[k] { gain } else { 0.0 }
        })
    }
}

/// How bytes of the first plane make brightness.
#[derive(Clone, Copy, Debug)]
pub struct Brightness {
    /// Bytes a sample.
    pub channels: usize,
    /// What black reads.
    black: f32,
    /// Share of each of the first three bytes.
    weights: [f32; 3],
}

impl Brightness {
    /// Of frames of that layout.
    pub fn new(spec: &FrameSpec) -> Self {
        Self {
            channels: spec.format.plane(0).channels,
            black: if spec.colour.full_range { 0.0 } else { 16.0 },
            weights: match spec.format {
                PixelFormat::I420 | PixelFormat::Nv12 => [1.0, 0.0, 0.0],
                PixelFormat::Bgrx | PixelFormat::Bgra => [0.11, 0.59, 0.30],
                PixelFormat::Rgbx | PixelFormat::Rgba => [0.30, 0.59, 0.11],
            },
        }
    }

    /// Changes the samples of line `y` of a cell of side `cell` by its gains, in brightness only:
    /// shadows on skin are more coloured than skin in light, not greyer.
    pub fn shade(&self, samples: &mut [u8], y: usize, cell: usize, gains: &CellGains) {
        // Cells are at least as many samples wide as they have parts, and powers of two.
        let part = cell / PARTS;
        let (row, ty) = (y / part, (y % part) as f32 / part as f32);
        let mut line = gains[row];
        for (g, below) in line.iter_mut().zip(gains[row + 1]) {
            *g += (below - *g) * ty;
        }
        if line.iter().all(|g| g.abs() < FLAT) {
            return;
        }
        let mut of_samples = [0; MAX_CELL];
        for (i, of_part) in of_samples[..cell].chunks_exact_mut(part).enumerate() {
            let (first, step) = (line[i], (line[i + 1] - line[i]) / part as f32);
            let (first, step) = ((first * GAIN_ONE) as i32, (step * GAIN_ONE) as i32);
            for (x, gain) in of_part.iter_mut().enumerate() {
                *gain = first + step * x as i32;
            }
        }
        if self.channels == 1 {
            let black = self.black as i32;
            for (sample, gain) in samples.iter_mut().zip(&of_samples) {
                let level = i32::from(*sample);
                let more = times(*gain, (level - black).max(0));
                *sample = (level + more).clamp(0, 255) as u8;
            }
            return;
        }
        for (sample, gain) in samples.chunks_exact_mut(self.channels).zip(&of_samples) {
            let level: f32 = sample
                .iter()
                .zip(self.weights)
                .map(|(b, w)| (f32::from(*b) - self.black) * w)
                .sum();
            let more = times(*gain, level.max(0.0) as i32);
            for byte in sample.iter_mut().take(3) {
                *byte = (i32::from(*byte) + more).clamp(0, 255) as u8;
            }
        }
    }
}

/// A gain of 1 where gains are whole numbers.
const GAIN_ONE: f32 = 32768.0;

/// So much of a level, rounded.
fn times(gain: i32, level: i32) -> i32 {
    (gain * level + (1 << 14)) >> 15
}

/// Whether a place in steps from a map's first entry lies between entries.
fn is_inside(at: V2) -> bool {
    at.x >= 0.0 && at.y >= 0.0 && at.x < (COLS - 1) as f32 && at.y < (ROWS - 1) as f32
}

/// Whether gains change nothing that is seen.
pub fn is_flat(gains: &CellGains) -> bool {
    gains.iter().flatten().all(|g| g.abs() < FLAT)
}

/// Where a map's entry lies, mouth space.
fn place(col: usize, row: usize) -> V2 {
    V2::new(col as f32, row as f32) * STEP - REACH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;
    use proptest::prelude::*;

    impl Relief {
        fn at(&self, p: V2) -> f32 {
            self.at_each(&[[p.x], [p.y]])[0]
        }
    }

    fn relief(towards: V2) -> (Relief, Mouth) {
        let face = usual_face(0.0);
        let mouth = Mouth::new(&face);
        (
            Relief::new(Arc::new(Maps::new(&face, &mouth, towards))),
            mouth,
        )
    }

    const ABOVE: V2 = V2::new(0.0, -0.6);

    #[test]
    fn lips_that_come_forward_are_bright_above_and_dark_below() {
        let (mut relief, mouth) = relief(ABOVE);
        relief.pose(&FacePose::REST.with(Arkit::MouthPucker, 1.0));
        let line = mouth.middle(0.0);
        assert!(relief.at(V2::new(0.0, line - 0.12)) > 0.08);
        assert!(relief.at(V2::new(0.0, line + 0.17)) < -0.08);
        // No seam where the lips meet.
        assert!(relief.at(V2::new(0.0, line)).abs() < 0.08);
    }

    #[test]
    fn the_light_decides_which_cheek_is_bright() {
        for (x, sign) in [(0.6, 1.0), (-0.6, -1.0)] {
            let (mut relief, mouth) = relief(V2::new(x, 0.0));
            relief.pose(&FacePose::REST.with(Arkit::MouthPucker, 1.0));
            let at = |u: f32| relief.at(V2::new(u, mouth.middle(u) + 0.05));
            assert!(
                (at(0.3) - at(-0.3)) * sign > 0.05,
                "{} {}",
                at(0.3),
                at(-0.3)
            );
        }
    }

    #[test]
    fn several_are_found_as_each_alone() {
        let (mut relief, _) = relief(ABOVE);
        relief.pose(&FacePose::REST.with(Arkit::MouthPucker, 1.0));
        let x = [0.0, -0.3, 0.4, -1.2, 0.02, 0.0, 0.99];
        let y = [0.1, -0.1, 0.3, 0.0, 0.9, -0.79, 0.0];
        let alone: [f32; 7] = std::array::from_fn(|i| relief.at(V2::new(x[i], y[i])));
        assert_eq!(relief.at_each(&[x, y]), alone);
        assert!(alone[0] != 0.0 && alone[3] == 0.0 && alone[4] == 0.0);
    }

    #[test]
    fn a_smile_creases_its_own_corner() {
        let (mut relief, mouth) = relief(ABOVE);
        relief.pose(&FacePose::REST.with(Arkit::MouthSmileLeft, 1.0));
        let deepest = |sign: f32| {
            (0..20)
                .map(|i| relief.at(V2::new(sign * (mouth.half_width + 0.01 * i as f32), 0.01)))
                .fold(0.0f32, f32::min)
        };
        assert!(deepest(1.0) < -0.1, "{}", deepest(1.0));
        assert!(deepest(-1.0) > -0.02, "{}", deepest(-1.0));
    }

    proptest! {
        #[test]
        fn what_is_called_flat_is_flat(
            weights in proptest::collection::vec(0.0f32..1.0, 52),
            x in -1.2f32..1.2, y in -1.0f32..1.0, w in 0.0f32..0.3, h in 0.0f32..0.3,
            tx in 0.0f32..1.0, ty in 0.0f32..1.0,
        ) {
            let (mut relief, _) = relief(ABOVE);
            let mut pose = FacePose::REST;
            for (shape, weight) in weights.iter().enumerate() {
                // Most shapes are not worn most of the time.
                pose.weights[shape] = (weight - 0.9).max(0.0) * 10.0;
            }
            relief.pose(&pose);
            let low = V2::new(x, y);
            if relief.is_beyond(low, w.max(h)) {
                let gain = relief.at(low + V2::new(w * tx, h * ty));
                prop_assert!(relief.is_flat() || gain.abs() <= FLAT, "{gain}");
            }
            if relief.is_flat() || relief.is_flat_within(low, low + V2::new(w, h)) {
                let gain = if relief.is_flat() { 0.0 } else { relief.at(low + V2::new(w * tx, h * ty)) };
                prop_assert!(gain.abs() <= FLAT, "{gain}");
            } else {
                prop_assert!((DEEPEST..=BRIGHTEST).contains(&relief.at(low)));
            }
        }
    }
}
