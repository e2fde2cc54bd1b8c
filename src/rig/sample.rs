// SPDX-License-Identifier: MPL-2.0
//! Reading a plane between its samples: bicubic, in fixed point.

use super::band::{Ramps, Rows, Sides, Work};

/// Fractional bits of a coordinate.
pub const FRACTION: i32 = 16;
/// One sample in fixed point.
pub const ONE: i32 = 1 << FRACTION;
/// Sub-sample positions for which there are bicubic weights, as a power of two.
pub const PHASE_BITS: i32 = 6;
/// Repeated samples before the first and after the last one, both ways: what the taps of a
/// position clamped to one sample beyond the edges need.
pub const ROOM: (usize, usize) = (2, 3);
/// Bytes after the last row, so that any tap can be read as the first of 32 bytes.
const SLACK: usize = 32;

/// Weights of the taps for each phase; each row adds up to 64.
pub static WEIGHTS: [[i8; 4]; 1 << PHASE_BITS] = {
    let mut table = [[0; 4]; 1 << PHASE_BITS];
    let mut i = 0;
    while i < table.len() {
        table[i] = weights((i as i16) << (15 - PHASE_BITS));
        i += 1;
    }
    table
};

/// Weights of cubic convolution (Keys 1981, a = -3/4) in 64ths, `t` in 2^-15. The usual a = -1/2
/// reads ramps exactly, but is dull between samples, so a face pulses as it sways. This keeps more
/// detail (half a sample off 0.71 of the Laplacian's variance on the picture of the test below,
/// instead of 0.62) and misplaces a ramp by 1/20 of a sample at most. Only what an 8-bit weight and
/// a 16-bit vector unit can do, so that its twin in [`super::simd`] gives the same.
const fn weights(t: i16) -> [i8; 4] {
    let (t2, t3) = (scaled(t, t), scaled(scaled(t, t), t));
    // t² - t³ and t - t²: both at least 0, and small.
    let (d, e) = (t2 - t3, t - t2);
    let before = scaled(d - e, 48);
    let after = -scaled(d, 48);
    let next = scaled((t - (e >> 2)) + (d + (d >> 2)), 64);
    [
        before as i8,
        (64 - before - next - after) as i8,
        next as i8,
        after as i8,
    ]
}

/// `v * k / 2^15`, rounded.
const fn scaled(v: i16, k: i16) -> i16 {
    ((v as i32 * k as i32 + (1 << 14)) >> 15) as i16
}

/// Coordinate to fixed point; NaN becomes 0, all else is kept within ±32 000.
pub fn fixed(v: f32) -> i32 {
    (v.clamp(-32_000.0, 32_000.0) * ONE as f32) as i32
}

/// A plane to be read, with its edges repeated around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    data: Vec<u8>,
    width: usize,
    height: usize,
    channels: usize,
    stride: usize,
}

impl Source {
    /// Of rows of `width * channels` bytes without padding, `height` of them.
    pub fn new(plane: &[u8], width: usize, height: usize, channels: usize) -> Self {
        let stride = (width + ROOM.0 + ROOM.1) * channels;
        let rows = height + ROOM.0 + ROOM.1;
        let mut data = Vec::with_capacity(rows * stride + SLACK);
        for row in 0..rows {
            let row = row.saturating_sub(ROOM.0).min(height - 1);
            let line = &plane[row * width * channels..][..width * channels];
            for _ in 0..ROOM.0 {
                data.extend_from_slice(&line[..channels]);
            }
            data.extend_from_slice(line);
            for _ in 0..ROOM.1 {
                data.extend_from_slice(&line[line.len() - channels..]);
            }
        }
        data.resize(data.len() + SLACK, 0);
        Self {
            data,
            width,
            height,
            channels,
            stride,
        }
    }

    /// Sample positions a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All of it with its room: `height + ROOM.0 + ROOM.1` rows of [`stride`](Self::stride)
    /// bytes, and 32 bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Bytes from one row to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The plane without its room.
    pub fn plane(&self) -> Vec<u8> {
        (0..self.height)
            .flat_map(|row| self.line(row, 0, self.width))
            .copied()
            .collect()
    }

