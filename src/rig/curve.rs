// SPDX-License-Identifier: MPL-2.0
//! Curves y(x) through a few points, tabulated for fast look-up.

use super::space::whole;

/// How many intervals a [`Curve`] is tabulated in.
const STEPS: usize = 64;

/// A monotone cubic through points of rising x (Fritsch and Carlson, 1980), tabulated:
/// it never overshoots between two points. Constant outside them.
#[derive(Clone, Debug)]
pub struct Curve {
    from: f32,
    to: f32,
    /// Intervals a unit of x.
    scale: f32,
    table: [f32; STEPS + 1],
}

impl Curve {
    /// Nothing to look up yet: 0 everywhere.
    pub const FLAT: Curve = Curve {
        from: 0.0,
        to: 1.0,
        scale: STEPS as f32,
        table: [0.0; STEPS + 1],
    };

    /// The curve through `N ≥ 3` points; x values are made to rise by at least 1e-4.
    pub fn through<const N: usize>(points: &[(f32, f32); N]) -> Self {
        let mut x = points.map(|p| p.0);
        let y = points.map(|p| p.1);
        for i in 1..N {
            x[i] = x[i].max(x[i - 1] + 1e-4);
        }
        let slopes = tangents(&x, &y);
        let (from, to) = (x[0], x[N - 1]);
        let mut table = [0.0; STEPS + 1];
        let mut k = 0;
        for (i, entry) in table.iter_mut().enumerate() {
            let at = from + (to - from) * i as f32 / STEPS as f32;
            while k + 2 < N && at > x[k + 1] {
                k += 1;
            }
            let h = x[k + 1] - x[k];
            let t = ((at - x[k]) / h).clamp(0.0, 1.0);
            let (t2, t3) = (t * t, t * t * t);
            *entry = (2.0 * t3 - 3.0 * t2 + 1.0) * y[k]
                + (t3 - 2.0 * t2 + t) * h * slopes[k]
                + (3.0 * t2 - 2.0 * t3) * y[k + 1]
                + (t3 - t2) * h * slopes[k + 1];
        }
        let scale = STEPS as f32 / (to - from);
        Self {
            from,
            to,
            scale,
            table,
        }
    }

    /// Where its first and last points lie.
    pub fn span(&self) -> (f32, f32) {
        (self.from, self.to)
    }

    /// The least y.
    pub fn least(&self) -> f32 {
        self.table.iter().copied().fold(f32::MAX, f32::min)
    }

    /// The greatest y.
    pub fn most(&self) -> f32 {
        self.table.iter().copied().fold(f32::MIN, f32::max)
    }

    /// y of several x.
    pub fn at_each<const N: usize>(&self, x: &[f32; N]) -> [f32; N] {
        let place = x.map(|x| ((x - self.from) * self.scale).clamp(0.0, STEPS as f32));
        let first = place.map(|f| whole(f).min(STEPS - 1));
        let near = first.map(|i| [self.table[i], self.table[i + 1]]);
        std::array::from_fn(|k| {
            let t = place[k] - first[k] as f32;
            near[k][0] + (near[k][1] - near[k][0]) * t
        })
    }

    /// y(x)
    pub fn at(&self, x: f32) -> f32 {
        let f = ((x - self.from) * self.scale).clamp(0.0, STEPS as f32);
        let i = whole(f).min(STEPS - 1);
        let t = f - i as f32;
        self.table[i] + (self.table[i + 1] - self.table[i]) * t
    }
}

/// Slopes at the points that keep each piece monotone (harmonic mean of the neighbours' secants).
fn tangents<const N: usize>(x: &[f32; N], y: &[f32; N]) -> [f32; N] {
    let secant = |k: usize| (y[k + 1] - y[k]) / (x[k + 1] - x[k]);
    let mut m = [0.0; N];
    m[0] = secant(0);
    m[N - 1] = secant(N - 2);
    for (k, slope) in m.iter_mut().enumerate().take(N - 1).skip(1) {
        let (a, b) = (secant(k - 1), secant(k));
        *slope = if a * b <= 0.0 {
            0.0
        } else {
            2.0 * a * b / (a + b)
        };
    }
    m
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_meets_its_points_and_never_overshoots(y in proptest::array::uniform5(-1.0f32..1.0)) {
            let points = [0.0, 0.25, 0.5, 0.75, 1.0].map(|x: f32| (x, y[(x * 4.0) as usize]));
            let curve = Curve::through(&points);
            for (x, v) in points {
                prop_assert!((curve.at(x) - v).abs() < 1e-4);
            }
            let places = [-0.3, 0.0, 0.11, 0.5, 0.93, 1.0, 7.0];
            prop_assert_eq!(curve.at_each(&places), places.map(|x| curve.at(x)));
            for i in 0..100 {
                let x = i as f32 / 100.0;
                let k = ((x * 4.0) as usize).min(3);
                let (lo, hi) = (y[k].min(y[k + 1]), y[k].max(y[k + 1]));
                prop_assert!((lo - 1e-3..=hi + 1e-3).contains(&curve.at(x)));
            }
        }
    }

    #[test]
    fn it_is_constant_outside() {
        let curve = Curve::through(&[(-1.0, 3.0), (0.0, 4.0), (1.0, 5.0)]);
        assert_eq!((curve.at(-9.0), curve.at(9.0)), (3.0, 5.0));
    }
}
