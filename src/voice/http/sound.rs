// SPDX-License-Identifier: MPL-2.0
//! What a server sent: WAV, which servers that stream write with wrong sizes, or bare samples.

use crate::audio::{
    pcm::{SampleFormat, downmix, downmix_bytes},
    resample::at_rate,
};

/// Samples a second of bare samples, as the interface has them, and of what comes out.
pub(super) const RATE: u32 = 24_000;
/// Rates that make sense.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
const MOST_CHANNELS: u16 = 16;

/// Mono samples at [`RATE`].
///
/// # Errors
/// What it is instead, or what is wrong with it.
pub(super) fn decode(body: &[u8], kind: &str) -> Result<Vec<f32>, String> {
    if body.starts_with(b"RIFF") {
        return wav(body);
    }
    let other = match body {
        [b'I', b'D', b'3', ..] | [0xFF, 0xE2..=0xFB, ..] if !kind.contains("pcm") => Some("MP3"),
        [b'O', b'g', b'g', b'S', ..] => Some("Ogg"),
        [b'f', b'L', b'a', b'C', ..] => Some("FLAC"),
        [b'{', ..] if kind.contains("json") => Some("JSON"),
        _ if kind.starts_with("text/") => Some("text"),
        _ => None,
    };
    if let Some(other) = other {
        return Err(format!("the server sent {other}, not WAV or PCM"));
    }
    let rate = kind
        .split(';')
        .filter_map(|part| part.trim().strip_prefix("rate="))
        .find_map(|rate| rate.trim_matches('"').parse().ok())
        .unwrap_or(RATE);
    let mut mono = Vec::new();
    downmix_bytes(SampleFormat::S16, 1, body, &mut mono);
    at_usual_rate(mono, rate)
}

fn at_usual_rate(mut samples: Vec<f32>, rate: u32) -> Result<Vec<f32>, String> {
    if !RATES.contains(&rate) {
        return Err(format!(
            "the server's sound has {rate} samples a second, expected {} to {}",
            RATES.start(),
            RATES.end()
        ));
    }
    for sample in &mut samples {
        *sample = sample.clamp(-1.0, 1.0);
    }
    Ok(if rate == RATE {
        samples
    } else {
        at_rate(&samples, rate, RATE)
    })
}

/// How the samples of a WAV file lie.
struct Layout {
    /// 1 is whole numbers, 3 floating point.
    kind: u16,
    channels: u16,
    rate: u32,
    bits: u16,
}

fn wav(body: &[u8]) -> Result<Vec<f32>, String> {
    let mut layout = None;
    let mut rest = body.get(12..).unwrap_or_default();
    if body.get(8..12) != Some(b"WAVE") {
        return Err("the server's WAV has no WAVE".into());
    }
    while let Some((header, after)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        match (&header[..4], &layout) {
            (b"fmt ", _) => layout = Some(read_layout(after.get(..size).unwrap_or(after))?),
            (b"data", Some(layout)) => return samples(data(after, size), layout),
            (b"data", None) => return Err("the server's WAV tells no format".into()),
            _ => {}
        }
        rest = after.get(size.next_multiple_of(2)..).unwrap_or_default();
    }
    Err("the server's WAV has no samples".into())
}

/// The samples of a chunk whose size may be wrong: who streams does not know it.
fn data(after: &[u8], size: usize) -> &[u8] {
    let Some((data, behind)) = after.split_at_checked(size) else {
        return after;
    };
    let behind = behind.get(size % 2..).unwrap_or_default();
    let ends = behind.is_empty();
    let name = |c: &u8| c.is_ascii_alphanumeric() || *c == b' ';
    let chunk = behind.len() >= 8 && behind[..4].iter().all(name);
    if size > 0 && (ends || chunk) {
        data
    } else {
        after
    }
}

fn read_layout(chunk: &[u8]) -> Result<Layout, String> {
    let short = |at: usize| Some(u16::from_le_bytes([*chunk.get(at)?, *chunk.get(at + 1)?]));
    let read = || {
        let kind = match short(0)? {
            // The extensible form tells it later.
            0xFFFE => short(24)?,
            kind => kind,
        };
        Some(Layout {
            kind,
            channels: short(2)?,
            rate: u32::from(short(4)?) | u32::from(short(6)?) << 16,
            bits: short(14)?,
        })
    };
    let layout = read().ok_or("the server's WAV breaks off in its header")?;
    if layout.channels == 0 || layout.channels > MOST_CHANNELS {
        return Err(format!("the server's WAV has {} channels", layout.channels));
    }
    Ok(layout)
}

