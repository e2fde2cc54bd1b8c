# SPDX-License-Identifier: MPL-2.0
"""What is said: random words of the system's word lists, and made-up words of random syllables.

No text of anybody is used; sense does not matter to a mouth.
"""

import pathlib

COMMON = """the a an and or but if so as of to in on at by for from with about into over after before
I you he she we they it me him her us them my your his our their this that these those who what
is are was were be been have has had do does did will would can could may might must shall should
not no yes very more most many much some any all both each every other another such only own same
go come make take see know think say get give find tell ask work seem feel try leave call put keep
let begin help talk turn start show hear play run move live believe bring happen write sit stand
lose pay meet set learn lead watch follow stop speak read spend grow open walk win teach offer
remember maybe people time year way day man thing woman life child world home room book problem
month money morning room mother family number member point company group above below between
baby bubble paper people happy simple problem remember summer hammer simply maybe number member
five seven above river over very never give live leave voice value village view visit
up down out now then here there when where why how""".split()

# Letters that eSpeak NG or Festival read as they stand. Onsets, vowels, ends of syllables.
LATIN = ("p b m t d k n l r s f v g p b m pl br tr st kr fl gr h z".split(), "a e i o u".split(),
         ["", "", "", "n", "r", "s", "l", "m", "t"])
ORTHOGRAPHY = {
    "it": (LATIN[0] + "ch gn gl".split(), "a e i o u à ia io uo".split(), ["", "", "", "n", "r", "l"]),
    "es": (LATIN[0] + "ñ ll ch j qu".split()[:-1], LATIN[1] + ["ie", "ue"], LATIN[2]),
    "pt": (LATIN[0] + ["nh", "lh"], LATIN[1] + ["ão", "ei"], ["", "", "r", "s", "m"]),
    "fr": (LATIN[0] + ["ch", "j"], "a e i o u ou eu é è oi on an in au".split(), ["", "", "r", "l", "te", "be", "me"]),
    "de": (LATIN[0] + "sch w pf z ch".split(), "a e i o u ä ö ü ei au eu ie".split(), ["", "", "n", "r", "ch", "m", "b", "t"]),
    "nl": (LATIN[0] + ["w", "sch"], "a e i o u aa oo ee ui ij oe".split(), LATIN[2]),
    "sv": (LATIN[0] + ["sj"], "a e i o u å ä ö y".split(), LATIN[2]),
    "fi": ("p m t d k n l r s v h j p m".split(), "a e i o u y ä ö aa ii uu ää ie uo yö".split(), ["", "", "n", "s", "t"]),
    "cs": (LATIN[0] + "č š ž ř c j ch".split(), "a e i o u á é í ů y ou".split(), LATIN[2]),
    "pl": (LATIN[0] + "cz sz rz w ł c ś".split(), "a e i o u ó y ą ę".split(), LATIN[2]),
    "hu": (LATIN[0] + "cs sz zs gy ny".split(), "a e i o u á é í ö ő ü".split(), LATIN[2]),
    "ro": (LATIN[0] + ["ș", "ț"], "a e i o u ă â".split(), LATIN[2]),
    "tr": (LATIN[0] + "ç ş c y".split(), "a e ı i o ö u ü".split(), ["", "", "n", "r", "m", "k"]),
    "id": (LATIN[0] + "ny ng j c w y".split(), "a e i o u".split(), ["", "", "n", "ng", "m", "p", "k"]),
    "sw": ("p b m t d k n l s f v g mb nd w y ch sh".split(), "a e i o u".split(), [""]),
    "vi": ("b m t đ nh n l x ph v kh h ch tr".split(), "a e i o u ơ ư ê á ò ả".split(), ["", "", "n", "m", "ng", "p", "t"]),
    "ca": (LATIN[0] + ["ny", "ll", "x"], "a e i o u à ó".split(), LATIN[2]),
    "ru": ("п б м т д к н л р с ф в г з ш ж ч х пр бл ст".split(), "а е и о у я ю ы э ё".split(), ["", "", "н", "м", "т", "р", "л"]),
    "uk": ("п б м т д к н л р с ф в г з ш ж ч х".split(), "а е и о у я ю і є ї".split(), ["", "", "н", "м", "р"]),
    "el": ("π μπ μ τ ντ κ ν λ ρ σ φ β γ δ θ χ".split(), "α ε ι ο ου η ω".split(), ["", "", "ν", "ς"]),
    "hi": ("प ब म त द क न ल र स फ व ग ज च श ह भ ध".split(), ["", "ा", "ि", "ी", "ु", "ू", "े", "ो", "ै"], [""]),
    "te": ("ప బ మ త ద క న ల ర స వ గ చ".split(), ["", "ా", "ి", "ీ", "ు", "ూ", "ె", "ే", "ొ", "ో"], [""]),
    "ta": ("ப ம த க ன ல ர ச வ ந".split(), ["", "ா", "ி", "ீ", "ு", "ூ", "ே", "ோ"], [""]),
    "bn": ("প ব ম ত দ ক ন ল র স ভ গ".split(), ["", "া", "ি", "ী", "ু", "ে", "ো"], [""]),
    "ar": ("ب م ت د ك ن ل ر س ف ج ش ح ع ق".split(), ["َ", "ِ", "ُ", "َا", "ِي", "ُو"], ["", "", "ن", "م"]),
    "ka": ("პ ბ მ ტ დ კ ნ ლ რ ს ვ გ შ ჩ".split(), "ა ე ი ო უ".split(), ["", "", "ნ", "მ"]),
    "cmn": ("b p m f d t n l g k h j zh ch sh z s".split(), "a ai an ang ao e en ou i u".split(), ["1", "2", "3", "4"]),
    "ja": (list("かきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわがぎぐげござじずぜぞだでどばびぶべぼぱぴぷぺぽばびぶべぼまみむめもぱぴぷぺぽ"),
           [""], ["", "", "", "", "", "ん", "っ", "い", "う"]),
}


