// SPDX-License-Identifier: MPL-2.0
//! Smooth displacement fields over the face, cut along the lips.
//!
//! Scattered controls are interpolated by radial basis functions. The slit is made by giving
//! every point a third coordinate: the upper side of the mouth lies above the plane, the lower
//! side below it, and both come together at the corners. One smooth function of three
//! coordinates is then two smooth fields that part at the slit and agree everywhere else.

use super::{
    area::{Area, Reach, Spans},
    basis::{Basis, Solver, closing_displacements, near_slit, parting, side_of},
    control::{Control, displacement},
    inverse::{self, LANES},
    mouth::{LIP_STATIONS, Mouth},
    space::{V2, smoothstep, whole},
};
use crate::pose::{Arkit, FacePose};
use std::{ops::Range, sync::Arc};

/// Nodes of the face grid each way.
pub const GRID: usize = 72;
/// From node to node, IOD.
pub const CELL: f32 = 0.066;
/// The skin is never pressed together or turned over beyond this Jacobian determinant.
pub(super) const LEAST_JACOBIAN: f32 = 0.25;
/// What interpolation displaces far away from the controls that move fades out between these
/// fractions of a shape's largest displacement: nobody sees it, but each frame would pay for it.
const FAINT: (f32, f32) = (0.03, 0.09);
/// A movement below this many IOD is none.
pub(super) const STILL: f32 = 1e-5;
/// Farther from the mouth's middle both sides of the slit are displaced alike, IOD: beyond the
/// box in which they are kept apart, and a cell of the grid.
pub const PARTED: f32 = 1.4;

/// Radii of the ellipse that bounds the moving face, IOD; its centre lies below the nose tip,
/// so that the neck has room to give way to the chin.
const REACH: V2 = V2::new(1.95, 2.25);
const REACH_CENTRE: f32 = 0.25;

/// Distance from the middle of the moving face, 1 at its boundary; `p` is against the nose tip.
pub fn reach(p: V2) -> f32 {
    V2::new(p.x / REACH.x, (p.y - REACH_CENTRE) / REACH.y).length()
}

/// The point of the boundary of the moving face in that direction, against the nose tip.
pub fn boundary(angle: f32) -> V2 {
    V2::new(angle.cos() * REACH.x, angle.sin() * REACH.y + REACH_CENTRE)
}

/// Which side of the slit a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The upper lip and all above.
    Upper,
    /// The lower lip and all below.
    Lower,
}

/// One displacement per node, row by row.
pub type Grid = Vec<V2>;

/// What one blendshape displaces, or what `mouthClose` adds to one.
struct Part {
    /// `None` is the gap at rest, which is always there.
    shape: Option<Arkit>,
    /// Whether it counts by `mouthClose` too.
    closes: bool,
    basis: Basis,
    /// The nodes that it displaces.
    spans: Spans,
    /// The norm of its steepest gradient in each row of cells.
    steepest: [f32; GRID],
}

/// What every blendshape displaces on one face.
pub struct Shapes {
    /// Face space of node (0, 0).
    corner: V2,
    /// Cells that show: which layer and the node at their top left.
    visible: Vec<(Layer, u32)>,
    /// The nodes of which both fields are kept; all others are on the side they lie on.
    parted: Spans,
    parts: Vec<Part>,
    /// Gap between the inner lips at rest, IOD; 0 where they touch.
    rest_gap: f32,
}

/// The displacement fields of a posed face.
pub struct Field {
    shapes: Arc<Shapes>,
    /// Of the shapes' parts, in the pose; NaN before the first.
    weights: Vec<f32>,
    forward: [Grid; 2],
    /// Inner lips of the pose, mouth space.
    pub lip_upper: [V2; 11],
    /// Inner lips of the pose, mouth space.
    pub lip_lower: [V2; 11],
    moved: bool,
    /// The nodes that are displaced.
    spans: Spans,
    reach: Reach,
}

