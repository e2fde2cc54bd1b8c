// SPDX-License-Identifier: MPL-2.0
//! [`OwnTeeth`]: what a portrait with parted lips shows between them.

use super::{
    curve::Curve,
    mouth::{Mouth, stations_with_corners},
    space::V2,
};

/// Samples down a column of the opening.
const ROWS: usize = 24;
/// Teeth are no darker than this part of the brightest there, ...
const BRIGHT: f32 = 0.55;
/// ... and paler than the lips: green is a greater part of red, by this.
const PALER: f32 = 0.09;
/// Teeth that end this near above the lower lip go on behind it, IOD.
const BEHIND_LIP: f32 = 0.025;
/// Of the opening, at least so much must be teeth.
const ENOUGH: f32 = 0.2;

/// The upper teeth that an open mouth shows at rest.
#[derive(Clone, Debug)]
pub struct OwnTeeth {
    /// v (mouth space) below which they are not seen, over u.
    pub bottom: Curve,
    /// Their mean colour, sRGB.
    pub colour: [f32; 3],
}

impl OwnTeeth {
    /// Looks between the parted lips; `None` where they touch or no teeth show. `colour` reads
    /// sRGB in face space.
    pub fn find(mouth: &Mouth, colour: impl Fn(V2) -> [f32; 3]) -> Option<Self> {
        if mouth.closed {
            return None;
        }
        let at = |s: f32, row: usize| {
            let u = s * mouth.half_width;
            let t = (row as f32 + 0.5) / ROWS as f32;
            let v = mouth.upper.at(u) + mouth.rest_gap(s) * t;
            colour(mouth.to_face(V2::new(u, v)))
        };
        let stations = stations_with_corners();
        let inner = &stations[1..10];
        let brightest = inner
            .iter()
            .flat_map(|&s| (0..ROWS).map(move |row| (s, row)))
            .map(|(s, row)| at(s, row)[1])
            .fold(0.0, f32::max);
        let lip = |v: f32| {
            let c = colour(mouth.to_face(V2::new(0.0, v)));
            c[1] / c[0].max(1.0)
        };
        // Half way out, as far as the lip's red is known.
        let above = lip(mouth.upper.at(0.0) - 0.5 * mouth.upper_height);
        let below = lip(mouth.lower.at(0.0) + 0.5 * mouth.lower_height);
        let pale = above.min(below) + PALER;
        let is_tooth = |c: [f32; 3]| c[1] > BRIGHT * brightest && c[1] > pale * c[0];
        let (mut sum, mut seen) = ([0.0f32; 3], 0usize);
        for &s in inner {
            for row in 0..ROWS {
                let c = at(s, row);
                if is_tooth(c) {
                    seen += 1;
                    sum = [sum[0] + c[0], sum[1] + c[1], sum[2] + c[2]];
                }
            }
        }
        if (seen as f32) < ENOUGH * (inner.len() * ROWS) as f32 {
            return None;
        }
        let bottom = stations.map(|s| {
            let u = s * mouth.half_width;
            let last = (0..ROWS).rev().find(|&row| is_tooth(at(s, row)));
            let t = last.map_or(1.0, |row| (row + 1) as f32 / ROWS as f32);
            let v = mouth.upper.at(u) + mouth.rest_gap(s) * t;
            let lip = mouth.lower.at(u);
            (u, if lip - v < BEHIND_LIP { lip } else { v })
        });
        Some(Self {
            bottom: Curve::through(&bottom),
            colour: sum.map(|c| c / seen as f32),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;

    /// Teeth from the upper lip down to `end` of the opening (0–1), dark below.
    fn found(gap: f32, end: f32, teeth: [f32; 3]) -> Option<(OwnTeeth, Mouth)> {
        let mouth = Mouth::new(&usual_face(gap));
        let own = OwnTeeth::find(&mouth, |p| {
            let p = mouth.to_local(p);
            let t = (p.y - mouth.upper.at(p.x)) / (mouth.lower.at(p.x) - mouth.upper.at(p.x));
            if !(0.0..1.0).contains(&t) {
                [190.0, 110.0, 105.0]
            } else if t < end {
                teeth
            } else {
                [50.0, 20.0, 20.0]
            }
        })?;
        Some((own, mouth))
    }

    #[test]
    fn their_edges_are_found() {
        let teeth = [220.0, 205.0, 190.0];
        let (own, mouth) = found(0.2, 0.5, teeth).expect("teeth");
        assert!((own.bottom.at(0.0) - mouth.middle(0.0)).abs() < 0.01);
        assert!((own.colour[0] - teeth[0]).abs() < 1.0);
        // Nearly at the lip: they go on behind it.
        let (own, mouth) = found(0.16, 0.92, teeth).expect("teeth");
        assert!((own.bottom.at(0.0) - mouth.lower.at(0.0)).abs() < 1e-3);
    }

    #[test]
    fn a_closed_or_dark_mouth_has_none() {
        assert!(found(0.0, 1.0, [220.0, 205.0, 190.0]).is_none());
        assert!(found(0.2, 1.0, [120.0, 50.0, 50.0]).is_none());
        assert!(found(0.2, 0.1, [220.0, 205.0, 190.0]).is_none());
    }
}
