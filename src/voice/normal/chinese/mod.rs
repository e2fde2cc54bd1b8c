// SPDX-License-Identifier: MPL-2.0
//! Mandarin as it is read aloud: Han letters and figures become pinyin with the digits of the
//! tones, which is what eSpeak NG's voice can read.
//!
//! Letters with several readings get the commonest one, except in the words of a table, which
//! are looked for where jieba divides the text: 都市 is not a word of 都 市场.
//! 一 and 不 change their tones here; the voice changes third tones itself.

#[cfg(test)]
mod tests;
mod words;

use std::{ops::Range, sync::LazyLock};

use jieba_rs::Jieba;
use pinyin::ToPinyin;

use super::Token;
use words::WORDS;

/// Letters whose commonest reading in a text is not the first of the dictionary.
const ALONE: [(char, &str); 13] = [
    ('长', "chang2"),
    ('的', "de5"),
    ('了', "le5"),
    ('着', "zhe5"),
    ('地', "de5"),
    ('得', "de5"),
    ('还', "hai2"),
    ('都', "dou1"),
    ('吗', "ma5"),
    ('呢', "ne5"),
    ('吧', "ba5"),
    ('么', "me5"),
    ('们', "men5"),
];

const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// Signs of units and money behind or before a number.
const UNITS: [(&str, &str); 16] = [
    ("km/h", "公里每小时"),
    ("km", "公里"),
    ("cm", "厘米"),
    ("mm", "毫米"),
    ("m", "米"),
    ("kg", "公斤"),
    ("mg", "毫克"),
    ("g", "克"),
    ("ml", "毫升"),
    ("°C", "摄氏度"),
    ("℃", "摄氏度"),
    ("GB", "G B"),
    ("元", "元"),
    ("¥", "元"),
    ("￥", "元"),
    ("€", "欧元"),
];

/// Reads the tokens of a text that was cleaned. Words in Latin letters stay as they are and are
/// marked as foreign.
pub(super) fn read(tokens: &[Token]) -> Vec<Token> {
    let mut read = Vec::new();
    for token in tokens {
        let mut written = String::new();
        let mut origin = Vec::new();
        spell_figures(token, &mut written, &mut origin);
        pieces(&written, &origin, &mut read);
    }
    sandhi(&mut read);
    read
}

/// Copies a token's text with its figures written in Han letters; for each byte of that, the
/// place in the text that it stands for.
fn spell_figures(token: &Token, written: &mut String, origin: &mut Vec<Range<usize>>) {
    let text = token.spoken.as_str();
    // A token with joiners in it is longer than what is read of it.
    let exact = token.source.len() == text.len();
    let place = |from: usize, to: usize| {
        if exact {
            token.source.start + from..token.source.start + to
        } else {
            token.source.clone()
        }
    };
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let (spelled, used) = match figure(&text[at..], text[..at].chars().last()) {
            Some(found) => found,
            None => (c.to_string(), c.len_utf8()),
        };
        written.push_str(&spelled);
        origin.resize(written.len(), place(at, at + used));
        at += used;
    }
}

/// What a number with what belongs to it is read as, and how many bytes that takes.
fn figure(text: &str, before: Option<char>) -> Option<(String, usize)> {
    if before.is_some_and(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let (sign, after_sign) = match text.chars().next()? {
        '-' | '−' if before.is_none() => ("负", &text[1..]),
        c @ ('¥' | '￥' | '$' | '€' | '£') => ("", &text[c.len_utf8()..]),
        _ => ("", text),
    };
    let money = ["¥", "￥", "$", "€", "£"]
        .into_iter()
        .find(|m| text.starts_with(m));
    let length = after_sign
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | ':')))
        .unwrap_or(after_sign.len());
    let number = after_sign[..length].trim_end_matches(['.', ',', ':']);
    let rest = &after_sign[number.len()..];
    let mut used = text.len() - rest.len();
    let words = spelled(number, rest)?;
    let name = match money {
        Some("$") => "美元",
        Some("€") => "欧元",
        Some("£") => "英镑",
        Some(_) => "元",
        None => "",
    };
    if rest.starts_with('%') {
        return Some((format!("{sign}百分之{words}"), used + 1));
    }
    let unit = UNITS.iter().find(|(unit, _)| {
        let end = rest.strip_prefix(unit);
        end.is_some_and(|end| !end.starts_with(|c: char| c.is_ascii_alphanumeric()))
    });
    let mut unit_name = "";
    if let (Some((unit, name)), None) = (unit, money) {
        unit_name = name;
        used += unit.len();
    }
    // 10-20, 10~20
    let range = rest
        .strip_prefix(['-', '–', '~', '～'])
        .and_then(|to| to.chars().next());
    let to = if range.is_some_and(|c| c.is_ascii_digit()) {
        used += rest.chars().next().map_or(0, char::len_utf8);
        "到"
    } else {
        ""
    };
    Some((format!("{sign}{words}{name}{unit_name}{to}"), used))
}

