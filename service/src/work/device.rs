// SPDX-License-Identifier: MPL-2.0
//! What the network of a job is computed by: the slot's cores, or one graphics card of the slot's.

use std::{fmt, str::FromStr};

use sonic_engine::onnx::{self, Provider};

use super::pool;

/// What the slots of a worker compute with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Devices {
    /// Their cores.
    #[default]
    Cpu,
    /// These cards, one a slot; slots share them where there are more.
    Cards(Vec<Card>),
}

/// A graphics card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// By which ONNX Runtime computes with it.
    pub provider: Provider,
    /// Its number, as the maker's tools have it.
    pub number: u32,
}

/// What a slot computes with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its cores: the video's encoder needs them in any case.
    pub cores: Vec<usize>,
    /// Its card.
    pub card: Option<Card>,
}

/// Providers that compute on cards which are told apart by numbers, and what hides the others.
const CARDS: [(Provider, &str); 3] = [
    (Provider::Cuda, "CUDA_VISIBLE_DEVICES"),
    (Provider::TensorRt, "CUDA_VISIBLE_DEVICES"),
    (Provider::MiGraphX, "HIP_VISIBLE_DEVICES"),
];
/// Cards of one machine.
const MOST: u32 = 64;

impl FromStr for Devices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let names = CARDS.map(|(provider, _)| provider.name()).join(", ");
            format!("expected cpu, or {names} with numbers of cards, as cuda:0,1")
        };
        if text == Provider::Cpu.name() {
            return Ok(Self::Cpu);
        }
        let (name, numbers) = text.split_once(':').ok_or_else(wrong)?;
        let known = CARDS.into_iter().find(|(known, _)| known.name() == name);
        let (provider, _) = known.ok_or_else(wrong)?;
        let mut cards: Vec<Card> = Vec::new();
        for number in numbers.split(',') {
            let number = number.parse().ok().filter(|number| *number < MOST);
            let number = number.ok_or_else(wrong)?;
            if cards.iter().any(|card| card.number == number) {
                return Err(format!("card {number} is named twice"));
            }
            cards.push(Card { provider, number });
        }
        Ok(Self::Cards(cards))
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str(Provider::Cpu.name()),
            Self::Cards(cards) => {
                let name = cards.first().map_or("", |card| card.provider.name());
                let numbers: Vec<_> = cards.iter().map(|card| card.number.to_string()).collect();
                write!(f, "{name}:{}", numbers.join(","))
            }
        }
    }
}

impl Devices {
    /// What each slot has: the cores as evenly as can be, the cards in turn. Without a number of
    /// slots there is one a card, or one a core.
    #[must_use]
    pub fn shares(&self, slots: Option<usize>, cores: &[usize]) -> Vec<Share> {
        let cards = match self {
            Self::Cpu => &[][..],
            Self::Cards(cards) => cards,
        };
        let usual = match cards.len() {
            0 => cores.len(),
            count => count,
        };
        let cores = pool::shares(slots.unwrap_or(usual), cores);
        let share = |(slot, cores)| Share {
            cores,
            card: cards.get(slot % cards.len().max(1)).cloned(),
        };
        cores.into_iter().enumerate().map(share).collect()
    }

    /// Whether this machine's ONNX Runtime computes with them.
    ///
    /// # Errors
    /// It does not, or there is none: a sentence that says what it has.
    pub fn check(&self) -> Result<(), String> {
        let Self::Cards(cards) = self else {
            return Ok(());
        };
        let runtime = onnx::runtime().map_err(|error| format!("--device {self}: {error}"))?;
        for card in cards {
            if let Err(error) = card.provider.check(runtime) {
                let there = Provider::ALL.iter().filter(|p| p.is_available(runtime));
                let there: Vec<_> = there.map(|provider| provider.name()).collect();
                return Err(format!(
                    "--device {self}: {error}; the ONNX Runtime {} has {}. Let {} name one that \
                     has it, or work without --device",
                    runtime.path().display(),
                    there.join(", "),
                    onnx::PATH_VARIABLE,
                ));
            }
        }
        Ok(())
    }
}