impl Shapes {
    /// Solves the interpolation for every blendshape that displaces anything.
    pub fn new(landmarks: &[V2; 68], mouth: &Mouth, controls: &[Control]) -> Self {
        let half = (GRID - 1) as f32 * CELL * 0.5;
        let nose = landmarks[30];
        let corner = V2::new(nose.x - half, nose.y + REACH_CENTRE - half);
        let mut parted = Spans::none(GRID);
        for i in 0..GRID * GRID {
            let (col, row) = (i % GRID, i / GRID);
            if near_slit(mouth, corner + V2::new(col as f32, row as f32) * CELL) {
                parted.include(row, &(col..col + 1));
            }
        }
        let visible = visible_cells(mouth, corner);
        let solver = Solver::new(controls, mouth, corner, nose);
        let (mut shapes, mut closers) = (Vec::new(), Vec::new());
        if !mouth.closed {
            let gaps = LIP_STATIONS.map(|s| mouth.rest_gap(s));
            let closing = closing_displacements(controls, &gaps);
            closers.push(Part::new(None, true, solver.basis(&closing), &visible));
        }
        for shape in Arkit::ALL {
            let local: Vec<V2> = controls
                .iter()
                .map(|c| displacement(shape, c, mouth))
                .collect();
            if local.iter().all(|d| d.length() < STILL) {
                continue;
            }
            let gaps = parting(controls, &local);
            if gaps.iter().any(|g| g.abs() > STILL) {
                let closing = closing_displacements(controls, &gaps);
                closers.push(Part::new(
                    Some(shape),
                    true,
                    solver.basis(&closing),
                    &visible,
                ));
            }
            shapes.push(Part::new(
                Some(shape),
                false,
                solver.basis(&local),
                &visible,
            ));
        }
        shapes.append(&mut closers);
        Self {
            corner,
            visible,
            parted,
            parts: shapes,
            rest_gap: mouth.rest_gap(0.0),
        }
    }
}

impl Field {
    /// A face at rest.
    pub fn new(shapes: Arc<Shapes>) -> Self {
        let still = || vec![V2::ZERO; GRID * GRID];
        Self {
            weights: vec![f32::NAN; shapes.parts.len()],
            shapes,
            forward: [still(), still()],
            lip_upper: [V2::ZERO; 11],
            lip_lower: [V2::ZERO; 11],
            moved: false,
            spans: Spans::none(GRID),
            reach: Reach::default(),
        }
    }

    /// Poses the fields. Returns whether anything is displaced.
    pub fn pose(&mut self, pose: &FacePose) -> bool {
        let close = pose.get(Arkit::MouthClose);
        let (mut news, mut parted) = (false, 0.0);
        for (part, known) in self.shapes.parts.iter().zip(&mut self.weights) {
            let weight = match (part.shape, part.closes) {
                (Some(shape), false) => {
                    let weight = pose.get(shape);
                    parted += part.basis.parts_middle() * weight;
                    weight
                }
                (Some(shape), true) => close * pose.get(shape),
                // The shapes come before, so what they part is known.
                (None, _) => close + (1.0 - close) * neutral(pose, parted, self.shapes.rest_gap),
            };
            news |= std::mem::replace(known, weight) != weight;
        }
        if news {
            self.add_up();
        }
        self.moved
    }

    /// The sum of all parts.
    fn add_up(&mut self) {
        for grid in &mut self.forward {
            grid.fill(V2::ZERO);
        }
        self.lip_upper = [V2::ZERO; 11];
        self.lip_lower = [V2::ZERO; 11];
        self.spans.clear();
        let [upper, lower] = &mut self.forward;
        let kept_apart = &self.shapes.parted;
        for (part, weight) in active(&self.shapes, &self.weights) {
            for (row, cols) in part.spans.rows().filter(|(_, cols)| !cols.is_empty()) {
                self.spans.include(row, cols);
                let nodes = |cols: Range<usize>| row * GRID + cols.start..row * GRID + cols.end;
                let apart = kept_apart.of(row);
                let apart = cols.start.max(apart.start)..cols.end.min(apart.end);
                if !apart.is_empty() {
                    add(lower, &part.basis.lower, weight, nodes(apart));
                }
                add(upper, &part.basis.upper, weight, nodes(cols.clone()));
            }
            for i in 0..11 {
                self.lip_upper[i] = self.lip_upper[i] + part.basis.lip_upper[i] * weight;
                self.lip_lower[i] = self.lip_lower[i] + part.basis.lip_lower[i] * weight;
            }
        }
        self.moved = !self.spans.height().is_empty();
        self.spans.reach(&mut self.reach);
        if self.moved {
            for (row, cols) in self.spans.rows() {
                let apart = kept_apart.of(row);
                // What lies before and after what is kept apart.
                let first = cols.start..cols.end.min(apart.start);
                let last = cols.start.max(apart.end)..cols.end;
                for cols in [first, last].into_iter().filter(|cols| !cols.is_empty()) {
                    let nodes = row * GRID + cols.start..row * GRID + cols.end;
                    lower[nodes.clone()].copy_from_slice(&upper[nodes]);
                }
            }
            self.hold_together();
        }
    }

