// SPDX-License-Identifier: MPL-2.0
//! The AVX2 twin of [`super::sample`]'s bicubic rows: the same integers, several at once.
//!
//! `unsafe`, as only the calls of speech libraries in [`crate::voice`] are beside it: the loads of
//! `std::arch` take pointers. Every address is bounded by the caller's promise that all taps of
//! the row lie inside the plane, which [`super::sample::Source::row`] checks.
#![allow(unsafe_code)]

use super::sample::{FRACTION, PHASE_BITS, Row, Source, WEIGHTS};
use std::arch::x86_64::*;

/// Half a phase: positions are rounded to the nearest one.
const HALF: i32 = 1 << (FRACTION - PHASE_BITS - 1);
const PHASE_MASK: i32 = (1 << PHASE_BITS) - 1;

/// Whether this processor can run [`row`].
pub fn available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Fills `out` with bicubic samples along a row all of whose taps lie inside the plane.
///
/// # Safety
/// AVX2 must be [`available`], and for every i < out.len() / C the 4 × 4 positions from one
/// before to two after (x + i·dx, y + i·dy) must lie inside `source`.
#[target_feature(enable = "avx2")]
pub unsafe fn row<const C: usize>(source: &Source<'_>, out: &mut [u8], row: Row) {
    // SAFETY: AVX2 is enabled here, and the positions are the caller's.
    unsafe {
        match C {
            1 => singles(source, out, row),
            2 => pairs(source, out, row),
            _ => quads(source, out, row),
        }
    }
}

/// One channel, four positions at once.
#[target_feature(enable = "avx2")]
unsafe fn singles(source: &Source<'_>, out: &mut [u8], mut row: Row) {
    // p0r0 p1r0 p0r1 p1r1 p0r2 p1r2 p0r3 p1r3 becomes p0r0 p0r1 p0r2 p0r3 p1r0 …
    let by_position = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15,
    ));
    let mut chunks = out.chunks_exact_mut(4);
    for chunk in &mut chunks {
        let (a, ax, ay) = locate(source, row.next_position());
        let (b, bx, by) = locate(source, row.next_position());
        let (c, cx, cy) = locate(source, row.next_position());
        let (d, dx, dy) = locate(source, row.next_position());
        // SAFETY: the taps lie inside the plane, as the caller promised.
        let taps = unsafe {
            let mut first = source.data.as_ptr();
            let mut lines = [_mm_setzero_si128(); 4];
            for line in &mut lines {
                let read = |i: usize| first.add(i).cast::<i32>().read_unaligned();
                *line = _mm_setr_epi32(read(a), read(b), read(c), read(d));
                first = first.wrapping_add(source.width);
            }
            lines
        };
        let wx = _mm256_setr_epi64x(whole(ax), whole(bx), whole(cx), whole(dx));
        let wy = _mm256_setr_epi64x(whole(ay), whole(by), whole(cy), whole(dy));
        let across = |taps| _mm256_madd_epi16(_mm256_cvtepu8_epi16(taps), wx);
        let upper = _mm256_hadd_epi32(across(taps[0]), across(taps[1]));
        let lower = _mm256_hadd_epi32(across(taps[2]), across(taps[3]));
        let lines = _mm256_packs_epi32(halved(upper), halved(lower));
        let down = _mm256_madd_epi16(_mm256_shuffle_epi8(lines, by_position), wy);
        let sums = _mm256_hadd_epi32(down, down);
        let low = _mm256_castsi256_si128(sums);
        let high = _mm256_extracti128_si256::<1>(sums);
        let bytes = to_bytes(_mm_unpacklo_epi64(low, high));
        chunk.copy_from_slice(&bytes.to_ne_bytes());
    }
    for sample in chunks.into_remainder() {
        let (x, y) = row.next_position();
        [*sample] = source.cubic::<1>(x, y);
    }
}

/// All four weights of a phase as one integer.
#[inline(always)]
fn whole(phase: usize) -> i64 {
    let [a, b, c, d] = WEIGHTS[phase & PHASE_MASK as usize];
    let bits = |w: i16, shift: u32| i64::from(w as u16) << shift;
    bits(a, 0) | bits(b, 16) | bits(c, 32) | bits(d, 48)
}

