# SPDX-License-Identifier: MPL-2.0
"""The judge: what real people say when, by PocketSphinx, aligned on words.

Recorded prompts come with their text (Debian's asterisk-core-sounds-en), and so do the recordings of a few other
people (pocketsphinx-testdata); of any more the words are PocketSphinx's own, which it then aligns. English only.
"""

import gzip
import json
import pathlib
import re
import subprocess

import numpy as np
from G722 import G722
from pocketsphinx import Decoder

RATE = 16_000
PROMPTS = pathlib.Path("/usr/share/asterisk/sounds/en_US_f_Allison")
# Debian's pocketsphinx-testdata: a book that somebody reads, somebody who names cards, and two others.
OTHERS = pathlib.Path("/usr/share/pocketsphinx/test/data")
OTHER_TEXTS = {"goforward": "go forward ten meters", "tidigits/dhd.2934z": "two nine three four zero"}
FIGURES = "zero one two three four five six seven eight nine".split()
# The other keys of a telephone, as the prompts call them.
KEYS = {"#": " pound ", "*": " star "}

# The CMU dictionary's phones in IPA.
IPA = dict(
    AA="ɑː", AE="æ", AH="ʌ", AO="ɔː", AW="aʊ", AY="aɪ", B="b", CH="tʃ", D="d", DH="ð", EH="ɛ",
    ER="ɝ", EY="eɪ", F="f", G="ɡ", HH="h", IH="ɪ", IY="iː", JH="dʒ", K="k", L="l", M="m", N="n",
    NG="ŋ", OW="oʊ", OY="ɔɪ", P="p", R="ɹ", S="s", SH="ʃ", T="t", TH="θ", UH="ʊ", UW="uː", V="v",
    W="w", Y="j", Z="z", ZH="ʒ", SIL="")


def sound(path):
    """A file of any format as 16 kHz mono."""
    path = str(path)
    if path.endswith(".raw"):
        return np.fromfile(path, "<i2").astype("<f4") / 32768
    if path.endswith(".g722"):
        decoded = G722(RATE, 64_000).decode(pathlib.Path(path).read_bytes())
        return np.array(decoded, "<f4") / 32768
    done = subprocess.run(
        ["gst-launch-1.0", "-q", "filesrc", f"location={path}", "!", "decodebin", "!", "audioconvert",
         "!", "audioresample", "!", "audio/x-raw,format=F32LE,rate=16000,channels=1", "!", "fdsink"],
        check=True, capture_output=True, timeout=60)
    return np.frombuffer(done.stdout, "<f4").copy()


def prompt_texts(path):
    """Prompts and what is said in them, as words that the dictionary may know."""
    texts = {}
    for line in gzip.open(path, "rt"):
        name, _, text = line.strip().partition(":")
        if name.startswith(";") or not text or "[" in text or "<" in text or "(" in text:
            continue
        text = re.sub(r"\d", lambda d: f" {FIGURES[int(d[0])]} ", text.lower())
        text = re.sub("[#*]", lambda key: KEYS[key[0]], text)
        texts[name] = " ".join(re.findall(r"[a-z']+", text))
    return texts


def other_texts():
    """Recordings of other people, and what they say."""
    texts = {OTHERS / f"{name}.raw": text for name, text in OTHER_TEXTS.items()}
    for folder, file in (("librivox", "transcription"), ("cards", "cards.transcription")):
        for row in (OTHERS / folder / file).read_text().splitlines():
            text, name = re.fullmatch(r"<s> (.*?) *</s> \((.*)\)", row).groups()
            texts[OTHERS / folder / f"{name}.wav"] = text
    return texts


# What a file of such lines begins with.
HEAD = """# Recordings of people and when their phones sound, by PocketSphinx: "prompt" (of Debian's
# asterisk-core-sounds-en-g722) or "other" (of pocketsphinx-testdata), a name, then for each phone its symbol of the CMU
# dictionary (? where none fits), start and end, hundredths of a second. Made by `sh scripts/train.sh align`.
"""


def line(row):
    """A recording and its phones as the tests read them."""
    phones = (f"{name} {round(a * 100)} {round(b * 100)}" for name, a, b in row["phones"])
    return " ".join([row["kind"], row["name"], *phones])


