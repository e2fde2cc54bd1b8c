// SPDX-License-Identifier: MPL-2.0
//! The inverse warp: for every sample of the moving region, where it comes from.

use super::{
    colour::ColourMap,
    sample::{Row, Source, fixed},
    space::V2,
};
use crate::frame::{FrameBuf, FrameMut, FrameSpec};

/// Movements below this many samples are none: such cells keep the base frame.
const STILL: f32 = 1.0 / 128.0;

/// A regular grid of nodes over the part of the frame that can move. Node (i, j) lies at luma
/// sample (left + i·cell, top + j·cell).
#[derive(Clone, Debug)]
pub struct NodeGrid {
    /// Luma samples, even.
    pub left: usize,
    /// Luma rows, even.
    pub top: usize,
    /// Luma samples from node to node, even.
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
    c[0].lerp(c[1], tx).lerp(c[2].lerp(c[3], tx), ty)
}

/// Whether a cell whose corners lie at `at` and come from `from` stays as it is.
pub fn is_still(at: &Corners, from: &Corners) -> bool {
    at.iter().zip(from).all(|(a, f)| {
        let d = *a - *f;
        d.x.abs() < STILL && d.y.abs() < STILL
    })
}

/// Draws cells of one frame.
pub struct Canvas<'a, 'b> {
    /// The layout of both frames.
    pub spec: &'a FrameSpec,
    /// The resting frame.
    pub base: &'a FrameBuf,
    /// Colours into samples.
    pub map: &'a ColourMap,
    /// What is drawn into.
    pub frame: &'a mut FrameMut<'b>,
    /// Luma offset of a chroma sample: (horizontally, vertically).
    pub site: V2,
}

/// The samples of one plane within a cell.
struct Block {
    /// Sample positions: first (inclusive) and last (exclusive).
    x: (usize, usize),
    y: (usize, usize),
    /// Luma samples a plane sample, and luma position of plane sample 0.
    step: f32,
    offset: V2,
    channels: usize,
    width: usize,
    height: usize,
}

impl Canvas<'_, '_> {
    /// A cell whose samples come from between the corners `from`.
    pub fn plain(&mut self, left: usize, top: usize, cell: usize, from: &Corners) {
        for plane in 0..self.spec.format.planes() {
            let block = self.block(plane, left, top, cell);
            match block.channels {
                1 => self.plain_plane::<1>(plane, &block, left, top, cell, from),
                2 => self.plain_plane::<2>(plane, &block, left, top, cell, from),
                _ => self.plain_plane::<4>(plane, &block, left, top, cell, from),
            }
        }
    }

    /// A cell whose every sample asks `shade` with its place in the cell (0–1 both ways).
    pub fn shaded(
        &mut self,
        left: usize,
        top: usize,
        cell: usize,
        shade: impl Fn(f32, f32) -> Shade,
    ) {
        for plane in 0..self.spec.format.planes() {
            let block = self.block(plane, left, top, cell);
            match block.channels {
                1 => self.shaded_plane::<1>(plane, &block, left, top, cell, &shade),
                2 => self.shaded_plane::<2>(plane, &block, left, top, cell, &shade),
                _ => self.shaded_plane::<4>(plane, &block, left, top, cell, &shade),
            }
        }
    }

    fn block(&self, plane: usize, left: usize, top: usize, cell: usize) -> Block {
        let layout = self.spec.format.plane(plane);
        let (width, height) = layout.size(self.spec.width, self.spec.height);
        let first = (left >> layout.shift, top >> layout.shift);
        let n = cell >> layout.shift;
        Block {
            x: (first.0, (first.0 + n).min(width)),
            y: (first.1, (first.1 + n).min(height)),
            step: (1 << layout.shift) as f32,
            offset: if layout.shift > 0 {
                self.site
            } else {
                V2::ZERO
            },
            channels: layout.channels,
            width,
            height,
        }
    }

    fn plain_plane<const C: usize>(
        &mut self,
        plane: usize,
        block: &Block,
        left: usize,
        top: usize,
        cell: usize,
        from: &Corners,
    ) {
        let source = Source {
            data: &self.base.planes[plane],
            width: block.width,
            height: block.height,
        };
        let out = &mut self.frame.planes[plane];
        let unit = 1.0 / cell as f32;
        let scale = 1.0 / block.step;
        let tx = (block.x.0 as f32 * block.step + block.offset.x - left as f32) * unit;
        let ty = (block.y.0 as f32 * block.step + block.offset.y - top as f32) * unit;
        let step = block.step * unit;
        let place = |tx: f32, ty: f32| {
            let p = (between(from, tx, ty) - block.offset) * scale;
            (fixed(p.x), fixed(p.y))
        };
        // Bilinear: linear along a row, and so are a row's start and its step from row to row.
        let (start, right) = (place(tx, ty), place(tx + step, ty));
        let (below, across) = (place(tx, ty + step), place(tx + step, ty + step));
        let mut row = Row {
            x: start.0,
            y: start.1,
            dx: right.0 - start.0,
            dy: right.1 - start.1,
        };
        let down = (below.0 - start.0, below.1 - start.1);
        let turn = (across.0 - below.0 - row.dx, across.1 - below.1 - row.dy);
        for y in block.y.0..block.y.1 {
            let first = y * out.stride;
            let line = &mut out.data[first + block.x.0 * C..first + block.x.1 * C];
            source.row::<C>(line, row);
            row.x += down.0;
            row.y += down.1;
            row.dx += turn.0;
            row.dy += turn.1;
        }
    }

    fn shaded_plane<const C: usize>(
        &mut self,
        plane: usize,
        block: &Block,
        left: usize,
        top: usize,
        cell: usize,
        shade: &impl Fn(f32, f32) -> Shade,
    ) {
        let source = Source {
            data: &self.base.planes[plane],
            width: block.width,
            height: block.height,
        };
        let out = &mut self.frame.planes[plane];
        let unit = 1.0 / cell as f32;
        let read = |from: V2| -> [u8; C] {
            let p = (from - block.offset) * (1.0 / block.step);
            let (x, y) = (fixed(p.x), fixed(p.y));
            source.cubic(x, y)
        };
        for y in block.y.0..block.y.1 {
            let ty = (y as f32 * block.step + block.offset.y - top as f32) * unit;
            for x in block.x.0..block.x.1 {
                let tx = (x as f32 * block.step + block.offset.x - left as f32) * unit;
                let shade = shade(tx, ty);
                let mut value = read(shade.from).map(f32::from);
                match shade.over {
                    Over::Nothing => {}
                    Over::Picture(from, alpha) => {
                        for (v, o) in value.iter_mut().zip(read(from)) {
                            *v += (f32::from(o) - *v) * alpha;
                        }
                    }
                    Over::Both(from, rgb, share, alpha) => {
                        let paint = self.map.sample(plane, rgb);
                        for ((v, o), p) in value.iter_mut().zip(read(from)).zip(paint) {
                            let over = p + (f32::from(o) - p) * share;
                            *v += (over - *v) * alpha;
                        }
                    }
                    Over::Paint(rgb, alpha) => {
                        for (v, o) in value.iter_mut().zip(self.map.sample(plane, rgb)) {
                            *v += (o - *v) * alpha;
                        }
                    }
                }
                let i = y * out.stride + x * C;
                let bytes = value.map(|v| (v + 0.5) as u8);
                out.data[i..i + C].copy_from_slice(&bytes);
            }
        }
    }
}