def system_words(name):
    """The plain words of a list in /usr/share/dict, or nothing."""
    path = pathlib.Path("/usr/share/dict") / name
    if not path.exists():
        return []
    words = path.read_text(encoding="utf-8", errors="ignore").split("\n")
    return [w for w in words if w.isalpha() and w.islower() and 3 <= len(w) <= 10]


LISTS = {"en": "american-english", "de": "ngerman", "es": "spanish", "fr": "french", "it": "italian", "pl": "polish"}


class Words:
    """Random sentences."""

    def __init__(self, rng):
        self.rng = rng
        self.lists = {language: system_words(name) for language, name in LISTS.items()}

    def made_up(self, language):
        """A word of syllables in a language's letters."""
        onsets, vowels, ends = ORTHOGRAPHY.get(language, LATIN)
        pick = lambda options: options[self.rng.integers(len(options))]
        syllables = 1 + self.rng.integers(3)
        if language == "cmn":
            return pick(onsets) + pick(vowels) + pick(ends)
        return "".join(pick(onsets) + pick(vowels) + pick(ends) for _ in range(syllables))

    def word(self, language):
        """A word of a language."""
        known = self.lists.get(language)
        if language == "en":
            if not known or self.rng.random() < 0.45:
                return COMMON[self.rng.integers(len(COMMON))]
            return known[self.rng.integers(len(known))]
        if known and self.rng.random() < 0.6:
            return known[self.rng.integers(len(known))]
        return self.made_up(language)

    def sentence(self, language):
        """Some words, with a comma now and then."""
        words = [self.word(language) for _ in range(self.rng.integers(3, 11))]
        if len(words) > 5 and self.rng.random() < 0.4 and language != "ja":
            words[len(words) // 2] += ","
        return ("" if language == "ja" else " ").join(words) + ("。" if language == "ja" else ".")
