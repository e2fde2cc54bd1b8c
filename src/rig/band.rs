// SPDX-License-Identifier: MPL-2.0
//! A band: a row of cells, as many rows of samples high as a cell is.

use super::{sample::fixed, space::V2, stripe::Plane};
use std::ops::Range;

/// Where nodes come from: luma samples, fixed point.
pub struct Places {
    x: Vec<i32>,
    y: Vec<i32>,
}

impl Places {
    /// All of them.
    pub fn new(from: &[V2]) -> Self {
        Self {
            x: from.iter().map(|p| fixed(p.x)).collect(),
            y: from.iter().map(|p| fixed(p.y)).collect(),
        }
    }

    /// One of them anew.
    pub fn set(&mut self, node: usize, from: V2) {
        (self.x[node], self.y[node]) = (fixed(from.x), fixed(from.y));
    }
}

/// Where the edges between cells come from in the first row of samples of a band, and how that
/// changes from row to row: in samples of a plane, fixed point.
#[derive(Default)]
pub struct Edges {
    x: Vec<i32>,
    y: Vec<i32>,
    dx: Vec<i32>,
    dy: Vec<i32>,
}

impl Edges {
    /// Room for so many.
    pub fn new(count: usize) -> Self {
        let zeros = || vec![0; count];
        Self {
            x: zeros(),
            y: zeros(),
            dx: zeros(),
            dy: zeros(),
        }
    }

    /// Sets the edges `range`, between the nodes above and below, which come from `places`;
    /// `cell` is the side of a cell in luma samples, a power of two.
    pub fn begin(
        &mut self,
        range: Range<usize>,
        places: &Places,
        [above, below]: [usize; 2],
        plane: &Plane,
        cell: usize,
    ) {
        let by = cell.trailing_zeros();
        let nodes = |first: usize| first + range.start..first + range.end;
        let axes = [
            (&mut self.x, &mut self.dx, &places.x, plane.offset.x),
            (&mut self.y, &mut self.dy, &places.y, plane.offset.y),
        ];
        // How many halves of a luma sample the first row lies below the nodes.
        let down = (plane.offset.y * 2.0) as i32;
        for (first, step, places, offset) in axes {
            let offset = fixed(offset);
            let edges = first[range.clone()]
                .iter_mut()
                .zip(&mut step[range.clone()]);
            let nodes = places[nodes(above)].iter().zip(&places[nodes(below)]);
            for ((first, step), (a, b)) in edges.zip(nodes) {
                let all = b.wrapping_sub(*a);
                let ahead = (all >> (by + 1)).wrapping_mul(down);
                *first = a.wrapping_add(ahead).wrapping_sub(offset) >> plane.shift;
                // A row of halved samples is two rows, a sample of them two samples.
                *step = all >> by;
            }
        }
    }

    /// The edges of some cells.
    pub fn of(&self, cells: &Range<usize>) -> Sides<'_> {
        let all = Sides {
            x: &self.x,
            y: &self.y,
            dx: &self.dx,
            dy: &self.dy,
        };
        all.part(cells.start..cells.end + 1)
    }
}

/// The edges of cells that follow each other, one more than cells: as [`Edges`] has them.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// Across, in the first row of samples.
    pub x: &'a [i32],
    /// Down, in the first row of samples.
    pub y: &'a [i32],
    /// Across, from row to row.
    pub dx: &'a [i32],
    /// Down, from row to row.
    pub dy: &'a [i32],
}

impl<'a> Sides<'a> {
    /// Some of the edges.
    pub fn part(&self, edges: Range<usize>) -> Sides<'a> {
        Sides {
            x: &self.x[edges.clone()],
            y: &self.y[edges.clone()],
            dx: &self.dx[edges.clone()],
            dy: &self.dy[edges],
        }
    }

    /// Where they come from in a row of samples.
    pub fn in_row(&self, row: usize, [x, y]: [&mut [i32]; 2]) {
        for (out, (first, step)) in [(x, (self.x, self.dx)), (y, (self.y, self.dy))] {
            for ((out, first), step) in out.iter_mut().zip(first).zip(step) {
                *out = first.wrapping_add(step.wrapping_mul(row as i32));
            }
        }
    }
}

/// Rows of samples of a plane, to be written.
pub struct Rows<'a> {
    /// From the first byte of the first to the last byte of the last, at least.
    pub data: &'a mut [u8],
    /// Bytes from one to the next.
    pub stride: usize,
    /// Bytes of each.
    pub length: usize,
}

impl Rows<'_> {
    /// One of them.
    pub fn row(&mut self, row: usize) -> &mut [u8] {
        &mut self.data[row * self.stride..][..self.length]
    }
}

/// Memory to work in.
pub struct Work {
    /// Positions of samples, and edges of cells, in one row: fixed point.
    pub positions: [Vec<i32>; 2],
    /// Likewise.
    pub edges: [Vec<i32>; 2],
}

impl Work {
    /// For so many cells with so many samples a row.
    pub fn new(cells: usize, samples: usize) -> Self {
        Self {
            positions: [0, 1].map(|_| vec![0; samples]),
            edges: [0, 1].map(|_| vec![0; cells + 1]),
        }
    }
}
