// SPDX-License-Identifier: MPL-2.0
//! PCM of any sample format and channel count becomes mono `f32`.

/// How one sample lies in memory; all are little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleFormat {
    /// 16-bit signed integer.
    S16,
    /// 32-bit signed integer.
    S32,
    /// 32-bit float, full scale ±1.
    F32,
    /// 64-bit float, full scale ±1.
    F64,
}

impl SampleFormat {
    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::S32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// Float PCM may exceed full scale, but nothing that loud is a voice; the bound keeps every
/// energy computed from samples finite.
const LOUDEST: f32 = 16.0;

/// A sample that can be computed with: NaN and infinities are 0, the rest lies within ±16.
pub fn sanitise(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-LOUDEST, LOUDEST)
    } else {
        0.0
    }
}

/// Appends the mean over the channels of each frame of interleaved samples to `mono`. NaN and
/// infinities count as 0. A trailing part of a frame is ignored, and so is everything when
/// `channels` is 0.
pub fn downmix(samples: &[f32], channels: usize, mono: &mut Vec<f32>) {
    match channels {
        0 => {}
        1 => mono.extend(samples.iter().map(|s| sanitise(*s))),
        _ => {
            let scale = 1.0 / channels as f32;
            mono.extend(
                samples
                    .chunks_exact(channels)
                    .map(|frame| frame.iter().map(|s| sanitise(*s)).sum::<f32>() * scale),
            );
        }
    }
}

/// Like [`downmix`], from the bytes of interleaved samples.
pub fn downmix_bytes(format: SampleFormat, channels: usize, data: &[u8], mono: &mut Vec<f32>) {
    const S16: f32 = 1.0 / 32_768.0;
    const S32: f32 = 1.0 / 2_147_483_648.0;
    match format {
        SampleFormat::S16 => mix(data, channels, mono, |b| {
            f32::from(i16::from_le_bytes(b)) * S16
        }),
        SampleFormat::S32 => mix(data, channels, mono, |b| i32::from_le_bytes(b) as f32 * S32),
        SampleFormat::F32 => mix(data, channels, mono, f32::from_le_bytes),
        SampleFormat::F64 => mix(data, channels, mono, |b| f64::from_le_bytes(b) as f32),
    }
}

fn mix<const N: usize>(
    data: &[u8],
    channels: usize,
    mono: &mut Vec<f32>,
    decode: impl Fn([u8; N]) -> f32,
) {
    if channels == 0 {
        return;
    }
    let scale = 1.0 / channels as f32;
    mono.extend(data.chunks_exact(N * channels).map(|frame| {
        let (samples, _) = frame.as_chunks::<N>();
        samples.iter().map(|b| sanitise(decode(*b))).sum::<f32>() * scale
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_formats_say_the_same() {
        let left = [0.5f64, -0.25, 0.0, 0.75];
        let right = [0.25f64, -0.75, 1.0 / 1024.0, -0.75];
        let expected: Vec<f32> = left
            .iter()
            .zip(&right)
            .map(|(l, r)| (0.5 * (l + r)) as f32)
            .collect();
        let stereo: Vec<f64> = left
            .iter()
            .zip(&right)
            .flat_map(|(l, r)| [*l, *r])
            .collect();
        let as_bytes = |format| -> Vec<u8> {
            let encode = |v: &f64| match format {
                SampleFormat::S16 => ((v * 32_768.0) as i16).to_le_bytes().to_vec(),
                SampleFormat::S32 => ((v * 2_147_483_648.0) as i32).to_le_bytes().to_vec(),
                SampleFormat::F32 => (*v as f32).to_le_bytes().to_vec(),
                SampleFormat::F64 => v.to_le_bytes().to_vec(),
            };
            stereo.iter().flat_map(encode).collect()
        };
        for format in [
            SampleFormat::S16,
            SampleFormat::S32,
            SampleFormat::F32,
            SampleFormat::F64,
        ] {
            let mut mono = Vec::new();
            downmix_bytes(format, 2, &as_bytes(format), &mut mono);
            assert_eq!(mono, expected, "{format:?}");
        }
        let mut mono = Vec::new();
        let floats: Vec<f32> = stereo.iter().map(|v| *v as f32).collect();
        downmix(&floats, 2, &mut mono);
        assert_eq!(mono, expected);
    }

    #[test]
    fn what_is_no_number_is_silence() {
        let mut mono = Vec::new();
        downmix(
            &[f32::NAN, 1.0, f32::INFINITY, f32::NEG_INFINITY, 1e30, 0.0],
            2,
            &mut mono,
        );
        assert_eq!(mono, [0.5, 0.0, 8.0]);
        mono.clear();
        downmix_bytes(SampleFormat::F64, 1, &1e300f64.to_le_bytes(), &mut mono);
        assert_eq!(mono, [0.0]);
    }

    #[test]
    fn broken_frames_are_ignored() {
        let mut mono = Vec::new();
        downmix(&[1.0, 1.0, 1.0], 2, &mut mono);
        downmix_bytes(SampleFormat::S16, 3, &[0; 7], &mut mono);
        assert_eq!(mono.len(), 2);
        downmix(&[1.0], 0, &mut mono);
        downmix_bytes(SampleFormat::S16, 0, &[0; 8], &mut mono);
        assert_eq!(mono.len(), 2);
    }
}
