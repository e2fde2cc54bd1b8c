// SPDX-License-Identifier: MPL-2.0
//! How soft a picture's edges are, so that what is painted into it is as soft.

use super::space::V2;

/// From sample to sample, IOD.
const STEP: f32 = 0.006;
/// Samples of a column, which reaches over the lids, the white and the iris.
const COLUMN: usize = 41;
/// No picture that shows a face has wider ones.
const WIDEST: f32 = 0.05;
/// Columns across an eye.
const COLUMNS: usize = 15;

/// The width of the picture's edges, IOD: at the eyes, which have the sharpest of a face. From
/// one side of an edge to the other, were it as steep all the way as where it is steepest. `luma`
/// reads the picture in face space.
pub(super) fn edge_width(landmarks: &[V2; 68], luma: impl Fn(V2) -> f32) -> f32 {
    let mut widths = Vec::with_capacity(2 * COLUMNS);
    for first in [36, 42] {
        let (left, right) = (landmarks[first], landmarks[first + 3]);
        for col in 0..COLUMNS {
            let middle = left.lerp(right, (col as f32 + 0.5) / COLUMNS as f32);
            let column: [f32; COLUMN] = std::array::from_fn(|row| {
                luma(middle + V2::new(0.0, (row as f32 - (COLUMN / 2) as f32) * STEP))
            });
            let (low, high) = column.iter().fold((f32::MAX, f32::MIN), |(low, high), l| {
                (low.min(*l), high.max(*l))
            });
            let steepest = column
                .windows(3)
                .map(|w| (w[2] - w[0]).abs() * 0.5)
                .fold(0.0, f32::max);
            if steepest > 0.0 {
                widths.push((high - low) / steepest * STEP);
            }
        }
    }
    widths.sort_by(f32::total_cmp);
    widths
        .get(widths.len() / 4)
        .map_or(0.0, |width| width.min(WIDEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;
    use crate::rig::space::smoothstep;

    /// Lids, paler eyes: edges that are so wide, IOD.
    fn width(of: f32) -> f32 {
        let face = usual_face(0.0);
        let height = (face[36].y + face[39].y) * 0.5;
        edge_width(&face, |p| {
            let off = (p.y - height).abs() - 0.06;
            200.0 - 120.0 * smoothstep(-0.5 * of, 0.5 * of, off)
        })
    }

    #[test]
    fn soft_pictures_have_wide_edges() {
        // A smoothstep is 1.5 times as steep in its middle as all in all.
        for of in [0.03, 0.045, 0.06] {
            assert!((width(of) * 1.5 / of - 1.0).abs() < 0.1, "{}", width(of));
        }
        assert!(width(0.001) <= 2.0 * STEP && width(0.3) == WIDEST);
        assert_eq!(edge_width(&usual_face(0.0), |_| 90.0), 0.0);
    }
}