    /// Weights that contradict each other could fold the skin: then all of the pose is weakened
    /// by what it takes. With u scaled by k the determinant of a cell is 1 + k·tr + k²·det of
    /// its gradient.
    fn hold_together(&mut self) {
        let mut k = 1.0f32;
        let rows = self.spans.height();
        // The row of cells above the first row of nodes that moves has its lower corners there.
        for row in rows.start.saturating_sub(1)..rows.end {
            // With |∇u| ≤ g the determinant is (1 - g)² at least: most rows need no closer look.
            let steepest: f32 = active(&self.shapes, &self.weights)
                .map(|(part, weight)| weight * part.steepest[row])
                .sum();
            if steepest <= 1.0 - LEAST_JACOBIAN.sqrt() {
                continue;
            }
            let before = |row: usize| {
                let node = (row * GRID) as u32;
                self.shapes.visible.partition_point(|cell| cell.1 < node)
            };
            for &(layer, i) in &self.shapes.visible[before(row)..before(row + 1)] {
                let [dx, dy] = gradient(&self.forward[layer as usize], i as usize);
                let (trace, det) = (dx.x + dy.y, dx.x * dy.y - dx.y * dy.x);
                if 1.0 + k * trace + k * k * det < LEAST_JACOBIAN {
                    k = least_root(det, trace, 1.0 - LEAST_JACOBIAN).clamp(0.0, k);
                }
            }
        }
        if k < 1.0 {
            let lips = self.lip_upper.iter_mut().chain(&mut self.lip_lower);
            for u in self.forward.iter_mut().flatten().chain(lips) {
                *u = *u * k;
            }
        }
    }

    /// Whether a position of the posed face may be displaced.
    pub fn moves(&self, p: V2) -> bool {
        let at = (p - self.shapes.corner) * (1.0 / CELL);
        self.reach.has(at.x, at.y)
    }

    /// All that may be displaced lies between these corners, face space.
    pub fn reaches(&self) -> Option<[V2; 2]> {
        let at = |col: f32, row: f32| self.shapes.corner + V2::new(col, row) * CELL;
        let Area { rows, cols } = self.spans.area();
        self.moved.then(|| {
            [
                at(cols.start as f32 - 1.0, rows.start as f32 - 1.0),
                at(cols.end as f32, rows.end as f32),
            ]
        })
    }

    /// What must be added to positions of the posed face to find them at rest ([`inverse::back`]),
    /// by guesses.
    pub fn back(&self, layer: Layer, posed: &[V2; LANES], guess: &[V2; LANES]) -> [V2; LANES] {
        let here = posed.map(|p| (p - self.shapes.corner) * (1.0 / CELL));
        inverse::back(&self.forward[layer as usize], &here, guess)
    }

    /// Where a position at rest goes: its displacement.
    pub fn forward(&self, layer: Layer, p: V2) -> V2 {
        bilinear(
            &self.forward[layer as usize],
            (p - self.shapes.corner) * (1.0 / CELL),
        )
    }
}

