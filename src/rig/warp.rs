// SPDX-License-Identifier: MPL-2.0
//! The inverse warp: for every sample of the moving region, where it comes from.

use super::{
    band::{Edges, Places, Work},
    colour::ColourMap,
    field::Layer,
    sample::{self, Source},
    shaded::{Shaded, Steps},
    space::V2,
    stripe::{Plane, Stripe},
};
use crate::frame::FrameSpec;

/// Movements below this many samples are none: such cells keep the base frame. Four steps of what
/// the sampler tells apart, and a small part of what a face moves by from frame to frame.
pub const STILL: f32 = 1.0 / 8.0;

/// Largest [`NodeGrid::cell`].
pub const MAX_CELL: usize = 64;

/// A regular grid of nodes over the part of the frame that can move. Node (i, j) lies at luma
/// sample (left + i·cell, top + j·cell).
#[derive(Clone, Debug)]
pub struct NodeGrid {
    /// Luma samples, even.
    pub left: usize,
    /// Luma rows, even.
    pub top: usize,
    /// Luma samples from node to node: a power of two from 4 to [`MAX_CELL`].
    pub cell: usize,
    /// Cells across.
    pub cols: usize,
    /// Cells down.
    pub rows: usize,
}

impl NodeGrid {
    /// Nodes a row.
    pub fn stride(&self) -> usize {
        self.cols + 1
    }

    /// How many nodes.
    pub fn count(&self) -> usize {
        (self.cols + 1) * (self.rows + 1)
    }

    /// Where a node lies, in luma samples.
    pub fn at(&self, node: usize) -> V2 {
        let (i, j) = (node % self.stride(), node / self.stride());
        V2::new(
            (self.left + i * self.cell) as f32,
            (self.top + j * self.cell) as f32,
        )
    }

    /// The first row of cells that does not begin above a luma row.
    pub fn row(&self, luma: usize) -> usize {
        luma.saturating_sub(self.top)
            .div_ceil(self.cell)
            .min(self.rows)
    }

    /// The luma rows of a row of cells.
    pub fn band(&self, row: usize, height: usize) -> std::ops::Range<usize> {
        let top = self.top + row * self.cell;
        top..(top + self.cell).min(height)
    }

    /// Where all nodes lie, row by row, in luma samples.
    pub fn all(&self) -> impl Iterator<Item = V2> {
        let (left, top, cell) = (self.left, self.top, self.cell);
        let cols = self.stride();
        (0..=self.rows).flat_map(move |row| {
            let y = (top + row * cell) as f32;
            (0..cols).map(move |col| V2::new((left + col * cell) as f32, y))
        })
    }

    /// The nodes at the corners of a cell: top left, top right, bottom left, bottom right.
    pub fn corners(&self, col: usize, row: usize) -> [usize; 4] {
        let i = row * self.stride() + col;
        [i, i + 1, i + self.stride(), i + self.stride() + 1]
    }
}

/// Where one sample comes from.
#[derive(Clone, Copy, Debug)]
pub struct Shade {
    /// Luma sample coordinates in the base frame.
    pub from: V2,
    /// What is laid over it.
    pub over: Over,
}

/// What is laid over a sample.
#[derive(Clone, Copy, Debug)]
pub enum Over {
    /// Nothing.
    Nothing,
    /// Another place of the base frame, with that alpha.
    Picture(V2, f32),
    /// A colour (sRGB), with that alpha.
    Paint([f32; 3], f32),
    /// Another place of the base frame over a colour (sRGB), with the place's share and the
    /// alpha of both.
    Both(V2, [f32; 3], f32, f32),
}

/// Four values at the corners of a cell, as [`NodeGrid::corners`] has them.
pub type Corners = [V2; 4];

/// Between the corners; `tx`, `ty` 0–1.
pub fn between(c: &Corners, tx: f32, ty: f32) -> V2 {
    along(&ends(c, ty), tx)
}

