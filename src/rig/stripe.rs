// SPDX-License-Identifier: MPL-2.0
//! [`Stripe`]: rows of a frame that is drawn, to be written plane by plane.

use super::{band::Rows, sample::fixed, space::V2};
use crate::frame::{FrameMut, FrameSpec, PlaneMut};

/// Rows of a frame that is drawn.
pub struct Stripe<'a> {
    planes: [PlaneMut<'a>; 3],
    /// Luma rows: the first, even, and one after the last.
    top: usize,
    bottom: usize,
}

impl<'a> Stripe<'a> {
    /// All of a frame of that height.
    pub fn whole(frame: &'a mut FrameMut<'_>, height: usize) -> Self {
        Self {
            planes: frame.planes.each_mut().map(|plane| PlaneMut {
                data: plane.data,
                stride: plane.stride,
            }),
            top: 0,
            bottom: height,
        }
    }

    /// The luma rows from `top` to before `row`, and the others. `row` is even.
    pub fn split(self, row: usize, spec: &FrameSpec) -> (Stripe<'a>, Stripe<'a>) {
        let mut index = 0;
        let halves = self.planes.map(|plane| {
            let shift = if index < spec.format.planes() {
                spec.format.plane(index).shift
            } else {
                0
            };
            index += 1;
            let at = ((row - self.top) >> shift) * plane.stride;
            let at = at.min(plane.data.len());
            let (above, below) = plane.data.split_at_mut(at);
            let half = |data| PlaneMut {
                data,
                stride: plane.stride,
            };
            (half(above), half(below))
        });
        let [(a, d), (b, e), (c, f)] = halves;
        let above = Stripe {
            planes: [a, b, c],
            top: self.top,
            bottom: row,
        };
        let below = Stripe {
            planes: [d, e, f],
            top: row,
            bottom: self.bottom,
        };
        (above, below)
    }

    /// Its luma rows.
    pub fn rows(&self) -> std::ops::Range<usize> {
        self.top..self.bottom
    }
}

/// One plane, or two that lie alike.
pub struct Plane {
    /// The first of them.
    pub index: usize,
    /// How many.
    pub count: usize,
    /// Bytes a sample.
    pub channels: usize,
    /// Halvings against luma.
    pub shift: u32,
    /// Samples a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Luma samples a sample.
    pub step: f32,
    /// Luma position of sample 0.
    pub offset: V2,
}

impl Plane {
    /// Luma coordinates along one axis, of which sample 0 has `offset`, likewise.
    pub fn place_all(&self, from: &[f32], offset: f32, out: &mut [i32]) {
        let scale = 1.0 / self.step;
        for (out, from) in out.iter_mut().zip(from) {
            *out = fixed((from - offset) * scale);
        }
    }

    /// A luma position in samples of the plane, fixed point.
    pub fn place(&self, at: V2) -> (i32, i32) {
        let p = (at - self.offset) * (1.0 / self.step);
        (fixed(p.x), fixed(p.y))
    }

    /// Its rows among luma rows, of which the first is even.
    pub fn rows(&self, luma: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let last = (luma.end + (1 << self.shift) - 1) >> self.shift;
        luma.start >> self.shift..last.min(self.height)
    }
}

impl Stripe<'_> {
    /// Samples of the first plane, which is brightness or all there is, in a row of this stripe.
    pub fn first(
        &mut self,
        channels: usize,
        row: usize,
        cols: &std::ops::Range<usize>,
    ) -> &mut [u8] {
        let start = (row - self.top) * self.planes[0].stride;
        &mut self.planes[0].data[start + cols.start * channels..start + cols.end * channels]
    }

    /// Samples of one of the planes.
    pub fn line(
        &mut self,
        plane: &Plane,
        index: usize,
        row: usize,
        cols: &std::ops::Range<usize>,
    ) -> &mut [u8] {
        let start = (row - (self.top >> plane.shift)) * self.planes[index].stride;
        let bytes = start + cols.start * plane.channels..start + cols.end * plane.channels;
        &mut self.planes[index].data[bytes]
    }

    /// The same samples of planes that lie alike.
    pub fn lines<const P: usize>(
        &mut self,
        plane: &Plane,
        row: usize,
        cols: &std::ops::Range<usize>,
    ) -> [&mut [u8]; P] {
        let row = row - (self.top >> plane.shift);
        let mut planes = self.planes[plane.index..].iter_mut();
        std::array::from_fn(|_| {
            planes.next().map_or(&mut [][..], |p| {
                let start = row * p.stride;
                &mut p.data[start + cols.start * plane.channels..start + cols.end * plane.channels]
            })
        })
    }

    /// The samples of some columns in some rows, of planes that lie alike.
    pub fn block<const P: usize>(
        &mut self,
        plane: &Plane,
        rows: &std::ops::Range<usize>,
        cols: &std::ops::Range<usize>,
    ) -> [Rows<'_>; P] {
        let row = rows.start - (self.top >> plane.shift);
        let mut planes = self.planes[plane.index..].iter_mut();
        std::array::from_fn(|_| match planes.next() {
            Some(p) => Rows {
                data: &mut p.data[row * p.stride + cols.start * plane.channels..],
                stride: p.stride,
                length: cols.len() * plane.channels,
            },
            None => Rows {
                data: &mut [],
                stride: 0,
                length: 0,
            },
        })
    }
}
