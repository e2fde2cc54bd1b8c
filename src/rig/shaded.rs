// SPDX-License-Identifier: MPL-2.0
//! [`Shaded`]: a row of samples in a cell at the lips or an eye, told sample by sample.

use super::{space::V2, warp::Over};
use std::ops::Range;

/// Samples of a shaded row that are worked on at once, at most.
pub const LANES: usize = 4;

/// A row of samples in a cell.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// How far down the cell it lies, 0–1.
    pub ty: f32,
    /// How far along it the first sample lies, and how much further each next one, 0–1.
    pub first: f32,
    /// See `first`.
    pub step: f32,
    /// Samples to be told.
    pub count: usize,
}

impl Steps {
    /// How far along the cell a sample lies, 0–1.
    #[inline(always)]
    pub fn at(&self, sample: usize) -> f32 {
        sample as f32 * self.step + self.first
    }
}

/// Where the samples of a row come from and what is laid over them; room for as many as the
/// largest group ([`LANES`]) that is worked on at once.
pub struct Shaded {
    /// Luma sample coordinates in the base frame, across and down.
    pub x: Vec<f32>,
    /// See `x`.
    pub y: Vec<f32>,
    /// What is laid over them.
    pub overs: Vec<Over>,
    /// Nothing is laid over any of them.
    pub bare: bool,
}

impl Shaded {
    /// Room for the samples of a row in a cell of that side.
    pub fn new(cell: usize) -> Self {
        let room = cell.next_multiple_of(LANES);
        Self {
            x: vec![0.0; room],
            y: vec![0.0; room],
            overs: vec![Over::Nothing; room],
            bare: true,
        }
    }

    /// Where a sample comes from.
    pub fn comes_from(&mut self, sample: usize, from: V2) {
        (self.x[sample], self.y[sample]) = (from.x, from.y);
    }

    /// What is laid over it. All have to be told, one by one or together.
    pub fn lay(&mut self, sample: usize, over: Over) {
        // Most have nothing: that is told without copying what could be there.
        if matches!(over, Over::Nothing) {
            self.overs[sample] = Over::Nothing;
        } else {
            (self.overs[sample], self.bare) = (over, false);
        }
    }

    /// Nothing is laid over samples.
    pub fn lay_nothing(&mut self, samples: Range<usize>) {
        self.overs[samples].fill(Over::Nothing);
    }
}