/// What lies at `ty` (0–1) on the left and on the right edge of a cell.
pub type Ends = [V2; 2];

/// The ends of a row in a cell.
pub fn ends(c: &Corners, ty: f32) -> Ends {
    [c[0].lerp(c[2], ty), c[1].lerp(c[3], ty)]
}

/// Between the ends of a row; `tx` 0–1.
pub fn along(ends: &Ends, tx: f32) -> V2 {
    ends[0].lerp(ends[1], tx)
}

/// Whether what lies at `at` and comes from `from` stays as it is.
pub fn is_still<const N: usize>(at: &[V2; N], from: &[V2; N]) -> bool {
    at.iter().zip(from).all(|(a, f)| {
        let d = *a - *f;
        d.x.abs() < STILL && d.y.abs() < STILL
    })
}

/// How a cell is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// As in the resting frame.
    Still,
    /// Every sample from between where that layer's corners come from.
    Plain(Layer),
    /// Sample by sample, at the lips.
    Lips,
    /// Sample by sample, at that eye.
    Eye(usize),
}

/// Memory to work in.
pub struct Scratch {
    /// Of the row of cells at work.
    pub cells: Vec<Cell>,
    /// Per layer: where the left edges of the cells come from.
    edges: [Edges; 2],
    /// Cells that follow each other and are drawn alike.
    runs: Vec<Run>,
    /// Per layer: which cells its plain ones lie among.
    used: [std::ops::Range<usize>; 2],
    work: Work,
    shaded: Shaded,
}

impl Scratch {
    /// For a grid of nodes.
    pub fn new(nodes: &NodeGrid) -> Self {
        let samples = (nodes.cols + 1) * nodes.cell;
        Self {
            cells: Vec::with_capacity(nodes.cols),
            edges: [0, 1].map(|_| Edges::new(nodes.stride())),
            runs: Vec::with_capacity(nodes.cols),
            used: [0..0, 0..0],
            work: Work::new(nodes.cols, samples),
            shaded: Shaded::new(nodes.cell),
        }
    }
}

/// Cells that follow each other and are drawn alike.
struct Run {
    cell: Cell,
    cells: std::ops::Range<usize>,
}

/// Draws cells of one frame.
pub struct Canvas<'a> {
    /// The layout of both frames.
    pub spec: &'a FrameSpec,
    /// The resting frame, one a plane.
    pub base: &'a [Source],
    /// Colours into samples.
    pub map: &'a ColourMap,
    /// Luma offset of a chroma sample: (horizontally, vertically).
    pub site: V2,
    /// The nodes.
    pub nodes: &'a NodeGrid,
}

