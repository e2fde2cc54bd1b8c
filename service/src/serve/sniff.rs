// SPDX-License-Identifier: MPL-2.0
//! What a file is, by how it begins; what it is called says nothing.

/// What is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A portrait: PNG, JPEG or WebP.
    Picture,
    /// A voice: WAV, FLAC, MP3, Ogg, AAC, MP4 (M4A), Matroska or WebM.
    Sound,
}

/// So many bytes tell.
pub const HEAD: usize = 64;
/// What is taken as a picture, in words.
pub const PICTURES: &str = "a PNG, JPEG or WebP picture";
/// What is taken as a sound, in words.
pub const SOUNDS: &str = "a WAV, FLAC, MP3, Ogg, M4A, MP4, MKV, WebM or AAC recording";

/// What a file is that begins like this; `None` is nothing that is taken.
#[must_use]
pub fn kind(head: &[u8]) -> Option<Kind> {
    let at = |from: usize, bytes: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(bytes));
    if at(0, b"\x89PNG\r\n\x1a\n") || at(0, b"\xff\xd8\xff") || (at(0, b"RIFF") && at(8, b"WEBP")) {
        return Some(Kind::Picture);
    }
    let sound = (at(0, b"RIFF") && at(8, b"WAVE"))
        || at(0, b"fLaC")
        || at(0, b"OggS")
        || at(0, b"ID3")
        || at(4, b"ftyp")
        || at(0, b"\x1a\x45\xdf\xa3")
        || is_mpeg_frame(head);
    sound.then_some(Kind::Sound)
}

/// The header of an MPEG audio frame of layer III, or of an ADTS frame of AAC.
fn is_mpeg_frame(head: &[u8]) -> bool {
    let [0xff, second, third, ..] = *head else {
        return false;
    };
    let adts = second & 0xf6 == 0xf0 && (third >> 2) & 0xf < 13;
    // Synchronised, no reserved version, layer III, a bit rate and a sample rate that there are.
    let layer_3 =
        second & 0xe6 == 0xe2 && second & 0x18 != 0x08 && third >> 4 != 0xf && third & 0x0c != 0x0c;
    adts || layer_3
}

/// How long a recording is, ms: of WAV by its header, of others a guess by the 128 kbit a second
/// that most have.
#[must_use]
pub fn sound_ms(head: &[u8], bytes: u64) -> u64 {
    /// Bytes a second of what is compressed.
    const USUAL: u64 = 16_000;
    let wave = head.starts_with(b"RIFF") && head.get(12..16) == Some(b"fmt ");
    let rate = head
        .get(28..32)
        .filter(|_| wave)
        .and_then(|b| b.try_into().ok())
        .map(u32::from_le_bytes);
    let rate = rate.filter(|rate| *rate > 0).map_or(USUAL, u64::from);
    bytes.saturating_mul(1000) / rate
}

/// How long a text is when it is spoken, ms: a guess. Fifteen letters a second are spoken, or four
/// of the characters that stand for a syllable.
#[must_use]
pub fn text_ms(text: &str) -> u64 {
    const SYLLABLES: std::ops::RangeInclusive<char> = '\u{1100}'..='\u{ffdc}';
    let ms = |c: char| if SYLLABLES.contains(&c) { 250 } else { 67 };
    text.chars().map(ms).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_what_they_begin_as() {
        for (head, known) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some(Kind::Picture)),
            (b"\xff\xd8\xff\xe0", Some(Kind::Picture)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Kind::Picture)),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(Kind::Sound)),
            (b"RIFF\0\0\0\0AVI LIST", None),
            (b"fLaC", Some(Kind::Sound)),
            (b"OggS", Some(Kind::Sound)),
            (b"ID3\x04", Some(Kind::Sound)),
            (b"\xff\xfb\x90\x64", Some(Kind::Sound)),
            (b"\xff\xf1\x50\x80", Some(Kind::Sound)),
            (b"\0\0\0\x20ftypM4A ", Some(Kind::Sound)),
            (b"\x1a\x45\xdf\xa3", Some(Kind::Sound)),
            (b"#EXTM3U\nhttp://example.org/", None),
            (b"<?xml version=\"1.0\"?><MPD>", None),
            (b"GIF89a", None),
            (b"\xff\xff\xff\xff", None),
            (b"%PDF", None),
            (b"", None),
        ] {
            assert_eq!(kind(head), known, "{head:?}");
        }
    }

    #[test]
    fn lengths_are_told_by_the_header_or_guessed() {
        let mut wave = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wave.extend(16_000u32.to_le_bytes());
        wave.extend(32_000u32.to_le_bytes());
        assert_eq!(sound_ms(&wave, 64_000), 2000);
        assert_eq!(sound_ms(b"fLaC", 64_000), 4000);
        assert_eq!(sound_ms(b"", u64::MAX), u64::MAX / 16_000);
        assert_eq!(text_ms("你好"), 500);
        assert!((2000..5000).contains(&text_ms("The quick brown fox jumps over the lazy dog.")));
    }
}
