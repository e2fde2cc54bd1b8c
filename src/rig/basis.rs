// SPDX-License-Identifier: MPL-2.0
//! The interpolation behind [`super::field`]: one displacement field per blendshape.

use super::{
    control::{Control, Part, opening},
    field::{CELL, GRID, Grid, Layer, reach},
    mouth::{LIP_STATIONS, Mouth},
    space::{V2, smoothstep},
};

/// Softens the cone of the linear kernel at a control, IOD.
const KERNEL_SOFTNESS: f32 = 0.06;
/// How far the two sides of the slit lie apart in the third coordinate at its middle, IOD, one way.
const SLIT_DEPTH: f32 = 0.25;
/// Distance from the slit over which the third coordinate falls to 1/e, IOD.
const SLIT_REACH: f32 = 0.35;
/// Half extent of the box around the mouth in which the two fields are kept apart, IOD.
const BOX: V2 = V2::new(0.95, 0.85);

/// A displacement for one blendshape: over the face and, exactly, at the inner lips.
pub(super) struct Basis {
    pub upper: Grid,
    pub lower: Grid,
    /// Inner lips at the stations with corners, mouth space.
    pub lip_upper: [V2; 11],
    pub lip_lower: [V2; 11],
}

impl Basis {
    /// By how much it parts the inner lips at their middle, IOD.
    pub(super) fn parts_middle(&self) -> f32 {
        let middle = self.lip_upper.len() / 2;
        self.lip_lower[middle].y - self.lip_upper[middle].y
    }
}

/// By how much a shape parts the inner lips at each of [`LIP_STATIONS`], IOD.
pub(super) fn parting(controls: &[Control], local: &[V2]) -> [f32; 9] {
    LIP_STATIONS.map(|station| {
        let mut gap = 0.0;
        for (control, d) in controls.iter().zip(local) {
            match control.part {
                Part::UpperLip { s, outer: false } if s == station => gap -= d.y,
                Part::LowerLip { s, outer: false } if s == station => gap += d.y,
                _ => {}
            }
        }
        gap
    })
}

/// The displacements that close `gaps`: the inner lips meet, the upper one's border
/// follows a little less, the chin pad gives way.
pub(super) fn closing_displacements(controls: &[Control], gaps: &[f32; 9]) -> Vec<V2> {
    let at = |s: f32| {
        let stations = LIP_STATIONS;
        let i = stations.iter().rposition(|&x| x <= s).unwrap_or(0).min(7);
        let t = ((s - stations[i]) / (stations[i + 1] - stations[i])).clamp(-1.0, 2.0);
        (gaps[i] + (gaps[i + 1] - gaps[i]) * t).max(0.0)
    };
    controls
        .iter()
        .map(|control| {
            let y = match control.part {
                Part::UpperLip { s, outer } => {
                    super::control::closing(at(s)).0 * if outer { 0.95 } else { 1.0 }
                }
                Part::LowerLip { s, .. } => super::control::closing(at(s)).1,
                Part::ChinPad => super::control::closing(gaps[4].max(0.0)).1 * 0.35,
                _ => 0.0,
            };
            V2::new(0.0, y)
        })
        .collect()
}

/// The interpolation problem of one face, factorised once.
pub(super) struct Solver<'a> {
    controls: &'a [Control],
    mouth: &'a Mouth,
    factors: Lu,
    /// Per control: kernel values at all nodes, times the window; on the upper side of the slit
    /// where there are both.
    upper: Vec<f32>,
    /// The nodes that have a lower side too, and likewise their values.
    parted: Vec<usize>,
    lower: Vec<f32>,
}

impl<'a> Solver<'a> {
    /// For nodes of the face grid that begins at `corner`, around that nose tip.
    pub(super) fn new(controls: &'a [Control], mouth: &'a Mouth, corner: V2, nose: V2) -> Self {
        let points: Vec<[f32; 3]> = controls
            .iter()
            .map(|c| {
                let z = match c.part {
                    Part::UpperLip { .. } => depth(mouth, c.at, Layer::Upper),
                    Part::LowerLip { .. } => depth(mouth, c.at, Layer::Lower),
                    _ => depth(mouth, c.at, side_of(mouth, c.at)),
                };
                [c.at.x, c.at.y, z]
            })
            .collect();
        let n = points.len();
        let mut matrix = vec![0.0f64; n * n];
        for (i, a) in points.iter().enumerate() {
            for (j, b) in points.iter().enumerate() {
                matrix[i * n + j] = f64::from(kernel(a, b));
            }
            // Coinciding controls (merged landmarks) must not make the matrix singular.
            matrix[i * n + i] -= 1e-3;
        }
        let node = |i: usize| corner + V2::new((i % GRID) as f32, (i / GRID) as f32) * CELL;
        let parted: Vec<usize> = (0..GRID * GRID)
            .filter(|&i| near_slit(mouth, node(i)))
            .collect();
        let place = |i: usize, layer: Option<Layer>| {
            let p = node(i);
            let layer = layer.unwrap_or_else(|| side_of(mouth, p));
            let window = 1.0 - smoothstep(0.76, 1.03, reach(p - nose));
            ([p.x, p.y, depth(mouth, p, layer)], window)
        };
        let mut places: Vec<_> = (0..GRID * GRID).map(|i| place(i, None)).collect();
        for &i in &parted {
            places[i] = place(i, Some(Layer::Upper));
        }
        let below: Vec<_> = parted
            .iter()
            .map(|&i| place(i, Some(Layer::Lower)))
            .collect();
        Self {
            controls,
            mouth,
            upper: kernels(&points, &places),
            lower: kernels(&points, &below),
            parted,
            factors: Lu::new(matrix, n),
        }
    }

