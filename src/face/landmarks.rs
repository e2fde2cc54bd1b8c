// SPDX-License-Identifier: MPL-2.0
//! Landmarks files: JSON, read and written.
//!
//! ```json
//! {"landmarks": [[x, y], … 68 of them], "width": W, "height": H}
//! ```
//!
//! `width` and `height` say of which picture size the coordinates are; with them the file also
//! serves scaled copies of the picture. A bare list `[[x, y], …]` is pixels of the picture.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{FaceError, Landmarks, Picture, Point, SourceFile, input};

/// Largest landmarks file, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

#[derive(Deserialize)]
struct Layout {
    landmarks: Value,
    width: Option<f64>,
    height: Option<f64>,
}

impl Landmarks {
    /// Reads a landmarks file for `picture`.
    ///
    /// # Errors
    /// It cannot be read, is no such JSON, or its points are no face within the picture.
    pub fn read(path: &Path, picture: &Picture) -> Result<Self, FaceError> {
        let bytes = input::read(path, MAX_FILE, SourceFile::Landmarks)?;
        Self::parse(&bytes, (picture.width, picture.height)).map_err(|(why, cure)| {
            input::error(
                SourceFile::Landmarks,
                format!(
                    "{} {} {why}",
                    input::noun(SourceFile::Landmarks),
                    path.display()
                ),
                cure,
            )
        })
    }

    /// Parses the bytes of a landmarks file; what is wrong and the cure otherwise.
    pub(super) fn parse(
        bytes: &[u8],
        (width, height): (usize, usize),
    ) -> Result<Self, (String, String)> {
        const FORMAT: &str = "Write {\"landmarks\": [[x, y], … 68 points in the order of iBUG \
             300-W], \"width\": …, \"height\": …}";
        let fault = |why: String| (why, FORMAT.to_owned());
        let value: Value =
            serde_json::from_slice(bytes).map_err(|e| fault(format!("is not JSON: {e}")))?;
        let layout = if value.is_array() {
            Layout {
                landmarks: value,
                width: None,
                height: None,
            }
        } else {
            Layout::deserialize(value).map_err(|e| fault(format!("has another form: {e}")))?
        };
        let list = layout
            .landmarks
            .as_array()
            .ok_or_else(|| fault("has no list of points".into()))?;
        if list.len() != 68 {
            return Err(fault(format!("has {} points, not 68", list.len())));
        }
        let scale = [
            scale(layout.width, width).map_err(fault)?,
            scale(layout.height, height).map_err(fault)?,
        ];
        let mut landmarks = Self([Point::default(); 68]);
        for (i, (point, value)) in landmarks.0.iter_mut().zip(list).enumerate() {
            let [x, y] = pair(value)
                .ok_or_else(|| fault(format!("has a point {i} that is not two numbers")))?;
            // Pixel centres are whole numbers, so a picture's edge lies at −0.5.
            point.x = ((x + 0.5) * scale[0] - 0.5) as f32;
            point.y = ((y + 0.5) * scale[1] - 0.5) as f32;
        }
        landmarks.check(width, height).map(|()| landmarks)
    }

    /// Whether they lie in the picture and can be a face.
    fn check(&self, width: usize, height: usize) -> Result<(), (String, String)> {
        let within = |v: f32, size: usize| (-1.0..=size as f32).contains(&v);
        let outside = |p: &Point| !(within(p.x, width) && within(p.y, height));
        if let Some(i) = self.0.iter().position(outside) {
            let Point { x, y } = self.0[i];
            return Err((
                format!("has point {i} at ({x:.0}, {y:.0}), outside the {width}×{height} picture"),
                "Give coordinates in pixels of the portrait, or the width and height they are \
                 meant for"
                    .into(),
            ));
        }
        match self.flaw() {
            None => Ok(()),
            Some(flaw) => Err((
                format!("has points that {flaw}"),
                "Correct them; `make check` draws the points into the picture".into(),
            )),
        }
    }