impl Canvas<'_> {
    /// The planes in groups that lie alike: U and V are read at the same positions.
    fn planes(&self) -> impl Iterator<Item = Plane> {
        let planes = self.spec.format.planes();
        let groups = if planes == 1 { 1 } else { 2 };
        (0..groups).map(move |index| {
            let layout = self.spec.format.plane(index);
            let (width, height) = layout.size(self.spec.width, self.spec.height);
            Plane {
                index,
                count: if index == 0 { 1 } else { planes - 1 },
                channels: layout.channels,
                shift: layout.shift,
                width,
                height,
                step: (1 << layout.shift) as f32,
                offset: if layout.shift > 0 {
                    self.site
                } else {
                    V2::ZERO
                },
            }
        })
    }

    /// Whole rows of the resting frame: luma rows within the stripe, from an even one on.
    pub fn rest(&self, stripe: &mut Stripe<'_>, rows: std::ops::Range<usize>) {
        for plane in self.planes() {
            for row in plane.rows(&rows) {
                self.copy(stripe, &plane, row, 0..plane.width);
            }
        }
    }

    fn copy_rows(
        &self,
        stripe: &mut Stripe<'_>,
        plane: &Plane,
        rows: &std::ops::Range<usize>,
        cols: std::ops::Range<usize>,
    ) {
        if !cols.is_empty() {
            for row in rows.clone() {
                self.copy(stripe, plane, row, cols.clone());
            }
        }
    }

    fn copy(
        &self,
        stripe: &mut Stripe<'_>,
        plane: &Plane,
        row: usize,
        cols: std::ops::Range<usize>,
    ) {
        for index in plane.index..plane.index + plane.count {
            let line = self.base[index].line(row, cols.start, cols.len());
            stripe.line(plane, index, row, &cols).copy_from_slice(line);
        }
    }

    /// The still and the plain cells of a row of cells, and what lies beside the cells. `from`
    /// has per layer and node where it comes from. How many samples the other cells and the
    /// plain ones have.
    pub fn cells(
        &self,
        stripe: &mut Stripe<'_>,
        row: usize,
        from: &[Places; 2],
        scratch: &mut Scratch,
    ) -> usize {
        let mut moved = 0;
        scratch.find_runs();
        for plane in self.planes() {
            moved += match (plane.channels, plane.count) {
                (1, 1) => self.plane_cells::<1, 1>(stripe, &plane, row, from, scratch),
                (1, _) => self.plane_cells::<1, 2>(stripe, &plane, row, from, scratch),
                (2, _) => self.plane_cells::<2, 1>(stripe, &plane, row, from, scratch),
                _ => self.plane_cells::<4, 1>(stripe, &plane, row, from, scratch),
            };
        }
        moved
    }

    fn plane_cells<const C: usize, const P: usize>(
        &self,
        stripe: &mut Stripe<'_>,
        plane: &Plane,
        row: usize,
        from: &[Places; 2],
        scratch: &mut Scratch,
    ) -> usize {
        let nodes = self.nodes;
        let cell = nodes.cell >> plane.shift;
        let left = nodes.left >> plane.shift;
        let right = (left + nodes.cols * cell).min(plane.width);
        let above = row * nodes.stride();
        for (layer, cells) in scratch.used.iter().enumerate() {
            let edges = cells.start..cells.end + usize::from(!cells.is_empty());
            let rows = [above, above + nodes.stride()];
            scratch.edges[layer].begin(edges, &from[layer], rows, plane, nodes.cell);
        }
        // With chroma between two luma samples, a quarter of the way to the next.
        let quarters = (plane.offset.x * 2.0) as i32;
        let rows = plane.rows(&nodes.band(row, self.spec.height));
        let mut moved = 0;
        self.copy_rows(stripe, plane, &rows, 0..left);
        for Run { cell: kind, cells } in &scratch.runs {
            let at = |col: usize| (left + col * cell).min(right);
            let cols = at(cells.start)..at(cells.end);
            match kind {
                Cell::Still => self.copy_rows(stripe, plane, &rows, cols),
                Cell::Plain(layer) => {
                    moved += rows.len() * cols.len() * P;
                    let sources = std::array::from_fn(|k| &self.base[plane.index + k]);
                    let edges = scratch.edges[*layer as usize].of(cells);
                    let (work, mut outs) = (&mut scratch.work, stripe.block(plane, &rows, &cols));
                    sample::cubic_band::<C, P>(
                        &sources,
                        edges,
                        (cell, quarters),
                        rows.len(),
                        work,
                        &mut outs,
                    );
                }
                Cell::Lips | Cell::Eye(_) => moved += rows.len() * cols.len() * P,
            }
        }
        self.copy_rows(stripe, plane, &rows, right..plane.width);
        moved
    }

    /// A cell whose every row of samples is told by `shade`.
    pub fn shaded(
        &self,
        stripe: &mut Stripe<'_>,
        (col, row): (usize, usize),
        scratch: &mut Scratch,
        shade: impl Fn(&Steps, &mut Shaded),
    ) {
        let at = (col, row);
        for plane in self.planes() {
            match (plane.channels, plane.count) {
                (1, 1) => self.plane_shaded::<1, 1>(stripe, &plane, at, scratch, &shade),
                (1, _) => self.plane_shaded::<1, 2>(stripe, &plane, at, scratch, &shade),
                (2, _) => self.plane_shaded::<2, 1>(stripe, &plane, at, scratch, &shade),
                _ => self.plane_shaded::<4, 1>(stripe, &plane, at, scratch, &shade),
            }
        }
    }

    fn plane_shaded<const C: usize, const P: usize>(
        &self,
        stripe: &mut Stripe<'_>,
        plane: &Plane,
        (col, row): (usize, usize),
        scratch: &mut Scratch,
        shade: &impl Fn(&Steps, &mut Shaded),
    ) {
        let cell = self.nodes.cell >> plane.shift;
        let left = (self.nodes.left >> plane.shift) + col * cell;
        let cols = left.min(plane.width)..(left + cell).min(plane.width);
        let sources = std::array::from_fn(|k| &self.base[plane.index + k]);
        let unit = plane.step / self.nodes.cell as f32;
        let nudge = plane.offset * (1.0 / self.nodes.cell as f32);
        let count = cols.len();
        let Scratch { shaded, work, .. } = scratch;
        let [x, y] = &mut work.positions;
        let (x, y) = (&mut x[..count], &mut y[..count]);
        let band = plane.rows(&self.nodes.band(row, self.spec.height));
        for (j, line) in band.enumerate() {
            let steps = Steps {
                ty: j as f32 * unit + nudge.y,
                first: nudge.x,
                step: unit,
                count,
            };
            shaded.bare = true;
            shade(&steps, shaded);
            plane.place_all(&shaded.x, plane.offset.x, x);
            plane.place_all(&shaded.y, plane.offset.y, y);
            let mut outs = stripe.lines::<P>(plane, line, &cols);
            sample::cubic::<C, P>(&sources, x, y, &mut outs);
            if shaded.bare {
                continue;
            }
            for (k, out) in outs.iter_mut().enumerate() {
                for (sample, over) in out.chunks_exact_mut(C).zip(&shaded.overs) {
                    self.lay_over::<C>(plane, k, sample, over);
                }
            }
        }
    }

    /// Lays something over a sample of the `k`th of planes that lie alike.
    fn lay_over<const C: usize>(&self, plane: &Plane, k: usize, sample: &mut [u8], over: &Over) {
        let index = plane.index + k;
        let read = |from: V2| {
            let (x, y) = plane.place(from);
            self.base[index].cubic::<C>(x, y).map(f32::from)
        };
        let (value, alpha) = match *over {
            Over::Nothing => return,
            Over::Picture(from, alpha) => (read(from), alpha),
            Over::Paint(rgb, alpha) => {
                let value = self.map.sample(index, rgb);
                (std::array::from_fn(|c| value[c]), alpha)
            }
            Over::Both(from, rgb, share, alpha) => {
                let (seen, paint) = (read(from), self.map.sample(index, rgb));
                let value = |c: usize| paint[c] + (seen[c] - paint[c]) * share;
                (std::array::from_fn(value), alpha)
            }
        };
        for (s, v) in sample.iter_mut().zip(value) {
            let under = f32::from(*s);
            *s = (under + (v - under) * alpha + 0.5) as u8;
        }
    }
}

impl Scratch {
    /// Gathers the cells in runs.
    fn find_runs(&mut self) {
        self.used = [0..0, 0..0];
        self.runs.clear();
        for (col, cell) in self.cells.iter().enumerate() {
            if let Cell::Plain(layer) = cell {
                let used = &mut self.used[*layer as usize];
                let first = if used.end == 0 { col } else { used.start };
                *used = first..col + 1;
            }
            match self.runs.last_mut() {
                Some(run) if run.cell == *cell => run.cells.end = col + 1,
                _ => self.runs.push(Run {
                    cell: *cell,
                    cells: col..col + 1,
                }),
            }
        }
    }
}