/// A number in Han letters, in front of what follows it.
fn spelled(number: &str, rest: &str) -> Option<String> {
    if number.is_empty() {
        return None;
    }
    if let Some((hour, minute)) = number.split_once(':') {
        let (hour, minute) = (hour.parse::<u64>().ok()?, minute.parse::<u64>().ok()?);
        return Some(match minute {
            0 => format!("{}点整", count(hour)),
            1..10 => format!("{}点零{}分", count(hour), whole(minute)),
            _ => format!("{}点{}分", count(hour), whole(minute)),
        });
    }
    let plain = number.replace(',', "");
    let digits = |text: &str| -> String {
        text.chars()
            .filter_map(|c| Some(DIGITS[c.to_digit(10)? as usize]))
            .collect()
    };
    if let Some((before, after)) = plain.split_once('.') {
        if after.contains('.') {
            return Some(plain.split('.').map(digits).collect::<Vec<_>>().join("点"));
        }
        let before: u64 = if before.is_empty() {
            0
        } else {
            before.parse().ok()?
        };
        return Some(format!("{}点{}", whole(before), digits(after)));
    }
    // A year, and what is too long to be an amount.
    let year = plain.len() == 4 && rest.starts_with('年');
    if year || plain.len() > 10 || plain.len() > 1 && plain.starts_with('0') {
        return Some(digits(&plain));
    }
    let amount = plain.parse().ok()?;
    let counted = rest.starts_with([
        '个', '只', '张', '本', '天', '位', '次', '件', '条', '块', '点',
    ]);
    Some(if counted {
        count(amount)
    } else {
        whole(amount)
    })
}

/// How many: before a measure word two is 两.
fn count(number: u64) -> String {
    if number == 2 {
        "两".to_owned()
    } else {
        whole(number)
    }
}

/// 1234 is 一千二百三十四.
fn whole(number: u64) -> String {
    for (size, name) in [(100_000_000, '亿'), (10_000, '万')] {
        if number >= size {
            let (high, low) = (number / size, number % size);
            let gap = if low > 0 && low < size / 10 {
                "零"
            } else {
                ""
            };
            let rest = if low > 0 {
                whole_after(low)
            } else {
                String::new()
            };
            return format!("{}{name}{gap}{rest}", whole(high));
        }
    }
    if (10..20).contains(&number) {
        let low = number % 10;
        return format!(
            "十{}",
            if low > 0 {
                DIGITS[low as usize].to_string()
            } else {
                String::new()
            }
        );
    }
    whole_after(number)
}

/// The same behind a larger part: ten is 一十.
fn whole_after(number: u64) -> String {
    if number >= 10_000 {
        return whole(number);
    }
    let mut words = String::new();
    let mut gap = false;
    for (size, name) in [(1_000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = number / size % 10;
        if digit > 0 {
            if gap {
                words.push('零');
            }
            words.push(DIGITS[digit as usize]);
            words.push_str(name);
        }
        gap = digit == 0 && !words.is_empty();
    }
    if words.is_empty() {
        "零".to_owned()
    } else {
        words
    }
}

/// Its dictionary takes time to load and 33 MB, so that is done once, and not before there is
/// Chinese.
static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Loads the dictionary of words.
pub(super) fn prepare() {
    LazyLock::force(&JIEBA);
}

/// Where the words of a text end, in bytes, and its beginning: rising.
fn borders(text: &str) -> Vec<usize> {
    let mut borders = vec![0];
    if text.chars().any(|c| reading(c).is_some()) {
        let mut end = 0;
        borders.extend(JIEBA.cut(text, false).into_iter().map(|token| {
            end += token.word.len();
            end
        }));
    }
    borders
}

/// Whether a stretch of a text is made of whole words, or lies within one.
fn is_whole(borders: &[usize], from: usize, to: usize) -> bool {
    let word = |at: usize| borders.partition_point(|border| *border <= at);
    let within_one = word(from) == word(to - 1);
    within_one || borders.binary_search(&from).is_ok() && borders.binary_search(&to).is_ok()
}

/// Divides into syllables, foreign words and marks.
fn pieces(text: &str, origin: &[Range<usize>], read: &mut Vec<Token>) {
    let place = |from: usize, to: usize| origin[from].start..origin[to - 1].end;
    let borders = borders(text);
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let words = WORDS
            .iter()
            .filter(|(word, _)| rest.starts_with(word) && is_whole(&borders, at, at + word.len()));
        if let Some((word, said)) = words.max_by_key(|(word, _)| word.len()) {
            for (n, (syllable, letter)) in said.split(' ').zip(word.chars()).enumerate() {
                let from = at + n * letter.len_utf8();
                read.push(syllable_of(
                    syllable,
                    letter,
                    place(from, from + letter.len_utf8()),
                ));
            }
            at += word.len();
            continue;
        }
        let mut used = c.len_utf8();
        if let Some(said) = reading(c) {
            read.push(syllable_of(&said, c, place(at, at + used)));
        } else if c.is_alphanumeric() {
            let foreign =
                |c: char| c.is_alphanumeric() && reading(c).is_none() || "'’-.&+@/".contains(c);
            used = rest.find(|c| !foreign(c)).unwrap_or(rest.len());
            used = rest[..used]
                .trim_end_matches(['.', '-', '/'])
                .len()
                .max(c.len_utf8());
            read.push(Token {
                spoken: rest[..used].to_owned(),
                source: place(at, at + used),
                foreign: true,
            });
        } else if let (Some(mark), Some(last)) = (mark(c), read.last_mut())
            && !last.spoken.ends_with([',', '.', '!', '?'])
        {
            last.spoken.push(mark);
        }
        at += used;
    }
}

