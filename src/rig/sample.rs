// SPDX-License-Identifier: MPL-2.0
//! Reading a plane between its samples: bicubic, in fixed point.

/// Fractional bits of a coordinate.
pub const FRACTION: i32 = 16;
/// One sample in fixed point.
pub const ONE: i32 = 1 << FRACTION;
/// Sub-sample positions for which bicubic weights are tabulated, as a power of two.
pub const PHASE_BITS: i32 = 6;

/// Catmull-Rom weights (Keys 1981, a = -1/2) for 64 phases, each row adding up to 128.
pub static WEIGHTS: [[i16; 4]; 1 << PHASE_BITS] = weights();

const fn weights() -> [[i16; 4]; 1 << PHASE_BITS] {
    let mut table = [[0i16; 4]; 1 << PHASE_BITS];
    let mut i = 0;
    while i < table.len() {
        let t = i as f64 / table.len() as f64;
        let (t2, t3) = (t * t, t * t * t);
        let exact = [
            -0.5 * t3 + t2 - 0.5 * t,
            1.5 * t3 - 2.5 * t2 + 1.0,
            -1.5 * t3 + 2.0 * t2 + 0.5 * t,
            0.5 * t3 - 0.5 * t2,
        ];
        let mut sum = 0;
        let mut k = 0;
        while k < 4 {
            let scaled = exact[k] * 128.0;
            let rounded = if scaled < 0.0 {
                scaled - 0.5
            } else {
                scaled + 0.5
            };
            table[i][k] = rounded as i16;
            sum += table[i][k];
            k += 1;
        }
        // What rounding lost goes to the larger of the middle taps.
        let middle = if i < table.len() / 2 { 1 } else { 2 };
        table[i][middle] += 128 - sum;
        i += 1;
    }
    table
}

/// A plane to be read; samples beyond its edges repeat the edge.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Rows of `width * channels` bytes.
    pub data: &'a [u8],
    /// Sample positions a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Positions along a straight row, in fixed point.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The first sample's position.
    pub x: i32,
    /// The first sample's position.
    pub y: i32,
    /// From one sample to the next.
    pub dx: i32,
    /// From one sample to the next.
    pub dy: i32,
}

impl Row {
    /// The first position, which is then the next one.
    #[inline(always)]
    pub fn next_position(&mut self) -> (i32, i32) {
        let here = (self.x, self.y);
        self.x = self.x.wrapping_add(self.dx);
        self.y = self.y.wrapping_add(self.dy);
        here
    }
}

/// Coordinate to fixed point; NaN becomes 0, all else is kept within ±32 000.
pub fn fixed(v: f32) -> i32 {
    (v.clamp(-32_000.0, 32_000.0) * ONE as f32) as i32
}

