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

    /// Some of them anew.
    pub fn set(&mut self, nodes: &Range<usize>, from: &[V2]) {
        for (x, from) in self.x[nodes.clone()].iter_mut().zip(from) {
            *x = fixed(from.x);
        }
        for (y, from) in self.y[nodes.clone()].iter_mut().zip(from) {
            *y = fixed(from.y);
        }
    }

    /// Some of them as others have them.
    pub fn copy(&mut self, nodes: &Range<usize>, others: &Places) {
        let nodes = nodes.clone();
        self.x[nodes.clone()].copy_from_slice(&others.x[nodes.clone()]);
        self.y[nodes.clone()].copy_from_slice(&others.y[nodes]);
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

    /// The positions between them in a row of samples, across and down. From edge to edge there
    /// are `n`, a power of two, of which the first lies `quarters` quarters of a step ahead; and as
    /// the first row goes from edge to edge, so does what is added for each further one.
    pub fn in_row<'b>(
        &self,
        row: usize,
        (n, quarters): (usize, i32),
        lines: &'b mut [Line; 2],
    ) -> [Ramps<'b>; 2] {
        let count = self.x.len() - 1;
        for (line, (at, more)) in lines.iter_mut().zip([(self.x, self.dx), (self.y, self.dy)]) {
            let out = line.first.iter_mut().zip(&mut line.step);
            for ((first, step), (at, more)) in out.zip(at.windows(2).zip(more.windows(2))) {
                let (from, by) = first_and_step(at[0], at[1], n, quarters);
                let (ahead, wider) = first_and_step(more[0], more[1], n, quarters);
                *first = from.wrapping_add(ahead.wrapping_mul(row as i32));
                *step = by.wrapping_add(wider.wrapping_mul(row as i32));
            }
        }
        lines.each_ref().map(|line| Ramps {
            first: &line.first[..count],
            step: &line.step[..count],
        })
    }
}

/// The first of `n` positions from one edge to the next, and from each to the next one.
fn first_and_step(from: i32, to: i32, n: usize, quarters: i32) -> (i32, i32) {
    let step = to.wrapping_sub(from) >> n.trailing_zeros();
    (from.wrapping_add((step >> 2).wrapping_mul(quarters)), step)
}

/// Room for the positions of a row along one axis.
pub struct Line {
    first: Vec<i32>,
    step: Vec<i32>,
}

/// Positions along one axis of cells that follow each other, fixed point.
#[derive(Clone, Copy, Debug)]
pub struct Ramps<'a> {
    /// The first of each cell.
    pub first: &'a [i32],
    /// From each to the next.
    pub step: &'a [i32],
}

impl<'a> Ramps<'a> {
    /// Those of some cells.
    pub fn part(&self, cells: Range<usize>) -> Ramps<'a> {
        Ramps {
            first: &self.first[cells.clone()],
            step: &self.step[cells],
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
    /// Positions of samples in one row: fixed point.
    pub positions: [Vec<i32>; 2],
    /// Likewise, cell by cell.
    pub lines: [Line; 2],
}

impl Work {
    /// For so many cells with so many samples a row.
    pub fn new(cells: usize, samples: usize) -> Self {
        Self {
            positions: [0, 1].map(|_| vec![0; samples]),
            lines: [0, 1].map(|_| Line {
                first: vec![0; cells],
                step: vec![0; cells],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::sample::{self, Source, tests::random};
    use proptest::prelude::*;

    proptest! {
        /// Two planes; some of it beyond the edges, or too steep to be read many at a time.
        #[test]
        fn bands_are_read_as_the_positions_of_their_rows_are(
            seed in 0u64..u64::MAX, size in 2u32..7, cells in 1usize..40, quarters in 0i32..2,
            rows in 1usize..9, cut in 0usize..4, left in -9.0f32..20.0, top in -9.0f32..140.0,
            dx in 0.0f32..1.7, dy in -1.1f32..1.1, uneven in 0.0f32..0.02,
        ) {
            let (width, height, n) = (400, 300, 1 << size);
            let count = cells * n - cut.min(n - 1);
            let mut random = random(seed);
            let planes = [0, 1].map(|_| {
                let data: Vec<u8> = (0..width * height).map(|_| (random() >> 24) as u8).collect();
                Source::new(&data, width, height, 1)
            });
            let sources = planes.each_ref();
            let most = 300.0 / (cells * n) as f32;
            let mut edges = |from: f32, step: f32| -> Vec<i32> {
                let at = |i: usize| from + step.clamp(-most, most) * (i * n) as f32;
                let off = |random: u32| (random >> 24) as f32 * uneven;
                (0..=cells).map(|i| fixed(at(i) + off(random()))).collect()
            };
            let all = [edges(left, dx), edges(top, dy), edges(0.2, 0.0), edges(0.9, 0.0)];
            let [x, y, dx, dy] = &all;
            let sides = Sides { x, y, dx, dy };
            let stride = count + 5;
            let mut found = [0, 1].map(|_| vec![7; stride * rows]);
            let mut outs = found.each_mut().map(|data| Rows { data, stride, length: count });
            let mut work = Work::new(cells, cells * n);
            sample::cubic_band::<1, 2>(&sources, sides, (n, quarters), rows, &mut work, &mut outs);
            let (mut xs, mut ys) = (vec![0; cells * n], vec![0; cells * n]);
            for row in 0..rows {
                let [x, y] = sides.in_row(row, (n, quarters), &mut work.lines);
                sample::any_ramps(x, &mut xs, n);
                sample::any_ramps(y, &mut ys, n);
                let mut expected = vec![0; count];
                for (source, found) in planes.iter().zip(&found) {
                    sample::one_by_one::<1>(source, &xs[..count], &ys[..count], &mut expected);
                    let found = &found[row * stride..][..stride];
                    prop_assert_eq!(&found[..count], &expected[..]);
                    // What lies beside is left alone.
                    prop_assert!(found[count..].iter().all(|byte| *byte == 7));
                }
            }
        }
    }
}