fn syllable_of(said: &str, letter: char, source: Range<usize>) -> Token {
    // The letters themselves tell 一 and 不 from others that sound alike.
    let spoken = match letter {
        '一' => "一".to_owned(),
        '不' if said != "bu5" => "不".to_owned(),
        _ => said.to_owned(),
    };
    Token {
        spoken,
        source,
        foreign: false,
    }
}

/// The reading of a letter with the digit of its tone at its end.
fn reading(c: char) -> Option<String> {
    if let Some((_, said)) = ALONE.iter().find(|(letter, _)| *letter == c) {
        return Some((*said).to_owned());
    }
    let said = c.to_pinyin()?.with_tone_num_end();
    let toned = said.ends_with(|c: char| c.is_ascii_digit());
    Some(if toned {
        said.to_owned()
    } else {
        format!("{said}5")
    })
}

fn mark(c: char) -> Option<char> {
    Some(match c {
        '，' | '、' | ',' | '；' | ';' | '：' | ':' | '—' => ',',
        '。' | '.' | '…' => '.',
        '！' | '!' => '!',
        '？' | '?' => '?',
        _ => return None,
    })
}

/// 一 and 不 take the second tone before a fourth; 一 the fourth before the others, but not at
/// the end of a phrase, as an ordinal, or among figures.
fn sandhi(read: &mut [Token]) {
    const PLACES: [&str; 4] = ["bai3", "qian1", "wan4", "ling2"];
    const FIGURES: [&str; 10] = [
        "ling2", "一", "er4", "san1", "si4", "wu3", "liu4", "qi1", "ba1", "jiu3",
    ];
    for i in 0..read.len() {
        let bare = read[i]
            .spoken
            .trim_end_matches([',', '.', '!', '?'])
            .to_owned();
        let marks = read[i].spoken[bare.len()..].to_owned();
        let spoken = |n: Option<usize>| n.and_then(|n| read.get(n)).map(|t| t.spoken.as_str());
        let next = spoken(Some(i + 1)).filter(|_| marks.is_empty());
        let before = spoken(i.checked_sub(1));
        let tone = next.and_then(|n| n.chars().find(char::is_ascii_digit));
        let next_falls = tone == Some('4') || next == Some("不");
        let said = match bare.as_str() {
            "不" if next_falls => "bu2",
            "不" => "bu4",
            "一" => {
                let figure =
                    |t: Option<&str>| t.is_some_and(|t| FIGURES.contains(&t) || t == "dian3");
                let ordinal = before == Some("di4");
                // 110 is yi4 bai3 yi1 shi2.
                let ten = next == Some("shi2") && before.is_some_and(|b| PLACES.contains(&b));
                let written_out = figure(before) || figure(next) || before == Some("shi2") || ten;
                match tone {
                    Some('4') if !ordinal && !written_out => "yi2",
                    Some(_) if !ordinal && !written_out => "yi4",
                    None if next == Some("不") => "yi2",
                    _ => "yi1",
                }
            }
            _ => continue,
        };
        read[i].spoken = format!("{said}{marks}");
    }
}