    /// The basis whose displacement at the controls is `local` (mouth-aligned).
    pub(super) fn basis(&self, local: &[V2]) -> Basis {
        let solve = |pick: fn(V2) -> f32| {
            let right = local
                .iter()
                .map(|d| f64::from(pick(self.mouth.vector_to_face(*d))));
            let solved = self.factors.solve(right.collect());
            solved.into_iter().map(|v| v as f32).collect::<Vec<_>>()
        };
        let (wx, wy) = (solve(|d| d.x), solve(|d| d.y));
        let upper = weighed(&self.upper, &wx, &wy);
        let mut lower = upper.clone();
        for (&i, d) in self.parted.iter().zip(weighed(&self.lower, &wx, &wy)) {
            lower[i] = d;
        }
        let (mut lip_upper, mut lip_lower) = ([V2::ZERO; 11], [V2::ZERO; 11]);
        for (control, d) in self.controls.iter().zip(local) {
            match control.part {
                Part::UpperLip { s, outer: false } => lip_upper[station(s)] = *d,
                Part::LowerLip { s, outer: false } => lip_lower[station(s)] = *d,
                // The inner corner comes after the outer one.
                Part::Corner(super::control::Side::ViewerLeft) => {
                    (lip_upper[0], lip_lower[0]) = (*d, *d);
                }
                Part::Corner(super::control::Side::ViewerRight) => {
                    (lip_upper[10], lip_lower[10]) = (*d, *d);
                }
                _ => {}
            }
        }
        Basis {
            upper,
            lower,
            lip_upper,
            lip_lower,
        }
    }
}

/// Per control: kernel values at all places, times their windows.
fn kernels(points: &[[f32; 3]], places: &[([f32; 3], f32)]) -> Vec<f32> {
    let all = |c| places.iter().map(move |(at, w)| kernel(at, c) * w);
    points.iter().flat_map(all).collect()
}

/// The fields that weights of the controls make out of their kernel values.
fn weighed(kernels: &[f32], wx: &[f32], wy: &[f32]) -> Grid {
    let count = kernels.len() / wx.len();
    let (mut x, mut y) = (vec![0.0; count], vec![0.0; count]);
    for (kernels, (wx, wy)) in kernels.chunks_exact(count.max(1)).zip(wx.iter().zip(wy)) {
        for ((x, y), k) in x.iter_mut().zip(&mut y).zip(kernels) {
            *x += k * wx;
            *y += k * wy;
        }
    }
    x.into_iter().zip(y).map(|(x, y)| V2::new(x, y)).collect()
}

/// Index of an inner-lip station among those with corners.
fn station(s: f32) -> usize {
    LIP_STATIONS
        .iter()
        .position(|&x| x == s)
        .map_or(0, |i| i + 1)
}

/// The side of the slit that a point at rest lies on.
pub(super) fn side_of(mouth: &Mouth, p: V2) -> Layer {
    let local = mouth.to_local(p);
    if local.y < mouth.middle(local.x) {
        Layer::Upper
    } else {
        Layer::Lower
    }
}

/// Inside the box around the mouth each layer goes on beyond the slit, so that cells which the
/// slit crosses can be interpolated; outside it every node is on its own side.
pub(super) fn near_slit(mouth: &Mouth, p: V2) -> bool {
    let local = mouth.to_local(p);
    local.x.abs() < BOX.x && local.y.abs() < BOX.y
}

/// The third coordinate of a point taken to be on that side of the slit.
fn depth(mouth: &Mouth, p: V2, layer: Layer) -> f32 {
    let local = mouth.to_local(p);
    let sign = if layer == Layer::Upper { 1.0 } else { -1.0 };
    let beyond = (mouth.middle(local.x) - local.y) * sign;
    let reach = (beyond.max(0.0) / SLIT_REACH).powi(2);
    sign * SLIT_DEPTH * opening(local.x / mouth.half_width) * (-reach).exp()
}

fn kernel(a: &[f32; 3], b: &[f32; 3]) -> f32 {
    let d2 = (0..3).map(|i| (a[i] - b[i]) * (a[i] - b[i])).sum::<f32>();
    (d2 + KERNEL_SOFTNESS * KERNEL_SOFTNESS).sqrt()
}

/// An LU factorisation with partial pivoting.
struct Lu {
    n: usize,
    factors: Vec<f64>,
    pivots: Vec<usize>,
}

impl Lu {
    fn new(mut a: Vec<f64>, n: usize) -> Self {
        let mut pivots = Vec::with_capacity(n);
        for k in 0..n {
            let mut best = k;
            for i in k + 1..n {
                if a[i * n + k].abs() > a[best * n + k].abs() {
                    best = i;
                }
            }
            pivots.push(best);
            if best != k {
                for j in 0..n {
                    a.swap(k * n + j, best * n + j);
                }
            }
            let pivot = a[k * n + k];
            for i in k + 1..n {
                let f = a[i * n + k] / pivot;
                a[i * n + k] = f;
                for j in k + 1..n {
                    a[i * n + j] -= f * a[k * n + j];
                }
            }
        }
        Self {
            n,
            factors: a,
            pivots,
        }
    }

    fn solve(&self, mut b: Vec<f64>) -> Vec<f64> {
        let n = self.n;
        for k in 0..n {
            b.swap(k, self.pivots[k]);
        }
        for i in 0..n {
            for j in 0..i {
                b[i] -= self.factors[i * n + j] * b[j];
            }
        }
        for i in (0..n).rev() {
            for j in i + 1..n {
                b[i] -= self.factors[i * n + j] * b[j];
            }
            b[i] /= self.factors[i * n + i];
        }
        b
    }
}