    /// The landmarks file for a picture of that size; reading it gives the same numbers.
    pub fn to_json(&self, width: usize, height: usize) -> String {
        let points: Vec<String> = self
            .0
            .iter()
            .map(|p| format!("[{}, {}]", p.x, p.y))
            .collect();
        format!(
            "{{\"width\": {width}, \"height\": {height}, \"landmarks\": [\n{}\n]}}\n",
            points.join(",\n")
        )
    }
}

/// Factor from the file's size to the picture's.
fn scale(meant: Option<f64>, is: usize) -> Result<f64, String> {
    match meant {
        None => Ok(1.0),
        Some(m) if m.is_finite() && (1.0..=1e6).contains(&m) => Ok(is as f64 / m),
        Some(m) => Err(format!("is meant for a picture with a side of {m} pixels")),
    }
}

fn pair(value: &Value) -> Option<[f64; 2]> {
    let [x, y] = value.as_array()?.as_slice() else {
        return None;
    };
    Some([x.as_f64()?, y.as_f64()?])
}

#[cfg(test)]
mod tests {
    use super::{super::geometry::tests::seen, *};

    fn face() -> Landmarks {
        seen(0.0, 3.0, 100.0, Point { x: 300.0, y: 200.0 })
    }

    #[test]
    fn what_is_written_is_read() {
        let json = face().to_json(600, 500);
        let again = Landmarks::parse(json.as_bytes(), (600, 500)).unwrap();
        assert_eq!(again, face());
        // The same file for the picture at twice the size.
        let double = Landmarks::parse(json.as_bytes(), (1200, 1000)).unwrap();
        assert!((double.iod() - 200.0).abs() < 0.1);
        assert!((double.0[30].x - (2.0 * face().0[30].x + 0.5)).abs() < 0.05);
    }

    #[test]
    fn a_bare_list_is_pixels() {
        let list: Vec<[f32; 2]> = face().0.iter().map(|p| [p.x, p.y]).collect();
        let json = serde_json::to_vec(&list).unwrap();
        assert_eq!(Landmarks::parse(&json, (600, 500)).unwrap(), face());
    }

    #[test]
    fn each_fault_has_its_words() {
        let fault = |text: &str| Landmarks::parse(text.as_bytes(), (600, 500)).unwrap_err().0;
        let json = face().to_json(600, 500);
        assert!(fault("").contains("not JSON"));
        assert!(fault("{}").contains("another form"));
        assert!(fault("{\"landmarks\": 3}").contains("no list"));
        assert!(fault("[[1, 2], [3, 4]]").contains("2 points, not 68"));
        let rows: Vec<_> = json.lines().collect();
        let with = |row: &str| {
            let mut rows = rows.clone();
            rows[5] = row;
            rows.join("\n")
        };
        assert!(fault(&with("[\"1\", 2],")).contains("point 4 that is not two numbers"));
        assert!(fault(&with("[1, null],")).contains("not two numbers"));
        assert!(fault(&with("[1, 2, 3],")).contains("not two numbers"));
        assert!(fault(&with("[NaN, 2],")).contains("not JSON"));
        assert!(fault(&with("[1e300, 2],")).contains("outside"));
        assert!(fault(&with("[700, 2],")).contains("point 4 at (700, 2), outside the 600×500"));
        assert!(fault(&json.replace("600", "0")).contains("side of 0"));
        assert!(fault(&json.replace("600", "\"a\"")).contains("another form"));
        let point = format!("[{0}]", ["[5, 5]"; 68].join(", "));
        assert!(fault(&point).contains("both eyes"));
        let deep = "[".repeat(100_000);
        assert!(fault(&deep).contains("not JSON"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_a_panic(text in "[\\[\\]{}0-9,.:\"a-z-]{0,200}") {
            let _ = Landmarks::parse(text.as_bytes(), (600, 500));
        }
    }
}
