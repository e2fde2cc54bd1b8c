// SPDX-License-Identifier: MPL-2.0
//! Finds the dark line between closed lips in the picture.

use super::{curve::Curve, mouth::Mouth, space::V2};

const COLS: usize = 33;
const ROWS: usize = 27;
/// From row to row, IOD: 0.065 either way of the landmarks' line is looked at.
const STEP: f32 = 0.005;
/// A line is darker than what lies this far above and below it, IOD.
const ASIDE: f32 = 0.03;
/// Mean depth of a line that is believed, as a fraction of the brightness around.
const SEEN: f32 = 0.02;
/// What a row away from the landmarks' line costs (at the furthest row), and what a step to
/// another row does from one column to the next, in the unit of depth.
const ASTRAY: f32 = 0.12;
const BEND: f32 = 0.012;

/// The line v(u) through the darkest valley near the landmarks' line, of least cost by dynamic
/// programming; `None` where there is no valley. `luma` reads the picture in mouth space.
pub(super) fn between(mouth: &Mouth, luma: impl Fn(V2) -> f32) -> Option<Curve> {
    let half = (ROWS / 2) as f32;
    let u = |col: usize| (col as f32 / (COLS - 1) as f32 * 2.0 - 1.0) * mouth.half_width;
    // Not beyond the red of either lip.
    let (above, below) = (0.8 * mouth.upper_height, 0.8 * mouth.lower_height);
    let depth = |col: usize, row: usize| {
        let v = mouth.middle(u(col)) + (row as f32 - half) * STEP;
        let read = |dv: f32| {
            [-0.015, 0.0, 0.015]
                .map(|du| luma(V2::new(u(col) + du, v + dv)))
                .iter()
                .sum::<f32>()
        };
        let (here, up, down) = (read(0.0), read(-ASIDE), read(ASIDE));
        // The darker side bounds it: a step from light to dark is no valley.
        (up.min(down) - here) / (up + down).max(6.0) * 2.0
    };
    let mut depths = [[0.0f32; ROWS]; COLS];
    for (col, line) in depths.iter_mut().enumerate() {
        for (row, d) in line.iter_mut().enumerate() {
            *d = depth(col, row);
        }
    }
    let astray = |col: usize, row: usize| {
        let away = (row as f32 - half) * STEP;
        let s = u(col) / mouth.half_width;
        // Where the lips are thin, and at the corners, the landmarks are the better guide.
        let room = if away < 0.0 { above } else { below } * (1.0 - 0.6 * s * s);
        let outside = if away.abs() > room { 1.0 } else { 0.0 };
        ASTRAY * (away / (half * STEP)).powi(2) * (1.0 + 2.0 * s * s) + outside
    };
    let path = cheapest(|col, row| astray(col, row) - depths[col][row]);
    let seen = (0..COLS).map(|col| depths[col][path[col]]).sum::<f32>() / COLS as f32;
    if seen < SEEN {
        return None;
    }
    let smooth = |col: usize| {
        let at = |d: isize| {
            let near = col.saturating_add_signed(d).min(COLS - 1);
            (path[near] as f32 - half) * STEP + mouth.middle(u(near)) - mouth.middle(u(col))
        };
        let sum = at(-2) + 2.0 * at(-1) + 3.0 * at(0) + 2.0 * at(1) + at(2);
        mouth.middle(u(col)) + sum / 9.0
    };
    Some(Curve::through::<COLS>(&std::array::from_fn(|col| {
        (u(col), smooth(col))
    })))
}

/// The row of each column on the path of least cost from the left to the right.
fn cheapest(cost: impl Fn(usize, usize) -> f32) -> [usize; COLS] {
    let mut sum = [[0.0f32; ROWS]; COLS];
    let mut from = [[0usize; ROWS]; COLS];
    for row in 0..ROWS {
        sum[0][row] = cost(0, row);
    }
    for col in 1..COLS {
        for row in 0..ROWS {
            let near = row.saturating_sub(2)..=(row + 2).min(ROWS - 1);
            let step = |r: usize| sum[col - 1][r] + BEND * (r.abs_diff(row) as f32).powi(2);
            let best = near.min_by(|a, b| step(*a).total_cmp(&step(*b)));
            from[col][row] = best.unwrap_or(row);
            sum[col][row] = step(from[col][row]) + cost(col, row);
        }
    }
    let mut path = [0; COLS];
    let last = (0..ROWS).min_by(|a, b| sum[COLS - 1][*a].total_cmp(&sum[COLS - 1][*b]));
    path[COLS - 1] = last.unwrap_or(ROWS / 2);
    for col in (1..COLS).rev() {
        path[col - 1] = from[col][path[col]];
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;

    /// A picture whose lips meet `off` below where the landmarks say, or nowhere.
    fn found(off: Option<f32>) -> Option<Curve> {
        let mouth = Mouth::new(&usual_face(0.0));
        between(&mouth, |p| {
            let curve = mouth.middle(p.x) + off.unwrap_or(0.0);
            let line = off.map_or(0.0, |_| 60.0 * (-((p.y - curve) / 0.012).powi(2)).exp());
            // Shading of the face must not be taken for a line.
            150.0 - 80.0 * (p.y - mouth.middle(0.0)) - line
        })
    }

    #[test]
    fn the_line_is_found_where_it_is() {
        let mouth = Mouth::new(&usual_face(0.0));
        for off in [-0.035, -0.01, 0.0, 0.02, 0.04] {
            let line = found(Some(off)).expect("a line");
            for s in [-0.6, -0.3, 0.0, 0.3, 0.6] {
                let u = s * mouth.half_width;
                let miss = line.at(u) - mouth.middle(u) - off;
                assert!(miss.abs() < 0.006, "{miss} off {off} at {s}");
            }
        }
    }

    #[test]
    fn where_there_is_none_none_is_found() {
        assert!(found(None).is_none());
    }
}