impl Source<'_> {
    /// Bicubic, at `x`, `y` in fixed point.
    #[inline(always)]
    pub fn cubic<const C: usize>(&self, x: i32, y: i32) -> [u8; C] {
        let half = 1 << (FRACTION - PHASE_BITS - 1);
        let (x, y) = (x + half, y + half);
        let (col, row) = ((x >> FRACTION) - 1, (y >> FRACTION) - 1);
        let phase = |v: i32| {
            WEIGHTS[((v >> (FRACTION - PHASE_BITS)) & ((1 << PHASE_BITS) - 1)) as usize]
                .map(i32::from)
        };
        let (wx, wy) = (phase(x), phase(y));
        let inside = col >= 0
            && row >= 0
            && (col as usize) + 4 <= self.width
            && (row as usize) + 4 <= self.height;
        let sums = if inside {
            self.taps_inside(col as usize, row as usize, &wx, &wy)
        } else {
            self.taps_at_edge(col, row, &wx, &wy)
        };
        sums.map(|s: i32| ((s + (1 << 12)) >> 13).clamp(0, 255) as u8)
    }

    #[inline(always)]
    fn taps_inside<const C: usize>(
        &self,
        col: usize,
        row: usize,
        wx: &[i32; 4],
        wy: &[i32; 4],
    ) -> [i32; C] {
        let mut sums = [0; C];
        let mut start = (row * self.width + col) * C;
        for weight in wy {
            let taps = &self.data[start..start + 4 * C];
            for (c, sum) in sums.iter_mut().enumerate() {
                let line = wx[0] * i32::from(taps[c])
                    + wx[1] * i32::from(taps[C + c])
                    + wx[2] * i32::from(taps[2 * C + c])
                    + wx[3] * i32::from(taps[3 * C + c]);
                // Half of it, so that a line fits 16 bits.
                *sum += weight * ((line + 1) >> 1);
            }
            start += self.width * C;
        }
        sums
    }

    #[cold]
    fn taps_at_edge<const C: usize>(
        &self,
        col: i32,
        row: i32,
        wx: &[i32; 4],
        wy: &[i32; 4],
    ) -> [i32; C] {
        let mut sums = [0; C];
        for (k, weight) in wy.iter().enumerate() {
            let first = self.line(row + k as i32) * self.width;
            let mut lines = [0; C];
            for (j, w) in wx.iter().enumerate() {
                let i = (first + self.col(col + j as i32)) * C;
                for (c, line) in lines.iter_mut().enumerate() {
                    *line += w * i32::from(self.data[i + c]);
                }
            }
            for (sum, line) in sums.iter_mut().zip(lines) {
                *sum += weight * ((line + 1) >> 1);
            }
        }
        sums
    }

    /// Fills `out` with bicubic samples along a row, by the fastest way this processor has;
    /// the bits are the same by every way.
    pub fn row<const C: usize>(&self, out: &mut [u8], mut row: Row) {
        #[cfg(target_arch = "x86_64")]
        if super::simd::available() && self.holds::<C>(&row, out.len() / C) {
            // SAFETY: the processor has AVX2, and all taps of the row lie inside the plane.
            #[allow(unsafe_code)]
            unsafe {
                super::simd::row::<C>(self, out, row);
            }
            return;
        }
        for sample in out.chunks_exact_mut(C) {
            let (x, y) = row.next_position();
            sample.copy_from_slice(&self.cubic::<C>(x, y));
        }
    }

    /// Whether all taps of a row of `count` samples lie inside the plane: then those of its
    /// ends do, for it is straight.
    fn holds<const C: usize>(&self, row: &Row, count: usize) -> bool {
        let half = 1 << (FRACTION - PHASE_BITS - 1);
        let inside = |x: i64, y: i64| {
            let (col, line) = ((x + half) >> FRACTION, (y + half) >> FRACTION);
            let fits = |i: i64, n: usize| i >= 1 && i + 2 < n as i64;
            fits(col, self.width) && fits(line, self.height)
        };
        let steps = count.saturating_sub(1) as i64;
        let (x, y) = (i64::from(row.x), i64::from(row.y));
        let (dx, dy) = (i64::from(row.dx), i64::from(row.dy));
        let whole = self.data.len() >= self.width * self.height * C;
        whole && inside(x, y) && inside(x + dx * steps, y + dy * steps)
    }

    #[inline(always)]
    fn col(&self, i: i32) -> usize {
        i.clamp(0, self.width as i32 - 1) as usize
    }

    #[inline(always)]
    fn line(&self, i: i32) -> usize {
        i.clamp(0, self.height as i32 - 1) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RAMP: [u8; 64] = {
        let mut data = [0; 64];
        let mut i = 0;
        while i < 64 {
            data[i] = ((i % 8) * 20 + (i / 8) * 10) as u8;
            i += 1;
        }
        data
    };

    #[test]
    fn whole_positions_read_the_sample_itself() {
        let source = Source {
            data: &RAMP,
            width: 8,
            height: 8,
        };
        for i in 0..64 {
            let (x, y) = ((i % 8) << FRACTION, (i / 8) << FRACTION);
            assert_eq!(source.cubic::<1>(x, y)[0], RAMP[i as usize]);
        }
    }

    #[test]
    fn a_ramp_is_read_exactly_between_samples_and_edges_repeat() {
        let source = Source {
            data: &RAMP,
            width: 8,
            height: 8,
        };
        let (x, y) = (fixed(3.5), fixed(2.25));
        let expected = 3.5 * 20.0 + 2.25 * 10.0;
        let got = source.cubic::<1>(x, y)[0];
        assert!((f64::from(got) - expected).abs() <= 1.0, "{got}");
        assert_eq!(source.cubic::<1>(fixed(-50.0), fixed(-50.0))[0], RAMP[0]);
        assert_eq!(source.cubic::<1>(fixed(1e9), fixed(f32::NAN))[0], RAMP[7]);
    }

    #[test]
    fn every_phase_keeps_flat_areas_flat() {
        assert!(WEIGHTS.iter().all(|w| w.iter().sum::<i16>() == 128));
    }

    /// The scalar way, whatever the processor.
    fn scalar<const C: usize>(source: &Source<'_>, count: usize, mut row: Row) -> Vec<u8> {
        (0..count)
            .flat_map(|_| {
                let (x, y) = row.next_position();
                source.cubic::<C>(x, y)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_way_gives_the_same_bits(
            seed in 0u64..u64::MAX, count in 0usize..40,
            x in -3.0f32..30.0, y in -3.0f32..30.0, dx in -1.5f32..1.5, dy in -0.7f32..0.7,
        ) {
            let (width, height) = (32, 24);
            let mut state = seed;
            let data: Vec<u8> = (0..width * height * 4)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 56) as u8
                })
                .collect();
            let row = Row { x: fixed(x), y: fixed(y), dx: fixed(dx), dy: fixed(dy) };
            let mut out = vec![0; count * 4];
            for channels in [1, 2, 4] {
                let data = &data[..width * height * channels];
                let source = Source { data, width, height };
                let out = &mut out[..count * channels];
                let expected = match channels {
                    1 => { source.row::<1>(out, row); scalar::<1>(&source, count, row) }
                    2 => { source.row::<2>(out, row); scalar::<2>(&source, count, row) }
                    _ => { source.row::<4>(out, row); scalar::<4>(&source, count, row) }
                };
                prop_assert_eq!(&*out, &expected[..], "{} channels", channels);
            }
        }
    }
}
