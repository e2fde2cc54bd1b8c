// SPDX-License-Identifier: MPL-2.0
//! Samples along equal steps: where the taps of each eight of them lie is worked out for many at a
//! time, and none has to be clamped.

use super::{
    super::{
        band::Ramps,
        sample::{FRACTION, PHASE_BITS, ROOM, Source, any_ramps, one_by_one},
    },
    HALF, MOST_ROWS, N, fetch, from_vector, load, to_vector, weights,
};
use std::arch::x86_64::*;

/// [`super::super::sample::cubic_cells`] of one channel, `n` at least 4.
#[target_feature(enable = "avx2")]
pub fn cubic_cells<const P: usize>(
    sources: &[&Source; P],
    [x, y]: [Ramps<'_>; 2],
    n: usize,
    outs: &mut [&mut [u8]; P],
) {
    let count = outs[0].len();
    let cells = x.first.len();
    let even = is_even(sources[0], [x, y], n);
    let mut whole = if even { cells.min(count / n) } else { 0 };
    if n < N {
        // Two make an eight.
        whole &= !1;
        by_parts::<P, 4>(sources, [x, y], n, outs, whole);
    } else {
        by_parts::<P, N>(sources, [x, y], n, outs, whole);
    }
    for cell in whole..cells {
        let (start, end) = ((cell * n).min(count), ((cell + 1) * n).min(count));
        let (mut xs, mut ys) = ([0; MOST], [0; MOST]);
        any_ramps(x.part(cell..cell + 1), &mut xs, n);
        any_ramps(y.part(cell..cell + 1), &mut ys, n);
        let (xs, ys) = (&xs[..end - start], &ys[..end - start]);
        for k in 0..P {
            one_by_one::<1>(sources[k], xs, ys, &mut outs[k][start..end]);
        }
    }
}

/// Positions of a cell, at most.
const MOST: usize = 64;
/// The least step across, so that what is a little uneven does not go back.
pub const FLATTEST: i32 = 1 << (FRACTION - PHASE_BITS);
/// Steps across and down within which eight positions share a window: 12 columns, and 8 rows
/// beyond the taps' own.
pub const STEEPEST: (i32, i32) = ((12 << FRACTION) / 7, ((MOST_ROWS - 4) << FRACTION) / 7);

/// Whether no position has to be clamped, and all rise and fall little enough that neighbours share
/// a window.
#[target_feature(enable = "avx2")]
#[inline]
fn is_even(source: &Source, [x, y]: [Ramps<'_>; 2], n: usize) -> bool {
    is_within(x, n, source.width(), FLATTEST, STEEPEST.0)
        && is_within(y, n, source.height(), -STEEPEST.1, STEEPEST.1)
}

/// Whether cells lie within so many samples, rise by no less than the least and no more than the
/// most from position to position, and go on where the cell before ended by less than that.
#[target_feature(enable = "avx2")]
#[inline]
fn is_within(cells: Ramps<'_>, n: usize, size: usize, least: i32, most: i32) -> bool {
    let (limit, range) = ((size as u32) << FRACTION, (most - least) as u32);
    let rises = |rise: i32| u32::from(rise.wrapping_sub(least) as u32 > range);
    let last = |first: i32, step: i32| first.wrapping_add(step.wrapping_mul(n as i32 - 1));
    let beyond = cells
        .first
        .iter()
        .zip(cells.step)
        .fold(0, |any, (first, step)| {
            let last = last(*first, *step);
            let outside = |v: i32| u32::from(v as u32 >= limit);
            any | outside(*first) | outside(last) | rises(*step)
        });
    let pairs = cells
        .first
        .iter()
        .zip(cells.step)
        .zip(cells.first.iter().skip(1));
    let apart = pairs.fold(0, |any, ((first, step), next)| {
        any | rises(next.wrapping_sub(last(*first, *step)))
    });
    beyond | apart == 0
}

/// The first `cells` cells, in parts of `PART` positions that are in equal steps: all eight, or
/// each four of them.
#[target_feature(enable = "avx2")]
#[inline]
fn by_parts<const P: usize, const PART: usize>(
    sources: &[&Source; P],
    ramps: [Ramps<'_>; 2],
    n: usize,
    outs: &mut [&mut [u8]; P],
    cells: usize,
) {
    let all = cells * n / PART;
    for start in (0..all).step_by(N) {
        let parts = Parts::<PART>::new(ramps, start, n, sources[0].stride());
        for i in (0..(all - start).min(N)).step_by(N / PART) {
            let at = parts.positions(i);
            let place = (start + i) * PART;
            let samples = at.read(sources, parts.lines[i] as usize, parts.rows[i] as usize);
            for (out, samples) in outs.iter_mut().zip(&samples) {
                out[place..place + N].copy_from_slice(samples);
            }
        }
    }
}

/// Eight parts of `PART` positions in equal steps.
struct Parts<const PART: usize> {
    /// The first position of each, half a phase on so that it can be cut, against the column and
    /// the row in which the taps of its eight begin; and from each position to the next.
    x: [i32; N],
    y: [i32; N],
    dx: [i32; N],
    dy: [i32; N],
    /// Where the first tap of its eight lies in the plane with its room, bytes.
    lines: [i32; N],
    /// Rows that the taps of its eight touch.
    rows: [i32; N],
}

impl<const PART: usize> Parts<PART> {
    /// From the `start`th on; what lies beyond the last cell means nothing.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn new(ramps: [Ramps<'_>; 2], start: usize, n: usize, stride: usize) -> Self {
        let of_a_cell = (n / PART).trailing_zeros();
        let index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let cell = _mm256_srl_epi32(index, _mm_cvtsi32_si128(of_a_cell as i32));
        let within = _mm256_and_si256(index, _mm256_set1_epi32((1 << of_a_cell) - 1));
        let begin = |ramps: Ramps<'_>| {
            let of = |values: &[i32]| {
                _mm256_permutevar8x32_epi32(load_some(&values[start >> of_a_cell..]), cell)
            };
            let (first, step) = (of(ramps.first), of(ramps.step));
            let before = _mm256_mullo_epi32(within, _mm256_set1_epi32(PART as i32));
            let first = _mm256_add_epi32(first, _mm256_mullo_epi32(step, before));
            (_mm256_add_epi32(first, _mm256_set1_epi32(HALF)), step)
        };
        let ((x, dx), (y, dy)) = (begin(ramps[0]), begin(ramps[1]));
        let whole = |v| _mm256_srai_epi32::<FRACTION>(v);
        let fixed = |v| _mm256_slli_epi32::<FRACTION>(v);
        let steps = _mm256_mullo_epi32(dy, _mm256_set1_epi32(PART as i32 - 1));
        let (from, to) = (whole(y), whole(_mm256_add_epi32(y, steps)));
        let (mut left, mut top) = (whole(x), _mm256_min_epi32(from, to));
        let mut bottom = _mm256_max_epi32(from, to);
        if PART < N {
            let other = |v| _mm256_shuffle_epi32::<0b10_11_00_01>(v);
            left = _mm256_shuffle_epi32::<0b10_10_00_00>(left);
            top = _mm256_min_epi32(top, other(top));
            bottom = _mm256_max_epi32(bottom, other(bottom));
        }
        let room = _mm256_set1_epi32(ROOM.0 as i32 - 1);
        let stride = _mm256_set1_epi32(stride as i32);
        let line = _mm256_mullo_epi32(_mm256_add_epi32(top, room), stride);
        let rows = _mm256_add_epi32(_mm256_sub_epi32(bottom, top), _mm256_set1_epi32(4));
        Self {
            x: from_vector(_mm256_sub_epi32(x, fixed(left))),
            y: from_vector(_mm256_sub_epi32(y, fixed(top))),
            dx: from_vector(dx),
            dy: from_vector(dy),
            lines: from_vector(_mm256_add_epi32(line, _mm256_add_epi32(left, room))),
            rows: from_vector(rows),
        }
    }

    /// The eight that begins with the `i`th part.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn positions(&self, i: usize) -> Positions {
        let of = |values: &[i32; N]| {
            if PART < N {
                _mm256_set_m128i(_mm_set1_epi32(values[i + 1]), _mm_set1_epi32(values[i]))
            } else {
                _mm256_set1_epi32(values[i])
            }
        };
        let counts = if PART < N {
            _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3)
        } else {
            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
        };
        let along = |first, step| _mm256_add_epi32(of(first), _mm256_mullo_epi32(of(step), counts));
        Positions::new(along(&self.x, &self.dx), along(&self.y, &self.dy))
    }
}