impl Card {
    /// What a process is told that is to compute with this card: an argument, and a variable that
    /// hides the others.
    #[must_use]
    pub fn told(&self) -> (String, (&'static str, String)) {
        let variable = CARDS.iter().find(|(known, _)| *known == self.provider);
        let variable = variable.map_or("CUDA_VISIBLE_DEVICES", |(_, variable)| variable);
        (
            format!("--execution-provider={}", self.provider.name()),
            (variable, self.number.to_string()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(text: &str) -> Devices {
        text.parse().expect(text)
    }

    #[test]
    fn cards_are_read_and_written_alike() {
        for text in ["cpu", "cuda:0", "cuda:1,0", "migraphx:3", "tensorrt:0,63"] {
            assert_eq!(devices(text).to_string(), text);
        }
        for (text, word) in [
            ("", "cuda:0,1"),
            ("gpu", "cuda:0,1"),
            ("cuda", "cuda:0,1"),
            ("cuda:", "cuda:0,1"),
            ("cuda:0,", "cuda:0,1"),
            ("cuda:-1", "cuda:0,1"),
            ("cuda:64", "cuda:0,1"),
            ("openvino:0", "cuda:0,1"),
            ("cpu:0", "cuda:0,1"),
            ("cuda:0,0", "twice"),
        ] {
            let error = text.parse::<Devices>().expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn slots_take_the_cards_in_turn_and_share_the_cores() {
        let cards = |devices: &str, slots| {
            let shares = super::tests::devices(devices).shares(slots, &[0, 1, 2, 3]);
            let cards = shares.iter().map(|s| s.card.as_ref().map(|c| c.number));
            (
                cards.collect::<Vec<_>>(),
                shares.iter().map(|s| s.cores.len()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(cards("cpu", None), (vec![None; 4], vec![1; 4]));
        assert_eq!(cards("cpu", Some(2)), (vec![None; 2], vec![2; 2]));
        assert_eq!(
            cards("cuda:0,2", None),
            (vec![Some(0), Some(2)], vec![2, 2])
        );
        let shared = (vec![Some(5), Some(1), Some(5)], vec![1, 1, 2]);
        assert_eq!(cards("cuda:5,1", Some(3)), shared);
        assert_eq!(cards("cuda:0,1", Some(1)), (vec![Some(0)], vec![4]));
    }

    #[test]
    fn a_process_sees_its_own_card_only() {
        let card = |text: &str| match devices(text) {
            Devices::Cards(cards) => cards[0].told(),
            Devices::Cpu => panic!("a card"),
        };
        let (argument, variable) = card("cuda:3");
        assert_eq!(argument, "--execution-provider=cuda");
        assert_eq!(variable, ("CUDA_VISIBLE_DEVICES", "3".to_owned()));
        assert_eq!(
            card("migraphx:1").1,
            ("HIP_VISIBLE_DEVICES", "1".to_owned())
        );
    }

    #[test]
    fn what_the_runtime_has_not_is_refused_with_what_it_has() {
        assert_eq!(Devices::Cpu.check(), Ok(()));
        let Ok(runtime) = onnx::runtime() else {
            let required = std::env::var("SONIC_REQUIRE_ALL").is_ok_and(|v| v == "1");
            assert!(!required, "ONNX Runtime is missing");
            println!("left out: ONNX Runtime is missing");
            return;
        };
        // No library is built for both makers' cards.
        let other = match Provider::MiGraphX.is_available(runtime) {
            true => "cuda:0",
            false => "migraphx:0",
        };
        let error = devices(other).check().expect_err("it is not there");
        assert!(error.contains("has cpu"), "{error}");
        assert!(error.contains(other), "{error}");
    }
}