    /// `count` samples of a row from `col` on, as they are.
    pub fn line(&self, row: usize, col: usize, count: usize) -> &[u8] {
        let start = (row + ROOM.0) * self.stride + (col + ROOM.0) * self.channels;
        &self.data[start..start + count * self.channels]
    }

    /// Bicubic, at `x`, `y` in fixed point; samples beyond the edges repeat the edge.
    #[inline(always)]
    pub fn cubic<const C: usize>(&self, x: i32, y: i32) -> [u8; C] {
        let half = 1 << (FRACTION - PHASE_BITS - 1);
        let place = |v: i32, size: usize| {
            let v = v.clamp(-ONE, (size as i32) << FRACTION) + half;
            let phase = (v >> (FRACTION - PHASE_BITS)) & ((1 << PHASE_BITS) - 1);
            let first = (v >> FRACTION) + ROOM.0 as i32 - 1;
            (first as usize, &WEIGHTS[phase as usize])
        };
        let ((col, wx), (row, wy)) = (place(x, self.width), place(y, self.height));
        let mut sums = [0i32; C];
        for (k, weight) in wy.iter().enumerate() {
            let taps = &self.data[(row + k) * self.stride + col * C..][..4 * C];
            for (c, sum) in sums.iter_mut().enumerate() {
                let tap = |i: usize| i32::from(wx[i]) * i32::from(taps[i * C + c]);
                *sum += i32::from(*weight) * (tap(0) + tap(1) + tap(2) + tap(3));
            }
        }
        sums.map(|s| ((s + (1 << 11)) >> 12).clamp(0, 255) as u8)
    }
}

/// Reads planes of one size at the positions (`x`, `y`), in fixed point: as many samples of `C`
/// channels into each of `outs`. By the fastest way this processor has; the bits are the same
/// by every way.
pub fn cubic<const C: usize, const P: usize>(
    sources: &[&Source; P],
    x: &[i32],
    y: &[i32],
    outs: &mut [&mut [u8]; P],
) {
    #[cfg(target_arch = "x86_64")]
    if super::simd::available() {
        by_eights::<C, P>(sources, x, y, outs);
        return;
    }
    for k in 0..P {
        one_by_one::<C>(sources[k], x, y, outs[k]);
    }
}

/// The positions of cells, `n` of each: a power of two from 2 to 64.
fn ramps(cells: Ramps<'_>, out: &mut [i32], n: usize) {
    #[cfg(target_arch = "x86_64")]
    if super::simd::available() {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code)]
        unsafe {
            super::simd::ramps(cells, out, n);
        }
        return;
    }
    any_ramps(cells, out, n);
}

/// The same on every processor; compiled once more for AVX2.
#[inline(always)]
pub(super) fn any_ramps(cells: Ramps<'_>, out: &mut [i32], n: usize) {
    match n {
        2 => ramps_by::<2>(cells, out),
        4 => ramps_by::<4>(cells, out),
        8 => ramps_by::<8>(cells, out),
        16 => ramps_by::<16>(cells, out),
        32 => ramps_by::<32>(cells, out),
        _ => ramps_by::<64>(cells, out),
    }
}

#[inline(always)]
fn ramps_by<const N: usize>(cells: Ramps<'_>, out: &mut [i32]) {
    let cells = cells.first.iter().zip(cells.step);
    for ((first, step), out) in cells.zip(out.as_chunks_mut::<N>().0) {
        for (i, v) in out.iter_mut().enumerate() {
            *v = first.wrapping_add(step.wrapping_mul(i as i32));
        }
    }
}

