// SPDX-License-Identifier: MPL-2.0
//! The AVX-512 twin of [`super::cells`]: sixteen samples at a time. A load of 32 bytes holds what
//! they need of a row wherever they lie in it, one permutation deals out the taps, and the weights
//! come from a table in registers.

use super::{
    super::{
        band::{Rows, Sides},
        sample::{FRACTION, PHASE_BITS, ROOM, Source, WEIGHTS},
    },
    HALF,
    cells::{FLATTEST, STEEPEST},
    fetch,
};
use std::arch::x86_64::*;

/// Positions worked on at once, and cells whose edges are.
const N: usize = 16;
/// Phases of which the weights fill a register.
const PHASES: usize = 16;

/// Whether this processor can run [`cubic_cells`].
pub fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vnni")
}

/// [`super::super::sample::cubic_band`] of one channel, `n` at least 4; `false` where that has to be
/// clamped, or goes too far from sample to sample, and nothing is drawn.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
pub fn cubic_band<const P: usize>(
    sources: &[&Source; P],
    sides: Sides<'_>,
    n: usize,
    quarters: i32,
    rows: usize,
    outs: &mut [Rows<'_>; P],
) -> bool {
    if !is_even(sources[0], &sides, n, rows) {
        return false;
    }
    let (count, cells) = (outs[0].length, sides.x.len() - 1);
    let table = Table::new();
    let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let by = _mm_cvtsi32_si128(n.trailing_zeros() as i32);
    let rest = _mm512_set1_epi32(n as i32 - 1);
    for first in (0..cells).step_by(N) {
        let x = Edges::new(&sides.x[first..], &sides.dx[first..]).ramps(by, quarters);
        let y = Edges::new(&sides.y[first..], &sides.dy[first..]).ramps(by, quarters);
        let places = first * n..count.min((first + N) * n);
        for start in places.clone().step_by(N) {
            // What lies beyond the last position is read like it.
            let last = _mm512_set1_epi32((places.end - 1 - places.start) as i32);
            let at = _mm512_set1_epi32((start - places.start) as i32);
            let at = _mm512_min_epi32(_mm512_add_epi32(at, lanes), last);
            let (cell, within) = (_mm512_srl_epi32(at, by), _mm512_and_si512(at, rest));
            let ([mut x, more_x], [mut y, more_y]) = (x.at(cell, within), y.at(cell, within));
            x = _mm512_add_epi32(x, _mm512_set1_epi32(HALF));
            y = _mm512_add_epi32(y, _mm512_set1_epi32(HALF));
            let end = places.end.min(start + N);
            for row in 0..rows {
                let samples = read(sources, &table, x, y);
                for (out, samples) in outs.iter_mut().zip(samples) {
                    store(&mut out.row(row)[start..end], samples);
                }
                x = _mm512_add_epi32(x, more_x);
                y = _mm512_add_epi32(y, more_y);
            }
        }
    }
    true
}

/// Whether no position between the edges has to be clamped, and all rise and fall little enough
/// that neighbours share a window: in the first and in the last row, and so in all between.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn is_even(source: &Source, sides: &Sides<'_>, n: usize, rows: usize) -> bool {
    let cells = sides.x.len() - 1;
    let last = rows.saturating_sub(1) as i32;
    let [least, right, down] = [FLATTEST, STEEPEST.0, STEEPEST.1].map(|step| step * n as i32);
    (0..cells).step_by(N).all(|first| {
        let there = ((1u64 << (cells - first).min(N)) - 1) as __mmask16;
        let x = Edges::new(&sides.x[first..], &sides.dx[first..]);
        let y = Edges::new(&sides.y[first..], &sides.dy[first..]);
        [0, last].into_iter().all(|row| {
            let outside = x.ahead(row).uneven(source.width(), least, right)
                | y.ahead(row).uneven(source.height(), -down, down);
            outside & there == 0
        })
    })
}

/// Edges of sixteen cells along one axis, in a row of samples, and what is added for the next.
struct Edges {
    from: __m512i,
    to: __m512i,
    more: [__m512i; 2],
}

impl Edges {
    /// Of the first cells; what lies beyond the last edge means nothing.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
    #[inline]
    fn new(edges: &[i32], more: &[i32]) -> Self {
        Self {
            from: load_edges(edges),
            to: load_edges(&edges[1..]),
            more: [load_edges(more), load_edges(&more[1..])],
        }
    }

