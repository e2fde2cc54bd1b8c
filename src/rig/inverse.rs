// SPDX-License-Identifier: MPL-2.0
//! The way back through a displacement field: eight positions at a time, written so that compilers
//! make vectors of it.

use super::{
    field::{CELL, GRID, LEAST_JACOBIAN, STILL},
    space::V2,
};

/// Positions worked on at once.
pub const LANES: usize = 8;
/// The inverse is known well enough when the last step began so near to it, IOD: what Newton's steps
/// leave is a tenth at most where the field's slope changes.
const ENOUGH: f32 = 4e-3;
/// Newton's steps at most.
const STEPS: usize = 24;

/// A number for each position.
type Lanes = [f32; LANES];

/// What must be added to each of eight positions `here` of the posed face, in steps of the grid of
/// displacements, to find it at rest, IOD: of the x with x + u(x) = here, what lies between. By
/// Newton's steps from a first `guess` of it, that of a neighbour, say; there is one such x, as the
/// skin is never turned over. Along the borders of the grid nothing may be displaced.
pub fn back(grid: &[V2], here: &[V2; LANES], guess: &[V2; LANES]) -> [V2; LANES] {
    // The displacement in steps of the grid.
    let mut u = guess.map(|g| g.x * (-1.0 / CELL));
    let mut v = guess.map(|g| g.y * (-1.0 / CELL));
    let mut moving = [1.0; LANES];
    for _ in 0..STEPS {
        let near = Near::gather(grid, here, &u, &v);
        near.step(&mut u, &mut v, &mut moving);
        if moving == [0.0; LANES] {
            break;
        }
    }
    std::array::from_fn(|k| {
        let back = V2::new(u[k], v[k]) * -CELL;
        if back.dot(back) < STILL * STILL {
            V2::ZERO
        } else {
            back
        }
    })
}

/// What lies around the positions that eight displacements come from.
struct Near {
    /// Between the nodes, 0–1.
    tx: Lanes,
    ty: Lanes,
    /// Across and down, at the nodes top left, top right, bottom left, bottom right.
    x: [Lanes; 4],
    y: [Lanes; 4],
}

impl Near {
    #[inline(always)]
    fn gather(grid: &[V2], here: &[V2; LANES], u: &Lanes, v: &Lanes) -> Self {
        let limit = (GRID - 1) as f32;
        let zero = [0.0; LANES];
        let (mut tx, mut ty, mut x, mut y) = (zero, zero, [zero; 4], [zero; 4]);
        let mut first = [0i32; LANES];
        for k in 0..LANES {
            let across = (here[k].x - u[k]).clamp(0.0, limit);
            let down = (here[k].y - v[k]).clamp(0.0, limit);
            let (col, row) = (across.min(limit - 1.0) as i32, down.min(limit - 1.0) as i32);
            (tx[k], ty[k]) = (across - col as f32, down - row as f32);
            first[k] = row * GRID as i32 + col;
        }
        for k in 0..LANES {
            let near = &grid[first[k] as usize..][..GRID + 2];
            for (i, node) in [near[0], near[1], near[GRID], near[GRID + 1]]
                .into_iter()
                .enumerate()
            {
                (x[i][k], y[i][k]) = (node.x, node.y);
            }
        }
        Self { tx, ty, x, y }
    }

    /// Newton's step for u = u(here - u), of those that are still `moving` (1; 0 if not).
    #[inline(always)]
    fn step(&self, u: &mut Lanes, v: &mut Lanes, moving: &mut Lanes) {
        for k in 0..LANES {
            let [x, dx_x, dx_y] = interpolated(&self.x, k, self.tx[k], self.ty[k]);
            let [y, dy_x, dy_y] = interpolated(&self.y, k, self.tx[k], self.ty[k]);
            let (off_x, off_y) = (x - u[k], y - v[k]);
            let det = (1.0 + dx_x) * (1.0 + dy_y) - dx_y * dy_x;
            let size = moving[k] / det.max(LEAST_JACOBIAN);
            u[k] += ((1.0 + dy_y) * off_x - dx_y * off_y) * size;
            v[k] += ((1.0 + dx_x) * off_y - dy_x * off_x) * size;
            let far = off_x * off_x + off_y * off_y >= (ENOUGH / CELL) * (ENOUGH / CELL);
            moving[k] = if far { moving[k] } else { 0.0 };
        }
    }
}

/// Between four nodes, and how that changes across and down: in steps of the grid.
#[inline(always)]
fn interpolated(nodes: &[Lanes; 4], k: usize, tx: f32, ty: f32) -> [f32; 3] {
    let [a, b, c, d] = [nodes[0][k], nodes[1][k], nodes[2][k], nodes[3][k]];
    let unit = 1.0 / CELL;
    let (above, below) = (b - a, d - c);
    let (left, right) = (a + (c - a) * ty, b + (d - b) * ty);
    let across = above + (below - above) * ty;
    let down = (c - a) + ((d - b) - (c - a)) * tx;
    [
        (left + (right - left) * tx) * unit,
        across * unit,
        down * unit,
    ]
}