class Judge:
    """Aligns words with speech."""

    def __init__(self):
        self.decoder = Decoder(loglevel="FATAL", lw=6.5)

    def _run(self, samples):
        pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        self.decoder.start_utt()
        self.decoder.process_raw(pcm, full_utt=True)
        self.decoder.end_utt()

    def words(self, samples):
        """What PocketSphinx hears."""
        self.decoder.activate_search("_default")
        self._run(samples)
        hypothesis = self.decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""

    def phones(self, samples, text):
        """Phones as [symbol of the CMU dictionary, start, end] in seconds; None where the words
        do not fit the sound."""
        words = text.split()
        if not words or any(self.decoder.lookup_word(w) is None for w in words):
            return None
        try:
            self.decoder.set_align_text(" ".join(words))
            self._run(samples)
        except RuntimeError:
            return None
        if not self.decoder.hyp():
            return None
        said = [(s.word, s.start_frame, s.end_frame + 1) for s in self.decoder.seg()]
        try:
            self.decoder.set_alignment()
            self._run(samples)
            return [[p.name, p.start / 100, (p.start + p.duration) / 100]
                    for word in self.decoder.get_alignment() for p in word]
        except RuntimeError:
            return self._halves(samples, said)

    def _halves(self, samples, said):
        """The same of the two halves, between words; where it does not fit them either, "?"."""
        spoken = [i for i, (w, _, _) in enumerate(said) if not w.startswith(("<", "["))]
        if len(spoken) < 2:
            return [["?", 0.0, len(samples) / RATE]]
        at = spoken[len(spoken) // 2]
        border = said[at][1] * 160
        found = []
        for part, words, start in ((samples[:border], said[:at], 0), (samples[border:], said[at:], border)):
            text = " ".join(w.split("(")[0] for w, _, _ in words if not w.startswith(("<", "[")))
            own = self.phones(part, text) or [["?", 0.0, len(part) / RATE]]
            found += [[n, a + start / RATE, b + start / RATE] for n, a, b in own]
        return found


def pieces(samples, longest=6.0):
    """Where to cut a recording: at its quietest places, until no piece is longer."""
    frames = len(samples) // 160
    power = (samples[: frames * 160].reshape(-1, 160).astype("f8") ** 2).mean(1)
    power = np.convolve(power, np.ones(12) / 12, "same")

    def cut(a, b):
        if b - a <= longest * 100:
            return [(a, b)]
        quarter = (b - a) // 4
        at = a + quarter + int(np.argmin(power[a + quarter:b - quarter]))
        return cut(a, at) + cut(at, b)

    return [(a * 160, b * 160) for a, b in cut(0, frames)]


def heard(judge, samples):
    """Words and phones of a recording of unknown text, piece by piece; "?" where they do not fit."""
    said, phones = [], []
    for a, b in pieces(samples):
        piece = samples[a:b]
        text = " ".join(w for w in judge.words(piece).split() if "<" not in w and "[" not in w)
        text = " ".join(w.split("(")[0] for w in text.split())
        own = judge.phones(piece, text) if text else None
        if own is None:
            own = [["?", 0.0, (b - a) / RATE]]
        said.append(text)
        phones += [[n, s + a / RATE, e + a / RATE] for n, s, e in own]
    return " | ".join(said), phones


def main(folder, texts_file, recordings):
    """Writes judged.json: recordings with the phones that are heard in them."""
    folder.mkdir(parents=True, exist_ok=True)
    judge = Judge()
    rows = []

    def add(name, kind, samples, text, phones):
        file = folder / (name.replace("/", "_") + ".f32")
        samples.astype("<f4").tofile(file)
        rows.append(dict(name=name, kind=kind, sound=str(file), text=text, phones=phones))

    for name, text in sorted(prompt_texts(texts_file).items()):
        path = PROMPTS / f"{name}.g722"
        if path.exists() and len(text.split()) >= 3:
            samples = sound(path)
            phones = judge.phones(samples, text)
            if phones is not None:
                add(name, "prompt", samples, text, phones)
    for path, text in sorted(other_texts().items()):
        samples = sound(path)
        phones = judge.phones(samples, text)
        if phones is not None:
            add(str(path.relative_to(OTHERS).with_suffix("")), "other", samples, text, phones)
    for path in recordings:
        samples = sound(path)
        text, phones = heard(judge, samples)
        print(pathlib.Path(path).stem, text)
        add(pathlib.Path(path).stem, "clip", samples, text, phones)
    (folder / "judged.json").write_text(json.dumps(rows))
    labial = sum(p[0] in "PBM" for r in rows for p in r["phones"])
    print(f"{len(rows)} recordings, {labial} p b m, {sum(r['phones'][-1][2] for r in rows):.0f} s")
