// SPDX-License-Identifier: MPL-2.0
//! The AVX2 twin of [`super::sample`]'s bicubic reading: the same integers, eight positions at
//! once.
//!
//! Neighbouring samples of a posed face come from neighbouring places. So nothing is gathered:
//! of each source row that eight positions touch, sixteen bytes are loaded once, a shuffle deals
//! out the taps, and rows that a position does not touch weigh nothing for it.
//!
//! `unsafe`, as is only the calling of speech libraries in [`crate::voice`] beside it: the loads
//! of `std::arch` take pointers. Positions are clamped here, and a [`Source`] has room around it
//! for all taps of a clamped position.
#![allow(unsafe_code)]

mod cells;
mod wide;

use super::{
    band::Ramps,
    sample::{FRACTION, PHASE_BITS, ROOM, Source, any_ramps, one_by_one},
};
pub use cells::cubic_cells;
use std::{arch::x86_64::*, ops::Range};
pub use wide::{available as wide_available, cubic_band as wide_band};

/// Positions worked on at once.
pub const N: usize = 8;
/// Half a phase: positions are rounded to the nearest one.
const HALF: i32 = 1 << (FRACTION - PHASE_BITS - 1);
/// Eight positions over more source rows than this are read one by one.
const MOST_ROWS: i32 = 12;

/// Whether this processor can run [`cubic`].
pub fn available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Reads the planes `sources`, all of one size, at the positions (`x`, `y`) in fixed point: as
/// many samples of `C` channels into each of `outs`, a multiple of [`N`].
#[target_feature(enable = "avx2")]
pub fn cubic<const C: usize, const P: usize>(
    sources: &[&Source; P],
    x: &[i32],
    y: &[i32],
    outs: &mut [&mut [u8]; P],
) {
    for (i, (xs, ys)) in x.chunks_exact(N).zip(y.chunks_exact(N)).enumerate() {
        let at = locate(sources[0], to_vector(xs), to_vector(ys));
        let place = i * N * C..(i + 1) * N * C;
        let together = match C {
            1 => singles_anywhere(sources, &at, outs, place.clone()),
            2 => pairs(sources, &at, outs, place.clone()),
            _ => quads(sources, &at, outs, place.clone()),
        };
        if !together {
            for k in 0..P {
                one_by_one::<C>(sources[k], xs, ys, &mut outs[k][place.clone()]);
            }
        }
    }
}

/// [`super::sample::ramps`].
#[target_feature(enable = "avx2")]
pub fn ramps(cells: Ramps<'_>, out: &mut [i32], n: usize) {
    any_ramps(cells, out, n);
}

/// Where the first taps of eight positions lie, and their weights.
struct Located {
    /// Tap 0, counted from the first sample of the room around the plane; always inside.
    cols: __m256i,
    rows: __m256i,
    /// Four weights a position, one a byte: across and down.
    across: __m256i,
    down: __m256i,
}

#[target_feature(enable = "avx2")]
#[inline]
fn locate(source: &Source, x: __m256i, y: __m256i) -> Located {
    let clamp = |v, size: usize| {
        let limit = _mm256_set1_epi32((size as i32) << FRACTION);
        let v = _mm256_max_epi32(
            _mm256_set1_epi32(-1 << FRACTION),
            _mm256_min_epi32(v, limit),
        );
        _mm256_add_epi32(v, _mm256_set1_epi32(HALF))
    };
    locate_rounding(clamp(x, source.width()), clamp(y, source.height()))
}

/// The same of positions that are half a phase on and lie within.
#[target_feature(enable = "avx2")]
#[inline]
fn locate_rounding(x: __m256i, y: __m256i) -> Located {
    let first = _mm256_set1_epi32(ROOM.0 as i32 - 1);
    let whole = |v| _mm256_add_epi32(_mm256_srai_epi32::<FRACTION>(v), first);
    // The phase in the upper bits of 15, as `sample::weights` has it.
    let mask = _mm256_set1_epi32(((1 << PHASE_BITS) - 1) << (15 - PHASE_BITS));
    let phase = |v| _mm256_and_si256(_mm256_srli_epi32::<{ FRACTION - 15 }>(v), mask);
    let t = _mm256_packs_epi32(phase(x), phase(y));
    let [a, b, c, d] = weights(t);
    let bytes = |low, high| {
        let low = _mm256_and_si256(low, _mm256_set1_epi16(0xff));
        _mm256_or_si256(low, _mm256_slli_epi16::<8>(high))
    };
    let (ab, cd) = (bytes(a, b), bytes(c, d));
    Located {
        cols: whole(x),
        rows: whole(y),
        across: _mm256_unpacklo_epi16(ab, cd),
        down: _mm256_unpackhi_epi16(ab, cd),
    }
}