/// [`cubic`] at the positions between the `sides` of cells ([`Sides::in_row`]), for so many rows of
/// samples. The last cell may be longer than what is left of `outs`.
pub fn cubic_band<const C: usize, const P: usize>(
    sources: &[&Source; P],
    sides: Sides<'_>,
    (n, quarters): (usize, i32),
    rows: usize,
    work: &mut Work,
    outs: &mut [Rows<'_>; P],
) {
    #[cfg(target_arch = "x86_64")]
    if C == 1 && n >= 4 && super::simd::wide_available() {
        // SAFETY: the processor has all that the wide way takes.
        #[allow(unsafe_code)]
        let drawn = unsafe { super::simd::wide_band::<P>(sources, sides, n, quarters, rows, outs) };
        if drawn {
            return;
        }
    }
    for row in 0..rows {
        let mut outs = outs.each_mut().map(|out| out.row(row));
        let cells = sides.in_row(row, (n, quarters), &mut work.lines);
        let positions = work.positions.each_mut().map(|p| &mut p[..]);
        cubic_cells::<C, P>(sources, cells, n, positions, &mut outs);
    }
}

/// One row of that: `cells` across and down. `x` and `y` are to work in and hold all positions.
fn cubic_cells<const C: usize, const P: usize>(
    sources: &[&Source; P],
    cells: [Ramps<'_>; 2],
    n: usize,
    [x, y]: [&mut [i32]; 2],
    outs: &mut [&mut [u8]; P],
) {
    #[cfg(target_arch = "x86_64")]
    if C == 1 && n >= 4 && super::simd::available() {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code)]
        unsafe {
            super::simd::cubic_cells::<P>(sources, cells, n, outs);
        }
        return;
    }
    ramps(cells[0], x, n);
    ramps(cells[1], y, n);
    let count = outs[0].len() / C;
    cubic::<C, P>(sources, &x[..count], &y[..count], outs);
}

/// The vector way, which knows whole groups only.
#[cfg(target_arch = "x86_64")]
fn by_eights<const C: usize, const P: usize>(
    sources: &[&Source; P],
    x: &[i32],
    y: &[i32],
    outs: &mut [&mut [u8]; P],
) {
    use super::simd::{N, cubic};
    let (count, whole) = (x.len(), x.len() / N * N);
    // SAFETY: the processor has AVX2.
    #[allow(unsafe_code)]
    unsafe {
        cubic::<C, P>(sources, x, y, outs);
    }
    if whole < count {
        // The last position fills the last group.
        let (mut xs, mut ys) = ([x[count - 1]; N], [y[count - 1]; N]);
        xs[..count - whole].copy_from_slice(&x[whole..]);
        ys[..count - whole].copy_from_slice(&y[whole..]);
        let mut spare = [[0; 4 * N]; P];
        let mut group = spare.each_mut().map(|bytes| &mut bytes[..N * C]);
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code)]
        unsafe {
            cubic::<C, P>(sources, &xs, &ys, &mut group);
        }
        for (out, spare) in outs.iter_mut().zip(&spare) {
            out[whole * C..].copy_from_slice(&spare[..(count - whole) * C]);
        }
    }
}