/// Eight positions, against where the taps of the first of them begin.
struct Positions {
    /// Fixed point: the columns and rows of the first taps are the whole parts.
    x: __m256i,
    y: __m256i,
    /// The four weights across of each, one a byte.
    across: __m256i,
    /// Those down, in the upper half of either lane.
    down: [__m256i; 4],
}

impl Positions {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn new(x: __m256i, y: __m256i) -> Self {
        // The phase is what comes after the point.
        let mask = _mm256_set1_epi32(((1 << PHASE_BITS) - 1) << (FRACTION - PHASE_BITS));
        let phase = |v| _mm256_and_si256(v, mask);
        let down = weights(_mm256_srli_epi16::<1>(_mm256_packus_epi32(
            phase(x),
            phase(y),
        )));
        let [a, b, c, d] = down;
        let across = _mm256_unpacklo_epi16(bytes(a, b), bytes(c, d));
        Self { x, y, across, down }
    }

    /// The samples, of taps in so many rows from `line` on.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn read<const P: usize>(
        &self,
        sources: &[&Source; P],
        line: usize,
        rows: usize,
    ) -> [[u8; N]; P] {
        let spread = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            2, 2, 2, 2, 6, 6, 6, 6, 10, 10, 10, 10, 14, 14, 14, 14,
        ));
        let taps = _mm256_set1_epi32(i32::from_ne_bytes([0, 1, 2, 3]));
        let taps = _mm256_add_epi8(_mm256_shuffle_epi8(self.x, spread), taps);
        for source in sources {
            fetch(source, 0, line);
        }
        let mut sums = [_mm256_setzero_si256(); P];
        let mut add = |row: usize, down: __m256i| {
            for k in 0..P {
                let bytes = load(sources[k], line + row * sources[k].stride());
                let bytes = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), taps);
                let line = _mm256_maddubs_epi16(bytes, self.across);
                sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(line, down));
            }
        };
        // Most often: a face is rarely turned by much.
        if rows == 4 {
            for (row, weights) in self.down.into_iter().enumerate() {
                add(row, _mm256_unpackhi_epi16(weights, weights));
            }
            return sums.map(|sums| samples::<12>(sums));
        }
        let halves = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            -1, 0, -1, 0, -1, 4, -1, 4, -1, 8, -1, 8, -1, 12, -1, 12,
        ));
        let [a, b, c, d] = self.down;
        let down = _mm256_unpackhi_epi16(bytes(a, b), bytes(c, d));
        // A byte further for every row that a position begins later. Shifts by 32 and more, and
        // by less than none, leave 0.
        let first = _mm256_srai_epi32::<FRACTION>(self.y);
        let mut shift = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32::<3>(first));
        for row in 0..rows {
            let weights = _mm256_shuffle_epi8(_mm256_srlv_epi32(down, shift), halves);
            add(row, weights);
            shift = _mm256_add_epi32(shift, _mm256_set1_epi32(8));
        }
        sums.map(|sums| samples::<20>(sums))
    }
}