    /// So many rows on.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
    #[inline]
    fn ahead(&self, rows: i32) -> Self {
        let rows = _mm512_set1_epi32(rows);
        let ahead = |at, more| _mm512_add_epi32(at, _mm512_mullo_epi32(more, rows));
        Self {
            from: ahead(self.from, self.more[0]),
            to: ahead(self.to, self.more[1]),
            more: self.more,
        }
    }

    /// The cells of which an edge lies outside of so many samples, or that rise by less than the
    /// least or by more than the most.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
    #[inline]
    fn uneven(&self, size: usize, least: i32, most: i32) -> __mmask16 {
        let limit = _mm512_set1_epi32((size as i32) << FRACTION);
        let rise = _mm512_sub_epi32(self.to, self.from);
        // Unsigned, so that what lies before counts as far away.
        let beyond = _mm512_sub_epi32(rise, _mm512_set1_epi32(least));
        _mm512_cmpge_epu32_mask(self.from, limit)
            | _mm512_cmpge_epu32_mask(self.to, limit)
            | _mm512_cmpgt_epu32_mask(beyond, _mm512_set1_epi32(most - least))
    }

    /// The positions between them, and what is added for the next row. `by` is the logarithm of how
    /// many a cell has.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
    #[inline]
    fn ramps(&self, by: __m128i, quarters: i32) -> Cells {
        // As `band::first_and_step` has it.
        let ramp = |from, to| {
            let step = _mm512_sra_epi32(_mm512_sub_epi32(to, from), by);
            let quarter = _mm512_srai_epi32::<2>(step);
            let nudge = _mm512_mullo_epi32(quarter, _mm512_set1_epi32(quarters));
            [_mm512_add_epi32(from, nudge), step]
        };
        Cells {
            position: ramp(self.from, self.to),
            more: ramp(self.more[0], self.more[1]),
        }
    }
}

/// Positions along one axis of sixteen cells in the first row, and what is added for each further
/// one: of each cell the first, and from each to the next.
struct Cells {
    position: [__m512i; 2],
    more: [__m512i; 2],
}

impl Cells {
    /// The positions so far within cells, and what is added.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
    #[inline]
    fn at(&self, cell: __m512i, within: __m512i) -> [__m512i; 2] {
        [self.position, self.more].map(|[first, step]| {
            let first = _mm512_permutexvar_epi32(cell, first);
            let step = _mm512_permutexvar_epi32(cell, step);
            _mm512_add_epi32(first, _mm512_mullo_epi32(step, within))
        })
    }
}

/// [`WEIGHTS`], the four of a phase in a lane.
struct Table([__m512i; 1 << (PHASE_BITS - 4)]);

impl Table {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
    #[inline]
    fn new() -> Self {
        let mut parts = [_mm512_setzero_si512(); 1 << (PHASE_BITS - 4)];
        for (part, weights) in parts.iter_mut().zip(WEIGHTS.chunks_exact(PHASES)) {
            // SAFETY: 64 bytes of a static table; the load need not be aligned.
            *part = unsafe { _mm512_loadu_si512(weights.as_ptr().cast()) };
        }
        Self(parts)
    }

    /// Of positions in fixed point, half a phase on.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
    #[inline]
    fn of(&self, positions: __m512i) -> __m512i {
        // Of what lies above the phase the permutations take no notice.
        let phase = _mm512_srli_epi32::<{ (FRACTION - PHASE_BITS) as u32 }>(positions);
        let low = _mm512_permutex2var_epi32(self.0[0], phase, self.0[1]);
        let high = _mm512_permutex2var_epi32(self.0[2], phase, self.0[3]);
        let upper = _mm512_test_epi32_mask(phase, _mm512_set1_epi32(2 * PHASES as i32));
        _mm512_mask_mov_epi32(low, upper, high)
    }
}

