// SPDX-License-Identifier: MPL-2.0
//! What is heard while nobody speaks.

/// The level of the noise, full scale being 1: −60 dB, what rooms that count as quiet have in
/// recordings.
const LEVEL: f32 = 0.001;

/// What is heard while nobody speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idle {
    /// Zeros.
    #[default]
    Silence,
    /// A faint hiss, so that listeners do not take the line for dead.
    Noise,
}

/// Makes it.
#[derive(Clone, Debug)]
pub(super) struct Hum {
    seed: u32,
    low: f32,
}

impl Default for Hum {
    fn default() -> Self {
        Self { seed: 1, low: 0.0 }
    }
}

impl Hum {
    /// Fills all of `room`.
    pub(super) fn fill(&mut self, idle: Idle, room: &mut [f32]) {
        match idle {
            Idle::Silence => room.fill(0.0),
            Idle::Noise => room.fill_with(|| self.next()),
        }
    }

    /// White noise through a low pass, which is less sharp to the ear. Uniform within ±1 has a
    /// mean square of 1/3, of which this low pass leaves (1 − a)/(1 + a) with a = 0.5, a third.
    fn next(&mut self) -> f32 {
        self.seed = self
            .seed
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let white = (self.seed >> 8) as f32 / 8_388_608.0 - 1.0;
        self.low += 0.5 * (white - self.low);
        self.low * 3.0 * LEVEL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_60_db_below_full_scale() {
        let mut room = [0.0; 48_000];
        Hum::default().fill(Idle::Noise, &mut room);
        let rms = (room.iter().map(|s| s * s).sum::<f32>() / 48_000.0).sqrt();
        let level = 20.0 * rms.log10();
        assert!((-61.0..-59.0).contains(&level), "{level} dB");
        Hum::default().fill(Idle::Silence, &mut room);
        assert!(room.iter().all(|s| *s == 0.0));
    }
}
