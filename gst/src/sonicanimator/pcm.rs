// SPDX-License-Identifier: MPL-2.0
//! Sample formats in the engine's terms, and samples that are no number.

use gst_audio::AudioFormat;
use sonic_engine::audio::pcm::SampleFormat;

/// The engine's name of a format; `None` for those that the pad template does not let in.
pub fn sample_format(format: AudioFormat) -> Option<SampleFormat> {
    match format {
        AudioFormat::S16le => Some(SampleFormat::S16),
        AudioFormat::S32le => Some(SampleFormat::S32),
        AudioFormat::F32le => Some(SampleFormat::F32),
        AudioFormat::F64le => Some(SampleFormat::F64),
        _ => None,
    }
}

/// Whether any sample is NaN or infinite, which only floats can be.
pub fn has_bad(format: SampleFormat, bytes: &[u8]) -> bool {
    match format {
        SampleFormat::S16 | SampleFormat::S32 => false,
        SampleFormat::F32 => {
            let (samples, _) = bytes.as_chunks();
            samples.iter().any(|b| !f32::from_le_bytes(*b).is_finite())
        }
        SampleFormat::F64 => {
            let (samples, _) = bytes.as_chunks();
            samples.iter().any(|b| !f64::from_le_bytes(*b).is_finite())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_number_is_bad() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let bytes: Vec<u8> = [0.5, bad].into_iter().flat_map(f32::to_le_bytes).collect();
            assert!(has_bad(SampleFormat::F32, &bytes));
            assert!(
                !has_bad(SampleFormat::F32, &bytes[..7]),
                "a torn end is left"
            );
            assert!(!has_bad(SampleFormat::S32, &bytes));
            let bytes: Vec<u8> = [0.5, f64::from(bad)]
                .into_iter()
                .flat_map(f64::to_le_bytes)
                .collect();
            assert!(has_bad(SampleFormat::F64, &bytes));
        }
        let loud: Vec<u8> = [f32::MAX, f32::MIN]
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect();
        assert!(!has_bad(SampleFormat::F32, &loud));
    }
}
