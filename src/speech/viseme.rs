// SPDX-License-Identifier: MPL-2.0
//! [`Viseme`]: the mouth shapes that can be told apart.

use crate::articulate::Mouth;

/// The fifteen visemes of Oculus' lip-sync, the set that most avatars are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Viseme {
    /// Silence.
    Sil,
    /// p, b, m: lips together.
    Pp,
    /// f, v: lower lip at the upper teeth.
    Ff,
    /// th: tongue at the teeth.
    Th,
    /// t, d: tongue behind the teeth.
    Dd,
    /// k, g, and what sounds further back.
    Kk,
    /// sh, ch, j: teeth together, lips forward.
    Ch,
    /// s, z: teeth together, lips wide.
    Ss,
    /// n, l: tongue behind the teeth, jaw lower.
    Nn,
    /// r: lips slightly forward.
    Rr,
    /// a as in father.
    Aa,
    /// e as in bed.
    E,
    /// i as in see.
    I,
    /// o as in law.
    O,
    /// u as in too.
    U,
}

impl Viseme {
    /// All of them: `ALL[i] as usize == i`.
    pub const ALL: [Self; 15] = [
        Self::Sil,
        Self::Pp,
        Self::Ff,
        Self::Th,
        Self::Dd,
        Self::Kk,
        Self::Ch,
        Self::Ss,
        Self::Nn,
        Self::Rr,
        Self::Aa,
        Self::E,
        Self::I,
        Self::O,
        Self::U,
    ];

    /// Its name in the Oculus set: sil PP FF TH DD kk CH SS nn RR aa E I O U.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 15] = [
            "sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U",
        ];
        NAMES[self as usize]
    }

    /// The viseme of that name, upper and lower case as in [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.name() == name)
    }

    /// The mouth that shows it when it is held: jaw, width, rounding and upper lip as tuned on
    /// real speech, closure for p b m, lip-teeth contact for f v, the tongue's tip for th l n t d.
    pub fn mouth(self) -> Mouth {
        let (jaw, wide, round, upper) = match self {
            Self::Sil => (0.0, 0.0, 0.0, 0.0),
            Self::Pp => (0.0, 0.0, 0.1, 0.0),
            Self::Ff => (0.08, 0.15, 0.0, 0.15),
            Self::Th => (0.2, 0.1, 0.0, 0.05),
            Self::Dd => (0.2, 0.15, 0.0, 0.05),
            Self::Kk => (0.25, 0.1, 0.0, 0.0),
            Self::Ch => (0.22, 0.0, 0.55, 0.1),
            Self::Ss => (0.12, 0.35, 0.0, 0.1),
            Self::Nn => (0.22, 0.1, 0.0, 0.05),
            Self::Rr => (0.25, 0.0, 0.35, 0.0),
            Self::Aa => (0.62, 0.1, 0.0, 0.1),
            Self::E => (0.42, 0.3, 0.0, 0.1),
            Self::I => (0.24, 0.5, 0.0, 0.1),
            Self::O => (0.45, 0.0, 0.6, 0.0),
            Self::U => (0.2, 0.0, 0.95, 0.0),
        };
        Mouth {
            jaw,
            wide,
            round,
            upper,
            closure: if self == Self::Pp { 1.0 } else { 0.0 },
            lip_teeth: if self == Self::Ff { 1.0 } else { 0.0 },
            tongue: match self {
                Self::Th => 1.0,
                Self::Nn => 0.8,
                Self::Dd => 0.6,
                _ => 0.0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_agree() {
        for (i, viseme) in Viseme::ALL.into_iter().enumerate() {
            assert_eq!(viseme as usize, i);
            assert_eq!(Viseme::from_name(viseme.name()), Some(viseme));
        }
        assert_eq!(Viseme::from_name("pp"), None);
    }

    #[test]
    fn mouths_look_like_their_sounds() {
        let aperture = |v: Viseme| v.mouth().aperture();
        for viseme in Viseme::ALL {
            assert!(aperture(viseme) <= aperture(Viseme::Aa));
        }
        assert_eq!(aperture(Viseme::Pp), 0.0);
        assert_eq!(Viseme::Sil.mouth(), Mouth::REST);
        assert!(Viseme::U.mouth().round > Viseme::O.mouth().round);
        assert!(Viseme::I.mouth().wide > Viseme::Aa.mouth().wide);
        assert_eq!(Viseme::Ff.mouth().lip_teeth, 1.0);
        assert!(Viseme::Th.mouth().tongue > Viseme::Nn.mouth().tongue);
        assert_eq!(Viseme::Kk.mouth().tongue, 0.0);
    }
}
