// SPDX-License-Identifier: MPL-2.0
//! A small picture in a plane of its own, whose holes can be filled smoothly.

use super::space::{V2, whole};

/// Rounds of relaxation at each size: the coarser one has settled all but the finest detail.
const ROUNDS: usize = 12;
/// Below this many nodes a side a hole is filled without a coarser guess.
const SMALLEST: usize = 8;

/// Colours (sRGB, 0–255) at the nodes of a regular grid.
#[derive(Clone, Debug)]
pub struct Patch {
    corner: V2,
    step: f32,
    cols: usize,
    rows: usize,
    colours: Vec<[f32; 3]>,
}

impl Patch {
    /// Nothing yet: black.
    pub const EMPTY: Patch = Patch {
        corner: V2::ZERO,
        step: 1.0,
        cols: 0,
        rows: 0,
        colours: Vec::new(),
    };

    /// Reads `colour` on the box from `corner` of that size, nodes `step` apart.
    pub fn read(corner: V2, size: V2, step: f32, colour: impl Fn(V2) -> [f32; 3]) -> Self {
        let nodes = |length: f32| ((length / step).ceil() as usize + 1).max(2);
        let (cols, rows) = (nodes(size.x), nodes(size.y));
        let mut patch = Self {
            corner,
            step,
            cols,
            rows,
            colours: Vec::new(),
        };
        patch.colours = (0..cols * rows).map(|i| colour(patch.place(i))).collect();
        patch
    }

    /// Where a node lies.
    pub fn place(&self, node: usize) -> V2 {
        let (col, row) = (node % self.cols, node / self.cols);
        self.corner + V2::new(col as f32, row as f32) * self.step
    }

    /// From node to node.
    pub fn step(&self) -> f32 {
        self.step
    }

    /// How many nodes there are across and down.
    pub fn size(&self) -> (usize, usize) {
        (self.cols, self.rows)
    }

    /// The nodes' colours, row by row.
    pub fn colours(&self) -> &[[f32; 3]] {
        &self.colours
    }

    /// Likewise, to change.
    pub fn colours_mut(&mut self) -> &mut [[f32; 3]] {
        &mut self.colours
    }

    /// Between the nodes, bilinear; the nearest edge outside.
    pub fn at(&self, p: V2) -> [f32; 3] {
        if self.colours.is_empty() {
            return [0.0; 3];
        }
        let at = (p - self.corner) * (1.0 / self.step);
        let x = at.x.clamp(0.0, (self.cols - 1) as f32 - 1e-3);
        let y = at.y.clamp(0.0, (self.rows - 1) as f32 - 1e-3);
        let (col, row) = (whole(x), whole(y));
        let (tx, ty) = (x - col as f32, y - row as f32);
        let i = row * self.cols + col;
        let [a, b, c, d] = [i, i + 1, i + self.cols, i + self.cols + 1].map(|i| self.colours[i]);
        [0, 1, 2].map(|k| {
            let top = a[k] + (b[k] - a[k]) * tx;
            let bottom = c[k] + (d[k] - c[k]) * tx;
            top + (bottom - top) * ty
        })
    }

    /// Replaces all that is not `known` by the smoothest surface through what is (Laplace's
    /// equation; the patch's edge lets nothing through). Without anything known it stays.
    pub fn fill(&mut self, known: &[bool]) {
        if known.iter().any(|k| *k) {
            fill(&mut self.colours, known, self.cols, self.rows);
        }
    }
}

fn fill(colours: &mut [[f32; 3]], known: &[bool], cols: usize, rows: usize) {
    if cols.min(rows) > SMALLEST {
        guess(colours, known, cols, rows);
    } else {
        let all = mean(
            colours
                .iter()
                .zip(known)
                .filter(|(_, k)| **k)
                .map(|(c, _)| *c),
        );
        for (colour, _) in colours.iter_mut().zip(known).filter(|(_, k)| !**k) {
            *colour = all;
        }
    }
    for _ in 0..ROUNDS {
        for i in (0..colours.len()).filter(|&i| !known[i]) {
            let (col, row) = (i % cols, i / cols);
            let around = [
                colours[row * cols + col.saturating_sub(1)],
                colours[row * cols + (col + 1).min(cols - 1)],
                colours[row.saturating_sub(1) * cols + col],
                colours[(row + 1).min(rows - 1) * cols + col],
            ];
            colours[i] = mean(around.into_iter());
        }
    }
}

/// Fills at half the size, and takes from there what is not known.
fn guess(colours: &mut [[f32; 3]], known: &[bool], cols: usize, rows: usize) {
    let (half_cols, half_rows) = (cols.div_ceil(2), rows.div_ceil(2));
    let mut coarse = vec![[0.0; 3]; half_cols * half_rows];
    let mut coarse_known = vec![false; coarse.len()];
    for (i, colour) in coarse.iter_mut().enumerate() {
        let (col, row) = (2 * (i % half_cols), 2 * (i / half_cols));
        let under = [(0, 0), (1, 0), (0, 1), (1, 1)]
            .map(|(x, y)| (row + y).min(rows - 1) * cols + (col + x).min(cols - 1));
        coarse_known[i] = under.iter().any(|&j| known[j]);
        if coarse_known[i] {
            *colour = mean(under.into_iter().filter(|&j| known[j]).map(|j| colours[j]));
        }
    }
    fill(&mut coarse, &coarse_known, half_cols, half_rows);
    for i in (0..colours.len()).filter(|&i| !known[i]) {
        colours[i] = coarse[i / cols / 2 * half_cols + i % cols / 2];
    }
}

/// The mean colour; black of none.
pub fn mean(colours: impl Iterator<Item = [f32; 3]>) -> [f32; 3] {
    let mut sum = [0.0; 3];
    let mut count = 0.0f32;
    for colour in colours {
        for (s, c) in sum.iter_mut().zip(colour) {
            *s += c;
        }
        count += 1.0;
    }
    sum.map(|s| s / count.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_in_a_slope_is_filled_with_the_slope() {
        let slope = |p: V2| {
            [
                100.0 + 40.0 * p.x,
                90.0 - 30.0 * p.y,
                80.0 + 10.0 * (p.x + p.y),
            ]
        };
        let mut patch = Patch::read(V2::new(-1.0, -1.0), V2::new(2.0, 2.0), 0.04, slope);
        let hole = |p: V2| p.x.abs() < 0.6 && p.y.abs() < 0.4;
        let known: Vec<bool> = (0..patch.colours.len())
            .map(|i| !hole(patch.place(i)))
            .collect();
        for (colour, _) in patch
            .colours_mut()
            .iter_mut()
            .zip(&known)
            .filter(|(_, k)| !**k)
        {
            *colour = [255.0, 0.0, 255.0];
        }
        patch.fill(&known);
        for i in 0..patch.colours.len() {
            let p = patch.place(i);
            for (got, want) in patch.at(p).into_iter().zip(slope(p)) {
                assert!((got - want).abs() < 3.0, "{got} not {want} at {p:?}");
            }
        }
    }

    #[test]
    fn without_anything_known_it_stays() {
        let mut patch = Patch::read(V2::ZERO, V2::new(1.0, 1.0), 0.1, |p| [p.x; 3]);
        let before = patch.colours.clone();
        patch.fill(&vec![false; before.len()]);
        assert_eq!(patch.colours, before);
    }
}
