// SPDX-License-Identifier: MPL-2.0
//! Drawing a posed face: every cell of the frame in the cheapest way that shows it right.

use super::{
    Posed, Rig,
    eye::{Lid, Seen},
    field::Layer,
    lips, near,
    slit::SHADOW,
    space::{V2, whole},
    stripe::Stripe,
    warp::{self, Canvas, Cell, Corners, Over, Scratch, Shade, along, between, ends},
};
use crate::frame::ChromaSite;
use std::{array, ops::Range};

impl Rig {
    /// Draws rows of the frame in as many stripes as there is memory to work in, one a thread.
    pub(super) fn draw_stripes(
        &self,
        posed: &Posed,
        mut stripe: Stripe<'_>,
        scratch: &mut [Scratch],
    ) -> usize {
        let middle = scratch.len() / 2;
        let (above, below) = scratch.split_at_mut(middle);
        match (above, below) {
            ([], [scratch, ..]) => self.draw_stripe(posed, &mut stripe, scratch),
            (above, below) => {
                let share = above.len() as f32 / (above.len() + below.len()) as f32;
                let row = self.split(&stripe, share);
                let (upper, lower) = stripe.split(row, &self.model.spec);
                let (a, b) = rayon_core::join(
                    || self.draw_stripes(posed, upper, above),
                    || self.draw_stripes(posed, lower, below),
                );
                a + b
            }
        }
    }

    /// The luma row that has so large a share of a stripe's work above it.
    fn split(&self, stripe: &Stripe<'_>, share: f32) -> usize {
        let rows = stripe.rows();
        let cells = self.model.nodes.row(rows.start)..self.model.nodes.row(rows.end);
        // What moves costs much, and the lips and eyes a multiple of it.
        let work = |row: usize| -> u32 {
            let nodes = row * self.model.nodes.stride()..(row + 1) * self.model.nodes.stride();
            let cost =
                |near: &u8| 1 + 8 * u32::from(*near != 0) + 8 * u32::from(*near > near::MOVED);
            self.near[nodes].iter().map(cost).sum()
        };
        let wanted = cells.clone().map(work).sum::<u32>() as f32 * share;
        let mut done = 0;
        for row in cells {
            if done as f32 >= wanted {
                return (self.model.nodes.top + row * self.model.nodes.cell)
                    .clamp(rows.start, rows.end);
            }
            done += work(row);
        }
        rows.end
    }

    /// Draws some rows of the frame: whole rows of cells, and what lies above and below them.
    /// How many samples were not copied.
    fn draw_stripe(&self, posed: &Posed, stripe: &mut Stripe<'_>, scratch: &mut Scratch) -> usize {
        let canvas = Canvas {
            spec: &self.model.spec,
            base: &self.model.base,
            map: &self.model.map,
            site: chroma_site(self.model.spec.chroma_site),
            nodes: &self.model.nodes,
        };
        let rows = stripe.rows();
        let (first, last) = (
            self.model.nodes.row(rows.start),
            self.model.nodes.row(rows.end),
        );
        canvas.rest(
            stripe,
            rows.start..self.model.nodes.top.clamp(rows.start, rows.end),
        );
        let mut moved = 0;
        for row in first..last {
            let busy = self.busy(row);
            if busy.is_empty() {
                canvas.rest(stripe, self.model.nodes.band(row, self.model.spec.height));
                continue;
            }
            scratch.cells.clear();
            scratch.cells.resize(self.model.nodes.cols, Cell::Still);
            for col in busy.clone() {
                scratch.cells[col] = self.cell(posed, col, row);
            }
            moved += canvas.cells(stripe, row, &self.places, scratch);
            for col in busy.clone() {
                self.draw_shaded(&canvas, posed, stripe, (col, row), scratch);
            }
            self.shade_skin(posed, stripe, row, busy, &scratch.cells);
        }
        let bottom = self.model.nodes.top + self.model.nodes.rows * self.model.nodes.cell;
        canvas.rest(stripe, bottom.clamp(rows.start, rows.end)..rows.end);
        moved
    }

