// SPDX-License-Identifier: MPL-2.0
//! Finds the dark line between closed lips in the picture.

use super::{
    curve::Curve,
    mouth::{Mouth, stations_with_corners},
    space::V2,
};

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
    sum[0] = std::array::from_fn(|row| cost(0, row));
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

/// Where parted lips show teeth although the landmarks have them touch: the edges of the upper
/// and of the lower lip at the stations with corners, v; `None` where they do touch. `colour`
/// reads sRGB in mouth space.
///
/// Teeth are told by what is less red than the lips, above the shadow that the lower lip lies in
/// (the highlight of a moist lower lip has no shadow below it).
pub(super) fn parting(mouth: &Mouth, colour: impl Fn(V2) -> [f32; 3]) -> Option<[(f32, f32); 11]> {
    let stations = stations_with_corners();
    let mut edges = stations.map(|s| {
        let v = mouth.middle(s * mouth.half_width);
        (v, v)
    });
    let mut parted = 0;
    for (edge, s) in edges.iter_mut().zip(stations) {
        if s.abs() > 0.75 {
            continue;
        }
        if let Some(found) = teeth_at(mouth, s, &colour) {
            *edge = found;
            parted += 1;
        }
    }
    (parted >= ENOUGH).then(|| smoothed(&edges))
}

/// Edges of lips are smooth; single columns err. The corners stay together.
fn smoothed(edges: &[(f32, f32); 11]) -> [(f32, f32); 11] {
    let mut smooth = *edges;
    for _ in 0..2 {
        let last = smooth;
        for i in 1..10 {
            let mix = |f: fn(&(f32, f32)) -> f32| {
                0.25 * (f(&last[i - 1]) + f(&last[i + 1])) + 0.5 * f(&last[i])
            };
            smooth[i] = (mix(|e| e.0), mix(|e| e.1));
        }
    }
    smooth
}

/// Of the seven stations that are looked at, so many must show teeth.
const ENOUGH: usize = 4;
/// Samples of a column, [`STEP`] apart.
const COLUMN: usize = 29;
/// Teeth's green is a greater part of their red than lips' is, by this.
const PALER: f32 = 0.09;
/// Below them it is at most this part as bright as the lower lip.
const SHADOW: f32 = 0.8;

/// The upper and the lower edge (v) of what is between the lips at a fraction of the half-width.
fn teeth_at(mouth: &Mouth, s: f32, colour: &impl Fn(V2) -> [f32; 3]) -> Option<(f32, f32)> {
    let u = s * mouth.half_width;
    let middle = mouth.middle(u);
    let read = |v: f32| {
        let sum = [-0.01, 0.0, 0.01].map(|du| colour(V2::new(u + du, v)));
        let mean = [0, 1, 2].map(|c| (sum[0][c] + sum[1][c] + sum[2][c]) / 3.0);
        (mean[1] / mean[0].max(1.0), super::luma(mean))
    };
    let at = |row: usize| middle + (row as f32 - (COLUMN / 2) as f32) * STEP;
    let column: [(f32, f32); COLUMN] = std::array::from_fn(|row| read(at(row)));
    // A lip's own colour: half way out.
    let upper = read(middle - 0.6 * mouth.upper_height * (1.0 - s * s));
    let lower = read(middle + 0.6 * mouth.lower_height * (1.0 - s * s));
    let lips = (upper.0 + lower.0) * 0.5;
    let pale = |row: usize| column[row].0 > lips + PALER;
    // The shadow: from where it is palest upwards it must be red and dark again further down.
    let palest = (2..COLUMN - 4)
        .filter(|&row| pale(row))
        .max_by(|a, b| column[*a].0.total_cmp(&column[*b].0))?;
    let last = (palest..COLUMN).take_while(|&row| pale(row)).last()?;
    let shadow = (last + 1..(last + 8).min(COLUMN))
        .find(|&row| column[row].0 < lips + 0.02 && column[row].1 < SHADOW * lower.1)?;
    let first = (0..=palest).rev().take_while(|&row| pale(row)).last()?;
    if first == 0 || shadow - first < 4 {
        return None;
    }
    Some((at(first) - STEP, at(shadow)))
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

    /// Lips with that between them, from 0.02 above the landmarks' line to 0.03 below it.
    fn parted(between: impl Fn(f32) -> [f32; 3]) -> Option<[(f32, f32); 11]> {
        let mouth = Mouth::new(&usual_face(0.0));
        parting(&mouth, |p| {
            let v = p.y - mouth.middle(p.x);
            let open = (-0.02..0.03).contains(&v) && p.x.abs() < 0.3;
            if open {
                between(v)
            } else {
                [180.0, 90.0, 90.0]
            }
        })
    }

    #[test]
    fn teeth_between_the_lips_part_them() {
        let teeth = |v: f32| {
            if v < 0.018 {
                [150.0, 130.0, 120.0]
            } else {
                [70.0, 25.0, 25.0]
            }
        };
        let edges = parted(teeth).expect("parted lips");
        let mouth = Mouth::new(&usual_face(0.0));
        let (top, bottom) = (
            edges[5].0 - mouth.middle(0.0),
            edges[5].1 - mouth.middle(0.0),
        );
        assert!((top + 0.022).abs() < 0.008, "{top}");
        assert!((bottom - 0.022).abs() < 0.01, "{bottom}");
        assert_eq!(edges[0].0, edges[0].1);
    }

    #[test]
    fn a_highlight_or_a_shadow_does_not() {
        assert!(parted(|_| [60.0, 25.0, 25.0]).is_none());
        assert!(parted(|_| [230.0, 200.0, 195.0]).is_none());
        assert!(parted(|_| [180.0, 90.0, 90.0]).is_none());
    }
}