/// Two channels, one position at a time.
#[target_feature(enable = "avx2")]
unsafe fn pairs(source: &Source<'_>, out: &mut [u8], mut row: Row) {
    // a0 b0 a1 b1 a2 b2 a3 b3 becomes a0 a1 b0 b1 a2 a3 b2 b3.
    let order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 0, 2, 1, 3, 4, 6, 5, 7);
    for sample in out.chunks_exact_mut(2) {
        let (first, px, py) = locate(source, row.next_position());
        // Weights as (w0 w1)(w0 w1)(w2 w3)(w2 w3).
        let spread = |weights: &[i16; 4]| {
            let [a, b] = halves(weights);
            _mm_setr_epi32(a, a, b, b)
        };
        let (wx, wy) = (spread(&WEIGHTS[px]), spread(&WEIGHTS[py]));
        let line = |k: usize| {
            // SAFETY: the eight bytes are taps inside the plane, as the caller promised.
            let taps = unsafe {
                _mm_loadl_epi64(
                    source
                        .data
                        .as_ptr()
                        .add((first + k * source.width) * 2)
                        .cast(),
                )
            };
            let sums = _mm_madd_epi16(_mm_cvtepu8_epi16(_mm_shuffle_epi8(taps, order)), wx);
            let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b01_00_11_10>(sums));
            _mm_srai_epi32::<1>(_mm_add_epi32(sums, _mm_set1_epi32(1)))
        };
        let upper = _mm_unpacklo_epi32(line(0), line(1));
        let lower = _mm_unpacklo_epi32(line(2), line(3));
        let down = _mm_madd_epi16(_mm_packs_epi32(upper, lower), wy);
        let sums = _mm_add_epi32(down, _mm_shuffle_epi32::<0b01_00_11_10>(down));
        sample.copy_from_slice(&to_bytes(sums).to_ne_bytes()[..2]);
    }
}

/// Four channels, one position at a time.
#[target_feature(enable = "avx2")]
unsafe fn quads(source: &Source<'_>, out: &mut [u8], mut row: Row) {
    // Taps 0 and 1 of each channel side by side, then taps 2 and 3.
    let order = _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
    for sample in out.chunks_exact_mut(4) {
        let (first, px, py) = locate(source, row.next_position());
        let [a, b] = halves(&WEIGHTS[px]);
        let wx = _mm256_setr_epi32(a, a, a, a, b, b, b, b);
        let line = |k: usize| {
            // SAFETY: the sixteen bytes are taps inside the plane, as the caller promised.
            let taps = unsafe {
                _mm_loadu_si128(
                    source
                        .data
                        .as_ptr()
                        .add((first + k * source.width) * 4)
                        .cast(),
                )
            };
            let sums = _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_shuffle_epi8(taps, order)), wx);
            let low = _mm256_castsi256_si128(sums);
            let sums = _mm_add_epi32(low, _mm256_extracti128_si256::<1>(sums));
            let sums = _mm_srai_epi32::<1>(_mm_add_epi32(sums, _mm_set1_epi32(1)));
            _mm_packs_epi32(sums, sums)
        };
        let [a, b] = halves(&WEIGHTS[py]);
        let upper = _mm_madd_epi16(_mm_unpacklo_epi16(line(0), line(1)), _mm_set1_epi32(a));
        let lower = _mm_madd_epi16(_mm_unpacklo_epi16(line(2), line(3)), _mm_set1_epi32(b));
        sample.copy_from_slice(&to_bytes(_mm_add_epi32(upper, lower)).to_ne_bytes());
    }
}

/// First tap's position in the plane and the phases of a position.
#[inline(always)]
fn locate(source: &Source<'_>, (x, y): (i32, i32)) -> (usize, usize, usize) {
    let (x, y) = (x.wrapping_add(HALF), y.wrapping_add(HALF));
    let phase = |v: i32| ((v >> (FRACTION - PHASE_BITS)) & PHASE_MASK) as usize;
    let (col, line) = ((x >> FRACTION) - 1, (y >> FRACTION) - 1);
    (
        line as usize * source.width + col as usize,
        phase(x),
        phase(y),
    )
}

/// Weights 0 and 1, and 2 and 3, each pair as one integer.
#[inline(always)]
fn halves(weights: &[i16; 4]) -> [i32; 2] {
    let pair = |a: i16, b: i16| i32::from(a as u16) | (i32::from(b) << 16);
    [pair(weights[0], weights[1]), pair(weights[2], weights[3])]
}

/// Rounded halves, so that lines fit 16 bits.
#[target_feature(enable = "avx2")]
fn halved(lines: __m256i) -> __m256i {
    _mm256_srai_epi32::<1>(_mm256_add_epi32(lines, _mm256_set1_epi32(1)))
}

/// Four sums of 13 fractional bits, rounded to bytes.
#[target_feature(enable = "avx2")]
fn to_bytes(sums: __m128i) -> i32 {
    let rounded = _mm_srai_epi32::<13>(_mm_add_epi32(sums, _mm_set1_epi32(1 << 12)));
    let words = _mm_packs_epi32(rounded, rounded);
    _mm_cvtsi128_si32(_mm_packus_epi16(words, words))
}