    /// The cells of a row from the first to the last that may not be as in the resting frame.
    fn busy(&self, row: usize) -> Range<usize> {
        let cols = 0..self.model.nodes.cols;
        let (above, below) =
            self.near[row * self.model.nodes.stride()..].split_at(self.model.nodes.stride());
        let near = |node: &usize| above[*node] | below[*node] != 0;
        let first = (0..=cols.end).find(near);
        let last = (0..=cols.end).rfind(near);
        match (first, last) {
            (Some(first), Some(last)) => first.saturating_sub(1)..(last + 1).min(cols.end),
            _ => 0..0,
        }
    }

    /// What the corners of a cell are near to.
    pub(super) fn near(&self, corners: [usize; 4]) -> u8 {
        corners.iter().fold(0, |near, &i| near | self.near[i])
    }

    /// How a cell is drawn.
    fn cell(&self, posed: &Posed, col: usize, row: usize) -> Cell {
        let corners = self.model.nodes.corners(col, row);
        let near = self.near(corners);
        if near & !near::MOUTH <= near::MOVED {
            return if near & near::MOVED == 0 {
                Cell::Still
            } else {
                Cell::Plain(Layer::Upper)
            };
        }
        let mut layer = Layer::Upper;
        if near & near::SLIT != 0 {
            let face = corners.map(|i| self.posed[i]);
            if self.in_slit(posed, &face) && self.opens(posed, &face) {
                return Cell::Lips;
            }
            layer = self.side(posed, between(&face, 0.5, 0.5));
        }
        let from = corners.map(|i| self.from[layer as usize][i]);
        for eye in 0..2 {
            if near & (near::EYE << eye) != 0 {
                let source = from.map(|p| self.model.from_frame.apply(p));
                if self.model.eyes[eye].touches(&posed.lids[eye], &source, self.model.pixel) {
                    return Cell::Eye(eye);
                }
            }
        }
        if warp::is_still(&corners.map(|i| self.model.nodes.at(i)), &from) {
            Cell::Still
        } else {
            Cell::Plain(layer)
        }
    }

    /// Whether a cell in the slit's box touches the slit itself: the box is much larger, for the
    /// slit is a crescent.
    fn opens(&self, posed: &Posed, face: &Corners) -> bool {
        let local = face.map(|p| self.model.mouth.to_local(p));
        let least = |f: fn(&V2) -> f32| local.iter().map(f).fold(f32::MAX, f32::min);
        let most = |f: fn(&V2) -> f32| local.iter().map(f).fold(f32::MIN, f32::max);
        let (left, right) = (least(|p| p.x), most(|p| p.x));
        let (mut top, mut bottom) = (f32::MAX, f32::MIN);
        for i in 0..=4 {
            let u = left + (right - left) * i as f32 * 0.25;
            let (a, b) = (posed.slit.upper.at(u), posed.slit.lower.at(u));
            top = top.min(a.min(b));
            bottom = bottom.max(a.max(b));
        }
        // The curves bend a little between the places looked at.
        let (from, to) = posed.slit.upper.span();
        let blend = lips::CORNER_BLEND;
        let room = if left < from + blend || right > to - blend {
            blend
        } else {
            self.model.lip_soft.max(2.0 * SHADOW) + 0.01
        };
        most(|p| p.y) > top - room && least(|p| p.y) < bottom + room
    }

    fn draw_shaded(
        &self,
        canvas: &Canvas<'_>,
        posed: &Posed,
        stripe: &mut Stripe<'_>,
        at: (usize, usize),
        scratch: &mut Scratch,
    ) {
        let cell = scratch.cells[at.0];
        if !matches!(cell, Cell::Lips | Cell::Eye(_)) {
            return;
        }
        let corners = self.model.nodes.corners(at.0, at.1);
        let layers = [0, 1].map(|layer: usize| corners.map(|i| self.from[layer][i]));
        let face = corners.map(|i| self.posed[i]);
        match cell {
            Cell::Lips => {
                let local = face.map(|p| self.model.mouth.to_local(p));
                canvas.shaded(stripe, at, scratch, |steps, shaded| {
                    let layers = layers.each_ref().map(|corners| ends(corners, steps.ty));
                    self.lip_row(posed, &ends(&local, steps.ty), &layers, steps, shaded);
                });
            }
            Cell::Eye(eye) => {
                let from = &layers[self.side(posed, between(&face, 0.5, 0.5)) as usize];
                let local = from.map(|p| self.model.to_eyes[eye].apply(p));
                let source = from.map(|p| self.model.from_frame.apply(p));
                let blocks = Blocks::of(self.model.nodes.cell);
                let touched = blocks.each(|place| {
                    let source = blocks.corners(&source, place);
                    self.model.eyes[eye].touches(&posed.lids[eye], &source, self.model.pixel)
                });
                canvas.shaded(stripe, at, scratch, |steps, shaded| {
                    let touched = blocks.row(&touched, steps.ty);
                    let (from, local) = (ends(from, steps.ty), ends(&local, steps.ty));
                    for i in 0..steps.count {
                        let tx = steps.at(i);
                        let from = along(&from, tx);
                        let shade = if blocks.at(touched, tx) {
                            self.eye_shade(eye, &posed.lids[eye], along(&local, tx), from)
                        } else {
                            unshaded(from)
                        };
                        shaded.comes_from(i, shade.from);
                        shaded.lay(i, shade.over);
                    }
                });
            }
            Cell::Still | Cell::Plain(_) => {}
        }
    }

