// SPDX-License-Identifier: MPL-2.0
//! The numbers in files that dlib wrote, read from a stream.
//!
//! An integer is one control byte (bit 7: negative; bits 0–3: how many bytes follow) and its
//! magnitude, low byte first. A floating-point number is two integers, mantissa and exponent:
//! mantissa · 2^exponent. A vector is its length as an integer, then its items. A matrix is its
//! rows and columns as negative integers, then its items row by row.

use std::io::{ErrorKind, Read};

/// Why a stream cannot be read on.
#[derive(Debug)]
pub(super) enum Fault {
    /// Reading failed.
    Io(std::io::Error),
    /// The stream ends where more must follow.
    Ended,
    /// What stands there cannot be.
    Malformed(&'static str),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(e) => e.fmt(f),
            Self::Ended => f.write_str("it is truncated"),
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

const CHUNK: usize = 1 << 18;
/// A control byte and eight bytes of magnitude.
const LONGEST: usize = 9;

/// Reads dlib's numbers. Holds one chunk of the stream, however long that is.
pub(super) struct Numbers<R> {
    stream: R,
    chunk: Vec<u8>,
    at: usize,
    end: usize,
    /// Bytes of the stream that are not in the chunk yet.
    unread: u64,
}

impl<R: Read> Numbers<R> {
    /// `length` is how many bytes the stream has: no count in it can promise more items.
    pub fn new(stream: R, length: u64) -> Self {
        Self {
            stream,
            chunk: vec![0; CHUNK],
            at: 0,
            end: 0,
            unread: length,
        }
    }

    /// Whether everything has been read.
    pub fn at_end(&self) -> bool {
        self.at == self.end && self.unread == 0
    }

    /// A whole number.
    #[inline]
    pub fn integer(&mut self) -> Result<i64, Fault> {
        if self.end - self.at < LONGEST {
            self.refill()?;
        }
        let bytes = &self.chunk[self.at..self.end];
        let control = *bytes.first().ok_or(Fault::Ended)?;
        let size = usize::from(control & 0x0F);
        if control & 0x70 != 0 || size == 0 || size > 8 {
            return Err(Fault::Malformed("a number in it is malformed"));
        }
        let magnitude = bytes
            .get(1..=size)
            .ok_or(Fault::Ended)?
            .iter()
            .rev()
            .fold(0_u64, |m, b| m << 8 | u64::from(*b));
        self.at += 1 + size;
        let value = i64::try_from(magnitude)
            .map_err(|_| Fault::Malformed("a number in it is too large"))?;
        Ok(if control & 0x80 == 0 { value } else { -value })
    }

    /// A finite number.
    #[inline]
    pub fn float(&mut self) -> Result<f32, Fault> {
        let mantissa = self.integer()?;
        let exponent = self.integer()?;
        // Beyond these lie dlib's codes for infinity and NaN, and nothing that fits a float.
        if !(-1000..=1000).contains(&exponent) {
            return Err(Fault::Malformed("a number in it is not finite"));
        }
        let power = f64::from_bits(((1023 + exponent) as u64) << 52);
        let value = (mantissa as f64 * power) as f32;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(Fault::Malformed("a number in it is not finite"))
        }
    }

    /// A count of items of at least `item_bytes` bytes each, at most `limit`.
    pub fn count(&mut self, limit: usize, item_bytes: u64) -> Result<usize, Fault> {
        let count = self.integer()?;
        let count = usize::try_from(count)
            .ok()
            .filter(|c| *c <= limit)
            .ok_or(Fault::Malformed("a count in it is out of range"))?;
        let left = self.unread + (self.end - self.at) as u64;
        if count as u64 * item_bytes > left {
            return Err(Fault::Ended);
        }
        Ok(count)
    }

    /// The size of a matrix: rows, columns.
    pub fn matrix(&mut self) -> Result<(i64, i64), Fault> {
        // Older files have them positive.
        Ok((
            self.integer()?.saturating_abs(),
            self.integer()?.saturating_abs(),
        ))
    }

    fn refill(&mut self) -> Result<(), Fault> {
        self.chunk.copy_within(self.at..self.end, 0);
        self.end -= self.at;
        self.at = 0;
        while self.end < LONGEST && self.unread > 0 {
            let room = (CHUNK - self.end).min(usize::try_from(self.unread).unwrap_or(CHUNK));
            match self.stream.read(&mut self.chunk[self.end..self.end + room]) {
                Ok(0) => self.unread = 0,
                Ok(n) => {
                    self.end += n;
                    self.unread -= n as u64;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(Fault::Io(e)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Writes what [`Numbers`] reads, for the tests' own little files.
    #[derive(Default)]
    pub(in super::super) struct Writer(pub Vec<u8>);

    impl Writer {
        pub fn integer(&mut self, value: i64) -> &mut Self {
            let bytes = value.unsigned_abs().to_le_bytes();
            let size = 8 - (value.unsigned_abs().leading_zeros() / 8).min(7) as usize;
            let sign = if value < 0 { 0x80 } else { 0 };
            self.0.push(sign | size as u8);
            self.0.extend_from_slice(&bytes[..size]);
            self
        }

        pub fn float(&mut self, value: f32) -> &mut Self {
            // 24 bits of mantissa hold every float. The exponent is its own: a logarithm of what lies
            // just below a power of two is rounded up to it.
            let exponent = match value.to_bits() >> 23 & 0xFF {
                0 => 0,
                biased => biased as i32 - 127 - 23,
            };
            let mantissa = f64::from(value) * 2_f64.powi(-exponent);
            self.integer(mantissa as i64).integer(i64::from(exponent))
        }
    }

    fn numbers(bytes: &[u8]) -> Numbers<&[u8]> {
        Numbers::new(bytes, bytes.len() as u64)
    }

    #[test]
    fn reads_known_bytes() {
        // -136 as dlib writes it, then 0xF1384D · 2^-29.
        let mut n = numbers(&[0x81, 0x88, 0x03, 0x4D, 0x38, 0xF1, 0x81, 0x1D]);
        assert_eq!(n.integer().unwrap(), -136);
        assert!((n.float().unwrap() - 0.029_446_1).abs() < 1e-6);
        assert!(n.at_end());
        assert!(matches!(n.integer(), Err(Fault::Ended)));
    }

    #[test]
    fn what_lies_beside_a_power_of_two_is_written_as_it_is() {
        for value in [-7.450_578_4e-9, f32::from_bits(0x3F7F_FFFF), 1.0, f32::MAX] {
            let mut writer = Writer::default();
            writer.float(value);
            assert_eq!(numbers(&writer.0).float().unwrap(), value);
        }
    }

    #[test]
    fn refuses_what_cannot_be() {
        for bytes in [&[0x00_u8, 1][..], &[0x09, 1], &[0x71, 1], &[0x7F, 1]] {
            assert!(matches!(numbers(bytes).integer(), Err(Fault::Malformed(_))));
        }
        let mut largest = vec![0x08];
        largest.extend_from_slice(&[0xFF; 8]);
        assert!(numbers(&largest).integer().is_err());
        // dlib's infinity: exponent 32000.
        assert!(numbers(&[0x01, 1, 0x02, 0x00, 0x7D]).float().is_err());
        // A count larger than what follows.
        assert!(matches!(
            numbers(&[0x02, 0xFF, 0x0F, 0]).count(1 << 20, 1),
            Err(Fault::Ended)
        ));
    }

    proptest::proptest! {
        #[test]
        fn reads_what_was_written(values: Vec<(i32, f32)>) {
            let values: Vec<_> = values
                .into_iter()
                .filter(|(_, f)| f.is_normal() || *f == 0.0)
                .collect();
            let mut writer = Writer::default();
            for (i, f) in &values {
                writer.integer(i64::from(*i)).float(*f);
            }
            let mut n = numbers(&writer.0);
            for (i, f) in &values {
                proptest::prop_assert_eq!(n.integer().unwrap(), i64::from(*i));
                proptest::prop_assert_eq!(n.float().unwrap(), *f);
            }
            proptest::prop_assert!(n.at_end());
        }

        #[test]
        fn any_bytes_end_in_an_answer(bytes: Vec<u8>) {
            let mut n = numbers(&bytes);
            for _ in 0..=bytes.len() {
                if n.float().is_err() {
                    break;
                }
            }
        }
    }
}