fn samples(data: &[u8], layout: &Layout) -> Result<Vec<f32>, String> {
    let channels = usize::from(layout.channels);
    let mut mono = Vec::new();
    match (layout.kind, layout.bits) {
        (1, 16) => downmix_bytes(SampleFormat::S16, channels, data, &mut mono),
        (1, 32) => downmix_bytes(SampleFormat::S32, channels, data, &mut mono),
        (3, 32) => downmix_bytes(SampleFormat::F32, channels, data, &mut mono),
        (3, 64) => downmix_bytes(SampleFormat::F64, channels, data, &mut mono),
        (1, 8) => {
            let floats: Vec<f32> = data
                .iter()
                .map(|b| (f32::from(*b) - 128.0) / 128.0)
                .collect();
            downmix(&floats, channels, &mut mono);
        }
        (1, 24) => {
            let whole = |b: &[u8]| i32::from_le_bytes([0, b[0], b[1], b[2]]) as f32;
            let floats: Vec<f32> = data
                .chunks_exact(3)
                .map(|b| whole(b) / 2_147_483_648.0)
                .collect();
            downmix(&floats, channels, &mut mono);
        }
        (kind, bits) => {
            return Err(format!(
                "the server's WAV has samples of kind {kind} with {bits} bits, expected PCM"
            ));
        }
    }
    at_usual_rate(mono, layout.rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(kind: u16, channels: u16, rate: u32, bits: u16, size: u32, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0".to_vec();
        file.extend(kind.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend([0; 6]);
        file.extend(bits.to_le_bytes());
        file.extend(b"data");
        file.extend(size.to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn sizes_that_lie_do_not_matter() {
        let data: Vec<u8> = [16_384i16; 100]
            .iter()
            .flat_map(|s| s.to_le_bytes())
            .collect();
        for size in [0, 200, 10, 4_000, u32::MAX] {
            let found = decode(&file(1, 1, RATE, 16, size, &data), "audio/wav").expect("samples");
            assert_eq!(found, [0.5; 100], "{size}");
        }
        let mut more = file(1, 1, RATE, 16, 200, &data);
        more.extend(b"LIST\x04\0\0\0abcd");
        assert_eq!(decode(&more, "").expect("samples").len(), 100);
        let odd = file(1, 2, RATE, 16, u32::MAX, &data[..199]);
        assert_eq!(decode(&odd, "").expect("samples").len(), 49);
    }

    #[test]
    fn every_usual_layout_is_read() {
        let half = |kind, channels, bits, one: &[u8]| {
            let data = one.repeat(20 * usize::from(channels));
            decode(&file(kind, channels, RATE, bits, 0, &data), "").expect("samples")
        };
        assert_eq!(half(1, 2, 16, &16_384i16.to_le_bytes()), [0.5; 20]);
        assert_eq!(half(1, 1, 8, &[192]), [0.5; 20]);
        assert_eq!(half(1, 1, 24, &[0, 0, 0x40]), [0.5; 20]);
        assert_eq!(half(3, 1, 32, &0.5f32.to_le_bytes()), [0.5; 20]);
    }

    #[test]
    fn rates_are_obeyed_or_refused() {
        let data = [0u8; 2 * 2_205];
        let found = decode(&file(1, 1, 22_050, 16, 0, &data), "").expect("samples");
        assert_eq!(found.len(), 2_400);
        for rate in [0, 1, 4_000_000] {
            let error = decode(&file(1, 1, rate, 16, 0, &data), "").expect_err("no rate");
            assert!(error.contains(&rate.to_string()), "{error}");
        }
        let bare = decode(&[0; 320], "audio/pcm; rate=16000").expect("samples");
        assert_eq!(bare.len(), 240);
        assert_eq!(decode(&[0; 321], "audio/pcm").expect("samples").len(), 160);
    }

    #[test]
    fn what_is_no_sound_is_named() {
        for (body, kind, said) in [
            (&b"ID3\x04"[..], "audio/mpeg", "MP3"),
            (b"OggS", "", "Ogg"),
            (b"{\"error\": 1}", "application/json", "JSON"),
            (b"<html>", "text/html", "text"),
            (b"RIFF", "", "WAVE"),
            (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "", "format"),
        ] {
            let error = decode(body, kind).expect_err("no sound");
            assert!(error.contains(said), "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_upsets_it(at in 0usize..60, byte in any::<u8>(), cut in 0usize..80) {
            let mut file = file(1, 1, RATE, 16, 40, &[7; 40]);
            if let Some(place) = file.get_mut(at) {
                *place = byte;
            }
            file.truncate(cut);
            let _ = decode(&file, "audio/wav");
        }
    }
}
