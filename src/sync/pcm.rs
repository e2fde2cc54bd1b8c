// SPDX-License-Identifier: MPL-2.0
//! [`PcmFormat`]: raw sound of any format, as far as it must be understood here: silence, how
//! loud it is, and a fade.

/// How a sample stands for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Two's complement.
    Signed,
    /// Offset binary: silence is half the range.
    Unsigned,
    /// IEEE 754; full scale is ±1.
    Float,
}

/// Interleaved PCM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PcmFormat {
    /// Samples of a channel a second; at least 1.
    pub rate: u32,
    /// At least 1.
    pub channels: u32,
    /// How its samples are to be read.
    pub encoding: Encoding,
    /// Bytes of a sample: 1–4 for whole numbers, 4 or 8 for floats.
    pub bytes: usize,
    /// Bits of a whole number that count, the lowest ones of its bytes.
    pub depth: u32,
    /// The first byte is the highest.
    pub big_endian: bool,
}

impl PcmFormat {
    /// Bytes of one sample of all channels.
    pub fn frame(&self) -> usize {
        self.bytes * self.channels as usize
    }

    /// A sample as a number; full scale is ±1.
    pub fn decode(&self, sample: &[u8]) -> f32 {
        let raw = self.bits(sample);
        match self.encoding {
            Encoding::Float if self.bytes == 8 => f64::from_bits(raw) as f32,
            Encoding::Float => f32::from_bits(raw as u32),
            Encoding::Signed | Encoding::Unsigned => {
                let unused = 64 - self.depth;
                // Turned upside up, the lowest number of either kind is i64::MIN.
                let top = raw << unused;
                let signed = match self.encoding {
                    Encoding::Unsigned => (top ^ (1 << 63)) as i64,
                    _ => top as i64,
                };
                (signed >> unused) as f32 / (1u64 << (self.depth - 1)) as f32
            }
        }
    }

    /// Writes a number as a sample; what exceeds full scale of a whole number is clipped.
    pub fn encode(&self, value: f32, sample: &mut [u8]) {
        let raw = match self.encoding {
            Encoding::Float if self.bytes == 8 => f64::from(value).to_bits(),
            Encoding::Float => u64::from(value.to_bits()),
            Encoding::Signed | Encoding::Unsigned => {
                let full = (1u64 << (self.depth - 1)) as f64;
                let scaled = (f64::from(value) * full).round().clamp(-full, full - 1.0) as i64;
                match self.encoding {
                    Encoding::Unsigned => (scaled + full as i64) as u64,
                    // Padding bits continue the sign, as decoders of the field expect.
                    _ => scaled as u64,
                }
            }
        };
        let bytes = raw.to_le_bytes();
        for (i, byte) in sample[..self.bytes].iter_mut().enumerate() {
            *byte = bytes[if self.big_endian {
                self.bytes - 1 - i
            } else {
                i
            }];
        }
    }

    fn bits(&self, sample: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        for (i, byte) in sample[..self.bytes].iter().enumerate() {
            bytes[if self.big_endian {
                self.bytes - 1 - i
            } else {
                i
            }] = *byte;
        }
        u64::from_le_bytes(bytes)
    }

    /// Overwrites with silence.
    pub fn silence(&self, bytes: &mut [u8]) {
        if self.encoding == Encoding::Unsigned {
            for sample in bytes.chunks_exact_mut(self.bytes) {
                self.encode(0.0, sample);
            }
        } else {
            bytes.fill(0);
        }
    }

    /// Whether no sample is louder than `level` (full scale is 1). What is no number is loud.
    pub fn is_quiet(&self, bytes: &[u8], level: f32) -> bool {
        bytes
            .chunks_exact(self.bytes)
            .all(|sample| self.decode(sample).abs() <= level)
    }

    /// Lets the sound end: its first frame is as it was, behind its last one comes silence.
    pub fn fade_out(&self, bytes: &mut [u8]) {
        let count = (bytes.len() / self.frame()) as f32;
        for (i, frame) in bytes.chunks_exact_mut(self.frame()).enumerate() {
            let gain = 1.0 - i as f32 / count;
            for sample in frame.chunks_exact_mut(self.bytes) {
                let faded = self.decode(sample) * gain;
                self.encode(faded, sample);
            }
        }
    }