/// The samples at sixteen positions that do not go back in `x`, inside the plane and near enough
/// to each other that 32 columns hold the taps of all.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
#[inline]
fn read<const P: usize>(
    sources: &[&Source; P],
    table: &Table,
    x: __m512i,
    y: __m512i,
) -> [__m128i; P] {
    let room = ROOM.0 as i32 - 1;
    let (cols, rows) = (
        _mm512_srai_epi32::<FRACTION_BITS>(x),
        _mm512_srai_epi32::<FRACTION_BITS>(y),
    );
    let left = _mm512_cvtsi512_si32(cols);
    let spread = _mm512_broadcast_i32x4(_mm_setr_epi8(
        0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12,
    ));
    let offsets = _mm512_shuffle_epi8(_mm512_sub_epi32(cols, _mm512_set1_epi32(left)), spread);
    let taps = _mm512_add_epi8(offsets, _mm512_set1_epi32(i32::from_ne_bytes([0, 1, 2, 3])));
    let top = _mm512_cvtsi512_si32(rows);
    let (across, down) = (table.of(x), table.of(y));
    let mut sums = [_mm512_setzero_si512(); P];
    for source in sources {
        fetch(source, (top + room) as usize, (left + room) as usize);
    }
    let mut add = |row: i32, down: __m512i| {
        for k in 0..P {
            let start = (row + room) as usize * sources[k].stride() + (left + room) as usize;
            let bytes = _mm512_permutexvar_epi8(taps, load(sources[k], start));
            sums[k] = _mm512_dpwssd_epi32(sums[k], _mm512_maddubs_epi16(bytes, across), down);
        }
    };
    // The first weight as both 16-bit halves, times 256.
    let halves = _mm512_broadcast_i32x4(_mm_setr_epi8(
        -1, 0, -1, 0, -1, 4, -1, 4, -1, 8, -1, 8, -1, 12, -1, 12,
    ));
    // Most often: a face is rarely turned by much.
    if _mm512_cmpneq_epi32_mask(rows, _mm512_set1_epi32(top)) == 0 {
        add(top, _mm512_shuffle_epi8(down, halves));
        add(
            top + 1,
            _mm512_shuffle_epi8(_mm512_srli_epi32::<8>(down), halves),
        );
        add(
            top + 2,
            _mm512_shuffle_epi8(_mm512_srli_epi32::<16>(down), halves),
        );
        add(
            top + 3,
            _mm512_shuffle_epi8(_mm512_srli_epi32::<24>(down), halves),
        );
    } else {
        let (top, bottom) = (_mm512_reduce_min_epi32(rows), _mm512_reduce_max_epi32(rows));
        // A byte further for every row that a position begins later. Shifts by 32 and more, and
        // by less than none, leave 0.
        let later = _mm512_sub_epi32(_mm512_set1_epi32(top), rows);
        let mut shift = _mm512_slli_epi32::<3>(later);
        for row in top..bottom + 4 {
            let weights = _mm512_srlv_epi32(down, shift);
            add(row, _mm512_shuffle_epi8(weights, halves));
            shift = _mm512_add_epi32(shift, _mm512_set1_epi32(8));
        }
    }
    sums.map(|sums| {
        let sums = _mm512_srai_epi32::<20>(_mm512_add_epi32(sums, _mm512_set1_epi32(1 << 19)));
        _mm512_cvtusepi32_epi8(_mm512_max_epi32(sums, _mm512_setzero_si512()))
    })
}

const FRACTION_BITS: u32 = FRACTION as u32;

/// The first of sixteen samples, as many as there is room for.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
#[inline]
fn store(out: &mut [u8], samples: __m128i) {
    let there = ((1u32 << out.len().min(N)) - 1) as __mmask16;
    // SAFETY: no more is written than is borrowed; the store need not be aligned.
    unsafe { _mm_mask_storeu_epi8(out.as_mut_ptr().cast(), there, samples) };
}

/// 32 bytes of a plane with its room; what lies above them means nothing.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
#[inline]
fn load(source: &Source, start: usize) -> __m512i {
    let bytes = source.bytes();
    debug_assert!(start + 32 <= bytes.len());
    // SAFETY: all positions lie inside the plane, so their taps lie in its room, and after the last
    // row there are 32 bytes more (`Source::new`).
    _mm512_castsi256_si512(unsafe { _mm256_loadu_si256(bytes.as_ptr().add(start).cast()) })
}

/// The first sixteen of them, 0 for what is not there.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
#[inline]
fn load_edges(edges: &[i32]) -> __m512i {
    let there = ((1u32 << edges.len().min(N)) - 1) as __mmask16;
    // SAFETY: no more is read than is borrowed; the load need not be aligned.
    unsafe { _mm512_maskz_loadu_epi32(there, edges.as_ptr()) }
}
