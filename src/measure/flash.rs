// SPDX-License-Identifier: MPL-2.0
//! Flashes in the picture, and how they lie to the sounds that set in.

use super::ms;
use crate::face::follow::Luma;

/// A picture is looked at in so many parts each way: a flash may fill a corner only.
const PARTS: usize = 4;
/// A part flashes when it turns brighter by that much from one frame to the next (of 255).
const RISE: f32 = 64.0;
/// And not again for this long, ns.
const PAUSE_NS: u64 = 100_000_000;
/// A sound belongs to a flash if it is no farther away than this, ns.
const NEAR_NS: u64 = 500_000_000;
/// Pairs agree that lie within this of their median, ns: cuts and words that happen to follow
/// each other do not.
const AGREE_NS: i64 = 25_000_000;
/// So many pairs have to agree.
const LEAST_PAIRS: usize = 3;

/// Finds frames in which a part of the picture turned bright.
#[derive(Default)]
pub(super) struct Flashes {
    before: Option<[f32; PARTS * PARTS]>,
    last: Option<u64>,
}

impl Flashes {
    /// Whether the next frame, shown at `time` (ns), is a flash.
    pub(super) fn see(&mut self, frame: &Luma, time: u64) -> bool {
        let now = brightness(frame);
        let Some(before) = self.before.replace(now) else {
            return false;
        };
        let rises = now
            .iter()
            .zip(before)
            .any(|(now, before)| now - before >= RISE);
        let pauses = self
            .last
            .is_none_or(|last| time >= last.saturating_add(PAUSE_NS));
        if rises && pauses {
            self.last = Some(time);
        }
        rises && pauses
    }
}

/// Mean brightness of each part, from every fourth pixel of every fourth row.
fn brightness(frame: &Luma) -> [f32; PARTS * PARTS] {
    let (width, height) = frame.size();
    let mut sums = [(0u32, 0u32); PARTS * PARTS];
    for (y, row) in frame.rows().enumerate().step_by(4) {
        let line = y * PARTS / height * PARTS;
        for (x, value) in row.iter().enumerate().step_by(4) {
            let (sum, count) = &mut sums[line + x * PARTS / width];
            (*sum, *count) = (*sum + u32::from(*value), *count + 1);
        }
    }
    sums.map(|(sum, count)| sum as f32 / count.max(1) as f32)
}

/// How flashes lie to sounds.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct FlashOffset {
    /// Picture less sound, ms: positive if the sound comes first. The median of all pairs.
    pub offset_ms: f64,
    /// From the pair with the least offset to that with the greatest, ms.
    pub spread_ms: f64,
    /// Pairs of a flash and a sound that agree.
    pub pairs: u64,
}

/// Pairs each flash with the nearest sound (times in ns, ascending); `None` unless at least three
/// pairs, and more than half of the flashes, agree.
pub(super) fn pair(flashes: &[u64], sounds: &[u64]) -> Option<FlashOffset> {
    let mut offsets: Vec<i64> = flashes
        .iter()
        .filter_map(|flash| {
            let after = sounds.partition_point(|sound| sound < flash);
            let near = sounds[after.saturating_sub(1)..].iter().take(2);
            let sound = near.min_by_key(|sound| sound.abs_diff(*flash))?;
            let is_near = sound.abs_diff(*flash) <= NEAR_NS;
            is_near.then(|| *flash as i64 - *sound as i64)
        })
        .collect();
    offsets.sort_unstable();
    let median = *offsets.get(offsets.len() / 2)?;
    offsets.retain(|offset| offset.abs_diff(median) <= AGREE_NS as u64);
    if offsets.len() < LEAST_PAIRS || offsets.len() * 2 <= flashes.len() {
        return None;
    }
    Some(FlashOffset {
        offset_ms: ms(offsets[offsets.len() / 2] as f64),
        spread_ms: ms((offsets[offsets.len() - 1] - offsets[0]) as f64),
        pairs: offsets.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(level: u8, corner: u8) -> Vec<u8> {
        let inside = |x: usize, y: usize| x < 20 && y < 15;
        (0..80 * 60)
            .map(|i| {
                if inside(i % 80, i / 80) {
                    corner
                } else {
                    level
                }
            })
            .collect()
    }

    #[test]
    fn a_flash_may_fill_the_picture_or_a_corner() {
        for bright in [frame(220, 220), frame(30, 220)] {
            let mut flashes = Flashes::default();
            let mut seen = Vec::new();
            for k in 0..50u64 {
                // Two bright frames from the 10th and the 40th on; dusk in between.
                let dark = frame(30 + k as u8, 30);
                let pixels = if matches!(k, 10 | 11 | 40 | 41) {
                    &bright
                } else {
                    &dark
                };
                let luma = Luma::new(80, 60, 80, pixels).expect("a plane");
                if flashes.see(&luma, k * 40_000_000) {
                    seen.push(k);
                }
            }
            assert_eq!(seen, [10, 40]);
        }
    }

    #[test]
    fn chance_is_no_offset() {
        assert_eq!(pair(&[], &[]), None);
        assert_eq!(pair(&[5, 10], &[]), None);
        let cuts: Vec<u64> = [0, 700, 1800, 2500, 3300, 4400]
            .map(|t| t * 1_000_000)
            .to_vec();
        let words: Vec<u64> = [90, 650, 2100, 2450, 3700, 4150]
            .map(|t| t * 1_000_000)
            .to_vec();
        assert_eq!(pair(&cuts, &words), None);
    }

    proptest! {
        #[test]
        fn a_known_offset_is_found(
            offset in -400i64..400,
            count in 3u64..20,
            period in 1_000u64..3_000,
            lost in prop::option::of(0usize..3),
            others in prop::collection::vec(0u64..60_000, 0..2),
        ) {
            let ms = |t: u64| t * 1_000_000;
            let mut flashes: Vec<u64> = (1..=count).map(|i| ms(i * period)).collect();
            let sounds: Vec<u64> = flashes.iter().map(|f| f.saturating_add_signed(-offset * 1_000_000)).collect();
            if let Some(lost) = lost.filter(|_| count > 4) {
                flashes.remove(lost);
            }
            // A scene or two that turn bright by themselves.
            if count > 6 {
                flashes.extend(others.iter().map(|t| ms(*t)));
                flashes.sort_unstable();
            }
            let found = pair(&flashes, &sounds).expect("they agree");
            prop_assert_eq!(found.offset_ms, offset as f64);
            prop_assert!(found.pairs >= count - 1);
        }
    }
}