/// The way of every processor.
#[inline(never)]
pub(super) fn one_by_one<const C: usize>(source: &Source, x: &[i32], y: &[i32], out: &mut [u8]) {
    for (sample, (x, y)) in out.chunks_exact_mut(C).zip(x.iter().zip(y)) {
        sample.copy_from_slice(&source.cubic::<C>(*x, *y));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers that look random, the same from each seed (Knuth's MMIX generator).
    pub fn random(mut state: u64) -> impl FnMut() -> u32 {
        move || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 32) as u32
        }
    }

    fn ramp() -> Source {
        let data: Vec<u8> = (0..64).map(|i| (i % 8) * 20 + (i / 8) * 10).collect();
        Source::new(&data, 8, 8, 1)
    }

    #[test]
    fn whole_positions_read_the_sample_itself() {
        let source = ramp();
        for (i, sample) in source.plane().into_iter().enumerate() {
            let (x, y) = ((i as i32 % 8) << FRACTION, (i as i32 / 8) << FRACTION);
            assert_eq!(source.cubic::<1>(x, y)[0], sample);
        }
    }

    #[test]
    fn a_ramp_is_read_exactly_between_samples_and_edges_repeat() {
        let source = ramp();
        let (x, y) = (fixed(3.5), fixed(2.25));
        let expected = 3.5 * 20.0 + 2.25 * 10.0;
        let got = source.cubic::<1>(x, y)[0];
        assert!((f64::from(got) - expected).abs() <= 1.0, "{got}");
        assert_eq!(source.cubic::<1>(fixed(-50.0), fixed(-50.0))[0], 0);
        assert_eq!(source.cubic::<1>(fixed(1e9), fixed(f32::NAN))[0], 140);
    }

    #[test]
    fn weights_are_those_of_cubic_convolution_and_keep_flat_areas_flat() {
        for (i, w) in WEIGHTS.iter().enumerate() {
            assert_eq!(w.iter().map(|&w| i32::from(w)).sum::<i32>(), 64);
            let t = i as f64 / 64.0;
            // Keys' kernel: up to one sample away, and up to two.
            let a = -0.75;
            let near = |s: f64| ((a + 2.0) * s - (a + 3.0)) * s * s + 1.0;
            let far = |s: f64| ((a * s - 5.0 * a) * s + 8.0 * a) * s - 4.0 * a;
            let exact = [far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)];
            // Half a unit of rounding; what that loses over all four goes to the second.
            for (k, room) in [0.51, 2.0, 0.51, 0.51].into_iter().enumerate() {
                let off = f64::from(w[k]) - exact[k] * 64.0;
                assert!(off.abs() < room, "tap {k} of phase {i}: {off}");
            }
        }
    }

    /// At half a sample, where interpolation is softest, fine texture keeps most of its Laplacian's
    /// variance (bilinear keeps 28 %).
    #[test]
    fn half_a_sample_off_keeps_the_picture_sharp() {
        let (n, mut random) = (128, random(1));
        let noise: Vec<u8> = (0..n * n).map(|_| (random() >> 26) as u8 + 96).collect();
        // Pictures are smooth at the scale of a sample: a small blur.
        let soft: Vec<u8> = (0..n * n)
            .map(|i| {
                let at = |k: usize| u32::from(noise[k % (n * n)]);
                ((at(i) * 2 + at(i + 1) + at(i + n) + 2) / 4) as u8
            })
            .collect();
        let source = Source::new(&soft, n, n, 1);
        let sharpness = |off: f32| {
            let at = |x: usize, y: usize| {
                f64::from(source.cubic::<1>(fixed(x as f32 + off), fixed(y as f32))[0])
            };
            let mut sum = 0.0;
            for y in 2..n - 3 {
                for x in 2..n - 3 {
                    let around = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
                    sum += (around - 4.0 * at(x, y)).powi(2);
                }
            }
            sum
        };
        let kept = sharpness(0.5) / sharpness(0.0);
        assert!(kept > 0.65, "{kept}");
    }

    proptest! {
        #[test]
        fn every_way_gives_the_same_bits(
            seed in 0u64..u64::MAX, count in 0usize..40, far in 0usize..8,
            x in -3.0f32..30.0, y in -3.0f32..30.0, dx in -1.5f32..3.0, dy in -1.2f32..1.2,
        ) {
            let (width, height) = (32, 24);
            let mut random = random(seed);
            let data: Vec<u8> = (0..width * height * 4).map(|_| (random() >> 24) as u8).collect();
            let along = |start: f32, step: f32| {
                (0..count).map(|i| fixed(start + step * i as f32)).collect::<Vec<i32>>()
            };
            let (mut x, mut y) = (along(x, dx), along(y, dy));
            // Some anywhere at all.
            for _ in 0..far.min(count) {
                let i = random() as usize % count;
                (x[i], y[i]) = (random() as i32, random() as i32);
            }
            for channels in [1, 2, 4] {
                let plane = &data[..width * height * channels];
                let source = Source::new(plane, width, height, channels);
                let other = Source::new(&data[data.len() - plane.len()..], width, height, channels);
                let mut out = vec![0; 2 * count * channels];
                let (one, two) = out.split_at_mut(count * channels);
                let mut outs = [one, two];
                let sources = [&source, &other];
                let mut expected = vec![0; count * channels];
                match channels {
                    1 => cubic::<1, 2>(&sources, &x, &y, &mut outs),
                    2 => cubic::<2, 2>(&sources, &x, &y, &mut outs),
                    _ => cubic::<4, 2>(&sources, &x, &y, &mut outs),
                }
                for (source, out) in sources.iter().zip(&outs) {
                    match channels {
                        1 => one_by_one::<1>(source, &x, &y, &mut expected),
                        2 => one_by_one::<2>(source, &x, &y, &mut expected),
                        _ => one_by_one::<4>(source, &x, &y, &mut expected),
                    }
                    prop_assert_eq!(&**out, &expected[..], "{} channels", channels);
                }
            }
        }
    }
}