/// [`super::sample::weights`] of sixteen phases.
#[target_feature(enable = "avx2")]
#[inline]
fn weights(t: __m256i) -> [__m256i; 4] {
    let scaled = |v, k: i16| _mm256_mulhrs_epi16(v, _mm256_set1_epi16(k));
    let t2 = _mm256_mulhrs_epi16(t, t);
    let t3 = _mm256_mulhrs_epi16(t2, t);
    let (d, e) = (_mm256_sub_epi16(t2, t3), _mm256_sub_epi16(t, t2));
    let a = scaled(_mm256_sub_epi16(d, e), 48);
    let less = scaled(d, 48);
    let c = _mm256_sub_epi16(t, _mm256_srai_epi16::<2>(e));
    let c = _mm256_add_epi16(c, _mm256_add_epi16(d, _mm256_srai_epi16::<2>(d)));
    let c = scaled(c, 64);
    let others = _mm256_sub_epi16(_mm256_add_epi16(a, c), less);
    let b = _mm256_sub_epi16(_mm256_set1_epi16(64), others);
    [a, b, c, _mm256_sub_epi16(_mm256_setzero_si256(), less)]
}

/// The source rows that eight positions touch together.
struct Window {
    /// First row, and how many.
    first: usize,
    count: usize,
}

/// `None` if the positions lie too far apart: by `room` columns within `offsets`, or by rows.
#[target_feature(enable = "avx2")]
#[inline]
fn window(at: &Located, offsets: __m256i, room: i32) -> Option<Window> {
    let first = _mm256_extract_epi32::<0>(at.rows);
    let last = _mm256_extract_epi32::<7>(at.rows);
    let (first, spread) = (first.min(last), first.abs_diff(last) as i32);
    let lag = _mm256_sub_epi32(at.rows, _mm256_set1_epi32(first));
    // Unsigned, so that what lies before counts as far away.
    let within = |v, limit: i32| {
        let limit = _mm256_set1_epi32(limit);
        _mm256_cmpeq_epi32(_mm256_max_epu32(v, limit), limit)
    };
    let all = _mm256_and_si256(within(offsets, room), within(lag, spread));
    (_mm256_movemask_epi8(all) == -1 && spread + 4 <= MOST_ROWS).then(|| Window {
        first: first as usize,
        count: spread as usize + 4,
    })
}

/// The weight of the window's row `row` for each position, as both 16-bit halves, times 256.
#[target_feature(enable = "avx2")]
#[inline]
fn row_weights(at: &Located, window: &Window, row: usize) -> __m256i {
    let row = _mm256_set1_epi32((window.first + row) as i32);
    let shift = _mm256_slli_epi32::<3>(_mm256_sub_epi32(row, at.rows));
    // Shifts by 32 and more, and by less than none, leave 0.
    let weight = _mm256_srlv_epi32(at.down, shift);
    let halves = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        -1, 0, -1, 0, -1, 4, -1, 4, -1, 8, -1, 8, -1, 12, -1, 12,
    ));
    _mm256_shuffle_epi8(weight, halves)
}

/// The same where all positions begin in the window's first row.
#[target_feature(enable = "avx2")]
#[inline]
fn level_weights<const ROW: i8>(at: &Located) -> __m256i {
    let [a, b, c, d] = [ROW, 4 + ROW, 8 + ROW, 12 + ROW];
    let halves = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        -1, a, -1, a, -1, b, -1, b, -1, c, -1, c, -1, d, -1, d,
    ));
    _mm256_shuffle_epi8(at.down, halves)
}