/// Sums of so many fractional bits, rounded.
#[target_feature(enable = "avx2")]
#[inline]
fn samples<const BITS: i32>(sums: __m256i) -> [u8; N] {
    let half = _mm256_set1_epi32(1 << (BITS - 1));
    let sums = _mm256_srai_epi32::<BITS>(_mm256_add_epi32(sums, half));
    let words = _mm256_packs_epi32(sums, _mm256_setzero_si256());
    let order = _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0);
    let bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(words, words), order);
    _mm_cvtsi128_si64(_mm256_castsi256_si128(bytes)).to_ne_bytes()
}

/// The low bytes of two 16-bit vectors in turn.
#[target_feature(enable = "avx2")]
#[inline]
fn bytes(even: __m256i, odd: __m256i) -> __m256i {
    let low = _mm256_and_si256(even, _mm256_set1_epi16(0xff));
    _mm256_or_si256(low, _mm256_slli_epi16::<8>(odd))
}

/// The first eight of them, 0 for what is not there.
#[target_feature(enable = "avx2")]
#[inline]
fn load_some(values: &[i32]) -> __m256i {
    if let Some(values) = values.first_chunk::<N>() {
        return to_vector(values);
    }
    let mut some = [0; N];
    some[..values.len()].copy_from_slice(values);
    to_vector(&some)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{fixed, tests::random};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Many cells in a row, two planes, and nothing to clamp.
        #[test]
        fn rows_of_cells_are_read_as_their_positions_are(
            seed in 0u64..u64::MAX, size in 2u32..7, cells in 1usize..40,
            dx in 0.0f32..1.7, dy in -1.1f32..1.1, uneven in 0.0f32..0.02,
        ) {
            let (width, height, n) = (400, 300, 1 << size);
            let count = cells * n;
            let mut random = random(seed);
            let planes = [0, 1].map(|_| {
                let data: Vec<u8> = (0..width * height).map(|_| (random() >> 24) as u8).collect();
                Source::new(&data, width, height, 1)
            });
            let sources = planes.each_ref();
            // What some of them go on from the cell before by a little more or less.
            let mut cells_from = |from: f32, step: f32, most: f32| -> (Vec<i32>, Vec<i32>) {
                let step = step.clamp(-most / count as f32, most / count as f32);
                let at = |i: usize| from + step * (i * n) as f32;
                let off = |random: u32| (random >> 24) as f32 * uneven;
                let first = (0..cells).map(|i| fixed(at(i) + off(random()))).collect();
                (first, vec![fixed(step); cells])
            };
            let (xs, ys) = (cells_from(2.3, dx, 380.0), cells_from(140.4, dy, 135.0));
            let ramps = [&xs, &ys].map(|(first, step)| Ramps { first, step });
            let (mut x, mut y) = (vec![0; count], vec![0; count]);
            any_ramps(ramps[0], &mut x, n);
            any_ramps(ramps[1], &mut y, n);
            let expected = planes.each_ref().map(|source| {
                let mut expected = vec![0; count];
                one_by_one::<1>(source, &x, &y, &mut expected);
                expected
            });
            if super::super::available() {
                let mut found = [vec![0; count], vec![0; count]];
                let mut outs = found.each_mut().map(|out| &mut out[..]);
                // SAFETY: the processor has AVX2.
                unsafe { super::cubic_cells(&sources, ramps, n, &mut outs) };
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
