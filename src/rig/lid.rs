// SPDX-License-Identifier: MPL-2.0
//! The skin of a shut eyelid, made from the skin around the eye.

use super::{
    eye::{Eye, LASHES},
    space::V2,
};

const COLS: usize = 48;
const ROWS: usize = 40;
/// Rounds of relaxation: enough for the hole's middle to feel its rim.
const ROUNDS: usize = 400;

/// Colours of a shut lid at one point, sRGB.
#[derive(Clone, Copy, Debug)]
pub struct LidColours {
    /// The lid's skin.
    pub skin: [f32; 3],
    /// Its line of lashes.
    pub lash: [f32; 3],
}

/// The skin over an eye, as if there were no eye.
#[derive(Clone, Debug)]
pub struct Patch {
    /// `COLS * ROWS` colours, or none.
    skin: Vec<[f32; 3]>,
    lash: [f32; 3],
}

impl Patch {
    /// Not painted yet: mid grey.
    pub const EMPTY: Patch = Patch {
        skin: Vec::new(),
        lash: [128.0; 3],
    };

    /// Cuts the eye with its lashes out of the picture and fills the hole smoothly (Laplace's
    /// equation with the rim's colours). `colour` reads sRGB at a point of eye space.
    pub fn paint(&mut self, eye: &Eye, colour: impl Fn(V2) -> [f32; 3]) {
        let points: Vec<V2> = (0..COLS * ROWS)
            .map(|i| position(eye, i % COLS, i / COLS))
            .collect();
        self.skin = points.iter().map(|p| colour(*p)).collect();
        self.lash = lash_colour(eye, &colour);
        let hole: Vec<bool> = points.iter().map(|p| is_hole(eye, *p)).collect();
        let rim = mean((0..hole.len()).filter(|&i| !hole[i]).map(|i| self.skin[i]));
        for (colour, _) in self.skin.iter_mut().zip(&hole).filter(|(_, hole)| **hole) {
            *colour = rim;
        }
        for _ in 0..ROUNDS {
            for i in (0..hole.len()).filter(|&i| hole[i]) {
                let (col, row) = (i % COLS, i / COLS);
                let around = [
                    self.skin[row * COLS + col.saturating_sub(1)],
                    self.skin[row * COLS + (col + 1).min(COLS - 1)],
                    self.skin[row.saturating_sub(1) * COLS + col],
                    self.skin[(row + 1).min(ROWS - 1) * COLS + col],
                ];
                self.skin[i] = mean(around.into_iter());
            }
        }
        self.model(eye, &points, &hole);
    }

    /// A lid is round: a little lighter over the eyeball, darker towards its edges.
    fn model(&mut self, eye: &Eye, points: &[V2], hole: &[bool]) {
        for (i, p) in points.iter().enumerate().filter(|(i, _)| hole[*i]) {
            let s = p.x / eye.half_width();
            let (upper, lower) = (eye.upper.at(p.x), eye.lower.at(p.x));
            let t = ((p.y - upper) / (lower - upper).max(0.03)).clamp(-1.0, 1.0);
            let round = (1.0 - s * s).max(0.0) * (1.0 - (t - 0.2) * (t - 0.2)).max(0.0);
            let light = 1.0 + 0.07 * round - 0.05 * t.max(0.0);
            self.skin[i] = self.skin[i].map(|c| (c * light).min(255.0));
        }
    }

    /// The colours at a point of eye space.
    pub fn at(&self, eye: &Eye, p: V2) -> LidColours {
        if self.skin.is_empty() {
            return LidColours {
                skin: self.lash,
                lash: self.lash,
            };
        }
        let (corner, step) = layout(eye);
        let x = ((p.x - corner.x) / step.x).clamp(0.0, (COLS - 1) as f32 - 1e-3);
        let y = ((p.y - corner.y) / step.y).clamp(0.0, (ROWS - 1) as f32 - 1e-3);
        let (col, row) = (x as usize, y as usize);
        let (tx, ty) = (x - col as f32, y - row as f32);
        let i = row * COLS + col;
        let [a, b, c, d] = [i, i + 1, i + COLS, i + COLS + 1].map(|i| self.skin[i]);
        let skin = [0, 1, 2].map(|k| {
            let top = a[k] + (b[k] - a[k]) * tx;
            let bottom = c[k] + (d[k] - c[k]) * tx;
            top + (bottom - top) * ty
        });
        LidColours {
            skin,
            lash: self.lash,
        }
    }
}

/// Eye space of node (0, 0) and the step from node to node.
fn layout(eye: &Eye) -> (V2, V2) {
    let half = 1.35 * eye.half_width();
    let top = eye.upper.at(0.0) - eye.room - 0.02;
    let bottom = eye.lower.at(0.0) + LASHES + 0.06;
    let step = V2::new(
        2.0 * half / (COLS - 1) as f32,
        (bottom - top) / (ROWS - 1) as f32,
    );
    (V2::new(-half, top), step)
}

fn position(eye: &Eye, col: usize, row: usize) -> V2 {
    let (corner, step) = layout(eye);
    corner + V2::new(col as f32 * step.x, row as f32 * step.y)
}

/// The eye with its lashes and liner.
fn is_hole(eye: &Eye, p: V2) -> bool {
    let s = p.x / eye.half_width();
    let reach = (1.25 - s.abs()).clamp(0.0, 0.5) / 0.5;
    let above = LASHES.min(0.6 * eye.room) * 1.25 * reach.sqrt();
    let below = LASHES * 0.8 * reach.sqrt();
    s.abs() < 1.25 && p.y > eye.upper.at(p.x) - above && p.y < eye.lower.at(p.x) + below
}

/// The darker colours along the upper lid.
fn lash_colour(eye: &Eye, colour: &impl Fn(V2) -> [f32; 3]) -> [f32; 3] {
    let mut along: Vec<[f32; 3]> = (0..33 * 5)
        .map(|i| {
            let x = ((i % 33) as f32 / 16.0 - 1.0) * 0.8 * eye.half_width();
            let y = eye.upper.at(x) + ((i / 33) as f32 - 3.0) * 0.012;
            colour(V2::new(x, y))
        })
        .collect();
    let level = |c: &[f32; 3]| c[0] + c[1] + c[2];
    along.sort_by(|a, b| level(a).total_cmp(&level(b)));
    mean(along.into_iter().take(40))
}

fn mean(colours: impl Iterator<Item = [f32; 3]>) -> [f32; 3] {
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
