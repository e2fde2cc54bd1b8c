// SPDX-License-Identifier: MPL-2.0
//! Frames: their layout in memory and the colour space their samples are in.

/// How a picture's samples lie in memory. Names are GStreamer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Y, U and V planes; U and V at half size both ways.
    I420,
    /// Y plane and one plane of U, V pairs at half size both ways.
    Nv12,
    /// Packed B, G, R and one unused byte, which is written as 255.
    Bgrx,
    /// Packed R, G, B and one unused byte, which is written as 255.
    Rgbx,
    /// Packed B, G, R and straight alpha.
    Bgra,
    /// Packed R, G, B and straight alpha.
    Rgba,
}

impl PixelFormat {
    /// Whether its samples are Y'CbCr rather than R'G'B'.
    pub fn is_yuv(self) -> bool {
        matches!(self, Self::I420 | Self::Nv12)
    }

    /// Whether it carries alpha.
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::Bgra | Self::Rgba)
    }

    /// How many planes it has.
    pub fn planes(self) -> usize {
        match self {
            Self::I420 => 3,
            Self::Nv12 => 2,
            _ => 1,
        }
    }

    /// The layout of plane `index`.
    pub fn plane(self, index: usize) -> PlaneLayout {
        let (channels, shift) = match (self, index) {
            (Self::I420, 0) | (Self::Nv12, 0) => (1, 0),
            (Self::I420, _) => (1, 1),
            (Self::Nv12, _) => (2, 1),
            _ => (4, 0),
        };
        PlaneLayout { channels, shift }
    }
}

/// How one plane of a format relates to the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneLayout {
    /// Bytes per sample position: 1 (Y, U or V), 2 (UV) or 4 (packed RGB).
    pub channels: usize,
    /// Both sides are the picture's divided by 2^shift, rounded up.
    pub shift: u32,
}

impl PlaneLayout {
    /// Sample positions of the plane for a picture of that size.
    pub fn size(self, width: usize, height: usize) -> (usize, usize) {
        let round = (1 << self.shift) - 1;
        (
            (width + round) >> self.shift,
            (height + round) >> self.shift,
        )
    }
}

/// The matrix between R'G'B' and Y'CbCr, by its luma coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// ITU-R BT.601: Kr 0.299, Kb 0.114.
    Bt601,
    /// ITU-R BT.709: Kr 0.2126, Kb 0.0722.
    Bt709,
    /// ITU-R BT.2020 non-constant luminance: Kr 0.2627, Kb 0.0593.
    Bt2020,
    /// SMPTE 240M: Kr 0.212, Kb 0.087.
    Smpte240m,
    /// FCC: Kr 0.30, Kb 0.11.
    Fcc,
}

impl Matrix {
    /// (Kr, Kb)
    pub fn coefficients(self) -> (f64, f64) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
            Self::Bt2020 => (0.2627, 0.0593),
            Self::Smpte240m => (0.212, 0.087),
            Self::Fcc => (0.30, 0.11),
        }
    }
}

/// The colour space of a frame's samples. Transfer and primaries stay the portrait's (sRGB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Matters for Y'CbCr formats only.
    pub matrix: Matrix,
    /// 0–255 for all samples, rather than 16–235 (luma, R'G'B') and 16–240 (chroma).
    pub full_range: bool,
}

/// Where a chroma sample of a 4:2:0 format lies between its luma samples horizontally.
/// Vertically it lies between two rows in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChromaSite {
    /// On the left luma sample (MPEG-2, H.264's default).
    Left,
    /// Between two luma samples (MPEG-1, JPEG).
    Centre,
}

/// Everything that must be known of a frame before it can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameSpec {
    /// Samples; at least 1.
    pub width: usize,
    /// Rows; at least 1.
    pub height: usize,
    /// Memory layout.
    pub format: PixelFormat,
    /// Colour space.
    pub colour: Colour,
    /// Chroma siting of 4:2:0 formats.
    pub chroma_site: ChromaSite,
    /// Width of a sample divided by its height, as a fraction; (1, 1) is square.
    pub pixel_aspect: (u32, u32),
}

/// One plane of a frame to be written.
pub struct PlaneMut<'a> {
    /// At least `stride * (rows - 1) + row bytes` long.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A frame to be written; its planes are those of its `FrameSpec`'s format.
pub struct FrameMut<'a> {
    /// 1 to 3 planes; unused ones are empty.
    pub planes: [PlaneMut<'a>; 3],
}

/// A frame that owns its memory, rows without padding.
#[derive(Clone)]
pub struct FrameBuf {
    /// What it holds.
    pub spec: FrameSpec,
    /// One vector a plane.
    pub planes: Vec<Vec<u8>>,
}

impl FrameBuf {
    /// All bytes zero.
    pub fn new(spec: FrameSpec) -> Self {
        let planes = (0..spec.format.planes())
            .map(|p| {
                let layout = spec.format.plane(p);
                let (w, h) = layout.size(spec.width, spec.height);
                vec![0; w * h * layout.channels]
            })
            .collect();
        Self { spec, planes }
    }

    /// Bytes from one row to the next in plane `p`.
    pub fn stride(&self, p: usize) -> usize {
        let layout = self.spec.format.plane(p);
        layout.size(self.spec.width, self.spec.height).0 * layout.channels
    }

    /// Its planes, to be written.
    pub fn as_mut(&mut self) -> FrameMut<'_> {
        let strides = [0, 1, 2].map(|p| {
            if p < self.planes.len() {
                self.stride(p)
            } else {
                0
            }
        });
        let mut planes = self.planes.iter_mut();
        FrameMut {
            planes: strides.map(|stride| PlaneMut {
                data: planes.next().map_or(&mut [], |v| v.as_mut_slice()),
                stride,
            }),
        }
    }
}