    /// Goes over from one sound to another of the same length; `into` becomes the mixture.
    pub fn cross_fade(&self, from: &[u8], into: &mut [u8]) {
        let count = (into.len() / self.frame()) as f32;
        let frames = from.chunks_exact(self.frame());
        for (i, (old, new)) in frames.zip(into.chunks_exact_mut(self.frame())).enumerate() {
            let gain = (i as f32 + 0.5) / count;
            for (old, new) in old
                .chunks_exact(self.bytes)
                .zip(new.chunks_exact_mut(self.bytes))
            {
                let mixed = self.decode(old) * (1.0 - gain) + self.decode(new) * gain;
                self.encode(mixed, new);
            }
        }
    }

    /// Samples until an instant, rounded to nearest. `ns` may lie before 0.
    pub fn samples(&self, ns: i64) -> i64 {
        let scaled = i128::from(ns) * i128::from(self.rate);
        ((scaled + 500_000_000).div_euclid(1_000_000_000)) as i64
    }

    /// The instant of a sample in ns, rounded down.
    pub fn ns(&self, samples: i64) -> i64 {
        (i128::from(samples) * 1_000_000_000).div_euclid(i128::from(self.rate)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(encoding: Encoding, bytes: usize, depth: u32, big_endian: bool) -> PcmFormat {
        PcmFormat {
            rate: 48_000,
            channels: 2,
            encoding,
            bytes,
            depth,
            big_endian,
        }
    }

    fn all() -> Vec<PcmFormat> {
        let mut all = Vec::new();
        for big_endian in [false, true] {
            for encoding in [Encoding::Signed, Encoding::Unsigned] {
                for (bytes, depth) in [(1, 8), (2, 16), (3, 18), (3, 20), (3, 24), (4, 24), (4, 32)]
                {
                    all.push(format(encoding, bytes, depth, big_endian));
                }
            }
            all.push(format(Encoding::Float, 4, 32, big_endian));
            all.push(format(Encoding::Float, 8, 64, big_endian));
        }
        all
    }

    #[test]
    fn numbers_come_back_from_every_format() {
        for format in all() {
            for value in [0.0, 0.5, -0.5, 0.25, -1.0] {
                let mut sample = [0; 8];
                format.encode(value, &mut sample);
                assert_eq!(format.decode(&sample), value, "{format:?}");
            }
        }
    }

    #[test]
    fn known_bytes_are_what_they_should_be() {
        let bytes = |format: PcmFormat, value: f32| {
            let mut sample = vec![0; format.bytes];
            format.encode(value, &mut sample);
            sample
        };
        assert_eq!(bytes(format(Encoding::Unsigned, 1, 8, false), 0.0), [128]);
        assert_eq!(bytes(format(Encoding::Signed, 2, 16, true), 0.5), [64, 0]);
        assert_eq!(
            bytes(format(Encoding::Signed, 4, 24, false), -0.5),
            [0, 0, 0xC0, 0xFF]
        );
        assert_eq!(
            bytes(format(Encoding::Signed, 2, 16, false), 7.0),
            [255, 127]
        );
    }

    #[test]
    fn silence_is_quiet_and_a_fade_ends_in_it() {
        for format in all() {
            let mut sound = vec![0xA5; format.frame() * 10];
            format.silence(&mut sound);
            assert!(format.is_quiet(&sound, 0.0), "{format:?}");
            for sample in sound.chunks_exact_mut(format.bytes) {
                format.encode(0.5, sample);
            }
            assert!(!format.is_quiet(&sound, 0.4));
            format.fade_out(&mut sound);
            assert_eq!(format.decode(&sound), 0.5);
            let last = format.decode(&sound[format.frame() * 9..]);
            // Eight bits have steps of 1/128.
            assert!((last - 0.05).abs() < 0.005, "{format:?} {last}");
        }
    }
}