/// Four bytes a position: `step` apart, from `offset` of each on.
#[target_feature(enable = "avx2")]
#[inline]
fn dealt(offset: __m256i, step: i8, first: i8) -> __m256i {
    let spread = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12,
    ));
    let taps = i32::from_ne_bytes([0, 1, 2, 3].map(|i| (first + step * i) as u8));
    _mm256_add_epi8(_mm256_shuffle_epi8(offset, spread), _mm256_set1_epi32(taps))
}

/// Sums of 20 fractional bits, rounded.
#[target_feature(enable = "avx2")]
#[inline]
fn rounded(sums: __m256i) -> __m256i {
    _mm256_srai_epi32::<20>(_mm256_add_epi32(sums, _mm256_set1_epi32(1 << 19)))
}

/// One channel; `false` if the positions lie too far apart.
#[target_feature(enable = "avx2")]
#[inline]
fn singles_anywhere<const P: usize>(
    sources: &[&Source; P],
    at: &Located,
    outs: &mut [&mut [u8]; P],
    place: Range<usize>,
) -> bool {
    let left = _mm256_extract_epi32::<0>(at.cols);
    let offsets = _mm256_sub_epi32(at.cols, _mm256_set1_epi32(left));
    let Some(window) = window(at, offsets, 12) else {
        return false;
    };
    let samples = singles::<P>(sources, at, &window, left);
    for k in 0..P {
        outs[k][place.clone()].copy_from_slice(&samples[k]);
    }
    true
}

/// One channel, of positions whose taps lie within 16 columns from `left` on and within the
/// window's rows.
#[target_feature(enable = "avx2")]
#[inline]
fn singles<const P: usize>(
    sources: &[&Source; P],
    at: &Located,
    window: &Window,
    left: i32,
) -> [[u8; N]; P] {
    let taps = dealt(_mm256_sub_epi32(at.cols, _mm256_set1_epi32(left)), 1, 0);
    let mut sums = [_mm256_setzero_si256(); P];
    let mut add = |row: usize, down: __m256i| {
        for k in 0..P {
            let line = (window.first + row) * sources[k].stride();
            let bytes = _mm256_broadcastsi128_si256(load(sources[k], line + left as usize));
            let line = _mm256_maddubs_epi16(_mm256_shuffle_epi8(bytes, taps), at.across);
            sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(line, down));
        }
    };
    // Most often: a face is rarely turned by much.
    if window.count == 4 {
        add(0, level_weights::<0>(at));
        add(1, level_weights::<1>(at));
        add(2, level_weights::<2>(at));
        add(3, level_weights::<3>(at));
    } else {
        for row in 0..window.count {
            add(row, row_weights(at, window, row));
        }
    }
    let order = _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0);
    let mut samples = [[0; N]; P];
    for k in 0..P {
        let words = _mm256_packs_epi32(rounded(sums[k]), _mm256_setzero_si256());
        let bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(words, words), order);
        samples[k] = _mm_cvtsi128_si64(_mm256_castsi256_si128(bytes)).to_ne_bytes();
    }
    samples
}

/// Two channels: four positions in each half of the vector.
#[target_feature(enable = "avx2")]
#[inline]
fn pairs<const P: usize>(
    sources: &[&Source; P],
    at: &Located,
    outs: &mut [&mut [u8]; P],
    place: Range<usize>,
) -> bool {
    let offsets = _mm256_sub_epi32(at.cols, _mm256_shuffle_epi32::<0>(at.cols));
    let Some(window) = window(at, offsets, 4) else {
        return false;
    };
    let offsets = _mm256_slli_epi32::<1>(offsets);
    let taps = [dealt(offsets, 2, 0), dealt(offsets, 2, 1)];
    let low = _mm256_extract_epi32::<0>(at.cols) as usize * 2;
    let high = _mm256_extract_epi32::<4>(at.cols) as usize * 2;
    // u0 u1 u2 u3 v0 v1 v2 v3 becomes u0 v0 u1 v1 …
    let order = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 4, 1, 5, 2, 6, 3, 7, -1, -1, -1, -1, -1, -1, -1, -1,
    ));
    for k in 0..P {
        let mut sums = [_mm256_setzero_si256(); 2];
        for row in 0..window.count {
            let down = row_weights(at, &window, row);
            let line = (window.first + row) * sources[k].stride();
            let bytes =
                _mm256_set_m128i(load(sources[k], line + high), load(sources[k], line + low));
            for c in 0..2 {
                let line = _mm256_maddubs_epi16(_mm256_shuffle_epi8(bytes, taps[c]), at.across);
                sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(line, down));
            }
        }
        let words = _mm256_packs_epi32(rounded(sums[0]), rounded(sums[1]));
        let bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(words, words), order);
        let out = &mut outs[k][place.clone()];
        out[..8].copy_from_slice(&_mm256_extract_epi64::<0>(bytes).to_ne_bytes());
        out[8..].copy_from_slice(&_mm256_extract_epi64::<2>(bytes).to_ne_bytes());
    }
    true
}