impl Part {
    fn new(shape: Option<Arkit>, closes: bool, mut basis: Basis, visible: &[(Layer, u32)]) -> Self {
        let all = || basis.upper.iter().chain(&basis.lower);
        let most = all().map(|d| d.dot(*d)).fold(0.0, f32::max).sqrt();
        for d in basis.upper.iter_mut().chain(&mut basis.lower) {
            *d = *d * smoothstep(FAINT.0 * most, FAINT.1 * most, d.length());
        }
        let mut spans = Spans::none(GRID);
        let displaced = |d: &V2| d.length() > STILL;
        for i in 0..GRID * GRID {
            if [&basis.upper[i], &basis.lower[i]]
                .into_iter()
                .any(displaced)
            {
                let col = i % GRID;
                spans.include(i / GRID, &(col..col + 1));
            }
        }
        let mut steepest = [0.0f32; GRID];
        for (layer, i) in visible {
            let grid = match layer {
                Layer::Upper => &basis.upper,
                Layer::Lower => &basis.lower,
            };
            let [dx, dy] = gradient(grid, *i as usize);
            let row = &mut steepest[*i as usize / GRID];
            *row = row.max((dx.dot(dx) + dy.dot(dy)).sqrt());
        }
        Self {
            steepest,
            shape,
            closes,
            basis,
            spans,
        }
    }
}

/// The parts that act, and their weights.
fn active<'a>(shapes: &'a Shapes, weights: &'a [f32]) -> impl Iterator<Item = (&'a Part, f32)> {
    let all = shapes.parts.iter().zip(weights.iter().copied());
    all.filter(|(_, weight)| *weight > 0.0)
}

/// How much of the gap at rest is taken back: as much as the pose parts the lips itself, by
/// `parted`. So a portrait that smiles with parted lips opens as far for a vowel as one with
/// closed ones. Rounded lips close round what is left of it.
fn neutral(pose: &FacePose, parted: f32, rest_gap: f32) -> f32 {
    if rest_gap <= 0.0 {
        return 0.0;
    }
    let rounded = pose.get(Arkit::MouthPucker) + pose.get(Arkit::MouthFunnel);
    (parted / rest_gap).max(rounded).clamp(0.0, 1.0)
}

/// Adds some nodes of a field, weighed.
fn add(sum: &mut Grid, field: &Grid, weight: f32, nodes: Range<usize>) {
    for (sum, d) in sum[nodes.clone()].iter_mut().zip(&field[nodes]) {
        *sum = *sum + *d * weight;
    }
}

/// How a displacement changes across and down the cell whose first node that is, a unit of face
/// space.
fn gradient(grid: &Grid, node: usize) -> [V2; 2] {
    let [a, b] = [grid[node], grid[node + 1]];
    let [c, d] = [grid[node + GRID], grid[node + GRID + 1]];
    let half = 0.5 / CELL;
    [((b - a) + (d - c)) * half, ((c - a) + (d - b)) * half]
}

/// The least positive root of a·k² + b·k + c with c > 0; 1 if there is none.
fn least_root(a: f32, b: f32, c: f32) -> f32 {
    let discriminant = b * b - 4.0 * a * c;
    if discriminant < 0.0 {
        return 1.0;
    }
    // 2c over (−b ± √D): the larger denominator gives the lesser positive root.
    let denominator = -b + discriminant.sqrt();
    if denominator > 0.0 {
        2.0 * c / denominator
    } else {
        1.0
    }
}

/// Cells that lie wholly on a layer's own side of the slit, or away from it.
fn visible_cells(mouth: &Mouth, corner: V2) -> Vec<(Layer, u32)> {
    let mut cells = Vec::new();
    for row in 0..GRID - 1 {
        for col in 0..GRID - 1 {
            let node = |c: usize, r: usize| {
                side_of(
                    mouth,
                    corner + V2::new((col + c) as f32, (row + r) as f32) * CELL,
                )
            };
            let sides = [node(0, 0), node(1, 0), node(0, 1), node(1, 1)];
            if sides.iter().all(|s| *s == sides[0]) {
                cells.push((sides[0], (row * GRID + col) as u32));
            }
        }
    }
    cells
}

/// Zero outside the grid.
fn bilinear(grid: &[V2], at: V2) -> V2 {
    let limit = (GRID - 1) as f32;
    if !(at.x >= 0.0 && at.y >= 0.0 && at.x <= limit && at.y <= limit) {
        return V2::ZERO;
    }
    let (col, row) = (whole(at.x).min(GRID - 2), whole(at.y).min(GRID - 2));
    let (tx, ty) = (at.x - col as f32, at.y - row as f32);
    let i = row * GRID + col;
    let top = grid[i].lerp(grid[i + 1], tx);
    let bottom = grid[i + GRID].lerp(grid[i + GRID + 1], tx);
    top.lerp(bottom, ty)
}

#[cfg(test)]
mod tests;