    /// A sample of an eye that blinks or looks, at `at` in eye space: from there to frame samples.
    /// What is seen where it was comes from just where it would without the eye, `unmoved`.
    fn eye_shade(&self, eye: usize, lid: &Lid, at: V2, unmoved: V2) -> Shade {
        let frame = |p: V2| self.model.from_eyes[eye].apply(p);
        let shade = match self.model.eyes[eye].look(lid, at, self.model.pixel) {
            Seen::Skin(up) => return unshaded(unmoved - self.model.from_eyes[eye].ey * up),
            Seen::Other(shade) => shade,
        };
        let over = match shade.over {
            Over::Picture(p, alpha) => Over::Picture(frame(p), alpha),
            Over::Both(p, rgb, share, alpha) => Over::Both(frame(p), rgb, share, alpha),
            over => over,
        };
        let from = if shade.from == at {
            unmoved
        } else {
            frame(shade.from)
        };
        Shade { from, over }
    }
}

/// The blocks of a cell at an eye or the lips: most of what lies in it is skin like any other.
#[derive(Clone, Copy)]
struct Blocks {
    /// Each way.
    count: usize,
}

/// Something of each block, row by row.
type OfBlocks<T> = [[T; MOST_BLOCKS]; MOST_BLOCKS];

/// Blocks of a cell each way, at most.
const MOST_BLOCKS: usize = 4;

impl Blocks {
    /// Of cells of so many samples: blocks of at least four.
    fn of(cell: usize) -> Self {
        Self {
            count: (cell / 4).min(MOST_BLOCKS),
        }
    }

    fn each<T: Default>(self, of: impl Fn((usize, usize)) -> T) -> OfBlocks<T> {
        array::from_fn(|row| {
            array::from_fn(|col| {
                if row.max(col) < self.count {
                    of((col, row))
                } else {
                    T::default()
                }
            })
        })
    }

    /// What belongs to the blocks at a place down the cell (0–1).
    fn row<T>(self, values: &OfBlocks<T>, ty: f32) -> &[T; MOST_BLOCKS] {
        &values[self.block(ty)]
    }

    /// What belongs to the block at a place along that row (0–1).
    fn at<T: Copy>(self, row: &[T; MOST_BLOCKS], tx: f32) -> T {
        row[self.block(tx)]
    }

    fn block(self, t: f32) -> usize {
        whole(t * self.count as f32).min(MOST_BLOCKS - 1)
    }

    /// The corners of a block (column and row) of a cell.
    fn corners(self, cell: &Corners, (col, row): (usize, usize)) -> Corners {
        let at = |i: usize| i as f32 / self.count as f32;
        let corner = |i: usize, j: usize| between(cell, at(col + i), at(row + j));
        [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)]
    }
}

/// A sample of the picture with nothing over it.
fn unshaded(from: V2) -> Shade {
    Shade {
        from,
        over: Over::Nothing,
    }
}

/// Luma offset of chroma sample 0.
fn chroma_site(site: ChromaSite) -> V2 {
    match site {
        ChromaSite::Left => V2::new(0.0, 0.5),
        ChromaSite::Centre => V2::new(0.5, 0.5),
    }
}