/// Four channels: the four taps of a row fill a load, so positions are read one by one.
#[target_feature(enable = "avx2")]
#[inline]
fn quads<const P: usize>(
    sources: &[&Source; P],
    at: &Located,
    outs: &mut [&mut [u8]; P],
    place: Range<usize>,
) -> bool {
    let (cols, rows) = (from_vector(at.cols), from_vector(at.rows));
    let (across, down) = (from_vector(at.across), from_vector(at.down));
    // The taps of a channel side by side.
    let order = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
    ));
    // Weight 0 in the low half and 1 in the high one, times 256; then 2 and 3.
    let half = |i: i16| _mm_set1_epi16((i << 8) | 0x80);
    let picks = [
        _mm256_set_m128i(half(1), half(0)),
        _mm256_set_m128i(half(3), half(2)),
    ];
    for k in 0..P {
        let (source, out) = (sources[k], &mut outs[k][place.clone()]);
        for i in 0..N {
            let start = rows[i] as usize * source.stride() + cols[i] as usize * 4;
            let (across, down) = (_mm256_set1_epi32(across[i]), _mm256_set1_epi32(down[i]));
            let mut sum = _mm256_setzero_si256();
            for (r, pick) in picks.iter().enumerate() {
                let line = start + 2 * r * source.stride();
                let (low, high) = (load(source, line), load(source, line + source.stride()));
                let bytes = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), order);
                let line = _mm256_maddubs_epi16(bytes, across);
                let down = _mm256_shuffle_epi8(down, *pick);
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(line, down));
            }
            let other = _mm256_castsi128_si256(_mm256_extracti128_si256::<1>(sum));
            let sum = _mm256_castsi256_si128(rounded(_mm256_add_epi32(sum, other)));
            let words = _mm_packs_epi32(sum, sum);
            let bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
            out[4 * i..4 * i + 4].copy_from_slice(&bytes.to_ne_bytes());
        }
    }
    true
}

/// Sixteen bytes of a plane with its room.
#[target_feature(enable = "avx2")]
#[inline]
fn load(source: &Source, start: usize) -> __m128i {
    let bytes = source.bytes();
    debug_assert!(start + 16 <= bytes.len());
    // SAFETY: `locate` has clamped the position, so that its taps lie in the plane's room, and
    // after the last of them there are 32 bytes more (`Source::new`).
    unsafe { _mm_loadu_si128(bytes.as_ptr().add(start).cast()) }
}

/// Rows from that of the first taps to the one that is asked for ahead.
const NEXT: usize = 5;

/// Asks for what the next rows of samples will read: it lies a row further, where the processor
/// does not look by itself.
#[inline]
fn fetch(source: &Source, row: usize, col: usize) {
    let start = (row + NEXT) * source.stride() + col;
    // SAFETY: asking ahead reads nothing, wherever it is, and every x86-64 processor can.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(source.bytes().as_ptr().wrapping_add(start).cast()) };
}

#[target_feature(enable = "avx2")]
#[inline]
fn to_vector(values: &[i32]) -> __m256i {
    assert!(values.len() == N);
    // SAFETY: 32 bytes of a borrowed slice; the load need not be aligned.
    unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn from_vector(vector: __m256i) -> [i32; N] {
    let mut values = [0; N];
    // SAFETY: 32 bytes of an array of our own; the store need not be aligned.
    unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), vector) };
    values
}
