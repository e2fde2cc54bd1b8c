# SPDX-License-Identifier: MPL-2.0
"""Who speaks: the synthesisers, each with the phones that it says when.

eSpeak NG and Flite speak through the engine, as in `ttssrc`. The others are programs; the engine
completes their phones.
"""

import json
import pathlib
import subprocess
import tempfile
import wave

import numpy as np
from scipy.signal import resample_poly

import align
import people

RATE = 16_000
# Where a symbol of a phone set is not what the tables say it is already IPA, or near enough.
RADIO = dict(  # Festival's American phones
    aa="ɑː", ae="æ", ah="ʌ", ao="ɔː", aw="aʊ", ax="ə", axr="ɚ", ay="aɪ", ch="tʃ", dh="ð", dx="ɾ", eh="ɛ",
    el="l̩", em="m̩", en="n̩", er="ɝ", ey="eɪ", g="ɡ", hh="h", hv="h", ih="ɪ", iy="iː", jh="dʒ", ng="ŋ", nx="n",
    ow="oʊ", oy="ɔɪ", r="ɹ", sh="ʃ", th="θ", uh="ʊ", uw="uː", y="j", zh="ʒ", pau="", brth="")
ITALIAN = dict(E="ɛ", O="ɔ", S="ʃ", Z="ʒ", ts="ts", tS="tʃ", dz="dz", dZ="dʒ", J="ɲ", ng="ŋ", nf="ɱ", L="ʎ",
               i1="ˈi", e1="ˈe", E1="ˈɛ", a1="ˈa", o1="ˈo", O1="ˈɔ", u1="ˈu")
CATALAN = dict(ITALIAN, ax="ə", rr="r", Z="ʒ", z="z", pau="")
CZECH = {"c": "ts", "c~": "tʃ", "ch": "x", "d~": "ɟ", "dz": "dz", "dz~": "dʒ", "h": "ɦ", "n*": "ŋ", "n~": "ɲ",
         "r~": "r̝", "r~*": "r̝̊", "s~": "ʃ", "t~": "c", "z~": "ʒ", "_": ""}
FINNISH = {"@": "ə", "7": "ø", "&": "æ", "S": "ʃ", "N": "ŋ", "L": "l", "Z": "ʒ", "T": "t", "D": "d", "##": ""}
RUSSIAN = dict(pau="", ii="ˈi", yy="ˈɨ", uu="ˈu", ee="ˈe", oo="ˈo", aa="ˈa", y="ɨ", ae="ɐ", ay="ɪ", ur="ʊ",
               pp="pʲ", bb="bʲ", tt="tʲ", dd="dʲ", kk="kʲ", gg="ɡʲ", g="ɡ", c="ts", ch="tɕ", ff="fʲ", vv="vʲ",
               ss="sʲ", zz="zʲ", sh="ʂ", sch="ɕ", zh="ʐ", h="x", hh="xʲ", mm="mʲ", nn="nʲ", ll="lʲ", rr="rʲ")
INDIAN = {"pau": "", "@": "ə", "aa": "ɑː", "a": "ə", "ih": "ɪ", "iy": "iː", "uh": "ʊ", "uw": "uː", "eh": "ɛ", "ee": "eː",
          "ay": "aɪ", "oh": "o", "oo": "oː", "aw": "aʊ", "g": "ɡ", "ch": "tʃ", "T": "ʈ", "D": "ɖ", "N": "ɳ", "th": "t̪",
          "dh": "d̪", "y": "j", "v": "ʋ", "L": "ɭ", "R": "ɽ", "sh": "ʃ", "j": "dʒ", "ksh": "kʃ", "sri": "ʃ", "kh": "kʰ",
          "gh": "ɡʱ", "td": "ʈʰ", "tth": "t̪ʰ", "ddh": "ɖʱ", "bh": "bʱ", "zh": "ʒ", "r": "r"}
JAPANESE = dict(sil="", pau="", cl="t", N="n", U="ɯ", u="ɯ", I="i", A="a", E="e", O="o", sh="ɕ", ch="tɕ", ts="ts",
                j="dʑ", y="j", f="ɸ", r="ɾ", g="ɡ", ny="nʲ", my="mʲ", by="bʲ", py="pʲ", ky="kʲ", gy="ɡʲ", hy="ç",
                ry="ɾʲ", ty="tʲ", dy="dʲ", v="v")

# Festival's voice: its language here, its phones, the encoding of its text.
FESTIVAL = {
    "kal_diphone": ("en", RADIO, "ascii"),
    "ked_diphone": ("en", RADIO, "ascii"),
    "cmu_us_slt_arctic_hts": ("en", RADIO, "ascii"),
    "lp_diphone": ("it", ITALIAN, "latin-1"),
    "pc_diphone": ("it", ITALIAN, "latin-1"),
    "upc_ca_ona_hts": ("ca", CATALAN, "latin-1"),
    "msu_ru_nsh_clunits": ("ru", RUSSIAN, "utf-8"),
    "czech_dita": ("cs", CZECH, "iso8859-2"),
    "czech_machac": ("cs", CZECH, "iso8859-2"),
    "czech_ph": ("cs", CZECH, "iso8859-2"),
    "czech_krb": ("cs", CZECH, "iso8859-2"),
    "suo_fi_lj_diphone": ("fi", FINNISH, "latin-1"),
    "hy_fi_mv_diphone": ("fi", FINNISH, "latin-1"),
    "hindi_NSK_diphone": ("hi", INDIAN, "utf-8"),
    "telugu_NSK_diphone": ("te", INDIAN, "utf-8"),
    "marathi_NSK_diphone": ("hi", INDIAN, "utf-8"),
}
FLITE = ["slt", "rms", "awb", "kal16"]
ESPEAK = """en-us en-gb en-gb-scotland de nl sv fr fr-be es es-419 it pt pt-br ca ro pl cs ru uk el hu tr fi id sw vi
hi bn ta ar ka ja cmn""".split()
# Shares in what is learnt from: people, those who read and who play in English, synthesisers that speak it, and sounds
# without speech. What is left is of synthesisers in other languages.
SHARES = {"people": 0.30, "people, reading English": 0.12, "people, playing in English": 0.13, "English": 0.16,
          "none": 0.13}
ENGLISH = ("people:en-", "flite:", "espeak:en-", "festival:kal_", "festival:ked_", "festival:cmu_us_")
# Clips of synthesisers from which the search for phones in recordings begins.
ALIGNED_BY = 600
VARIANTS = "m1 m2 m3 m4 m5 m6 m7 f1 f2 f3 f4 f5 klatt klatt2 klatt3 Andy Annie Denis Michael Gene".split()


def family(voice):
    """The synthesiser of a voice, for leaving one out."""
    return voice.split(":")[0]


def group(voice):
    """Which of SHARES a voice has its part of."""
    of, english = family(voice), voice.startswith(ENGLISH)
    if of == "people":
        if voice == f"people:{people.BOOK[0]}":
            return "people, reading English"
        return "people, playing in English" if english else "people"
    return "English" if english else of


def weights(speakers, lengths):
    """How often a stretch of so many frames is to be learnt from, so that SHARES hold."""
    groups = np.array([group(s) for s in speakers])
    often = np.ones(len(speakers))
    given = {name: share for name, share in SHARES.items() if (groups == name).any()}
    others = ~np.isin(groups, list(given))
    for name, share in given.items():
        own = groups == name
        often[own] = share / (1 - sum(given.values())) * np.sum(lengths[others]) / np.sum(lengths[own])
    return often


def ipa(symbol, table):
    """A phone's symbol in IPA."""
    if symbol in table:
        return table[symbol]
    if symbol == "#":
        return ""
    if symbol.endswith(":"):
        return ipa(symbol[:-1], table) + "ː"
    return symbol


def read_wav(path):
    """A 16-bit file at 16 kHz."""
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype("f4") / 32768
    if rate != RATE:
        common = np.gcd(rate, RATE)
        samples = resample_poly(samples, RATE // common, rate // common).astype("f4")
    return samples


FESTIVAL_SCRIPT = """
(voice_{voice})
(Parameter.set 'Duration_Stretch {stretch})
(define (tell text name)
  (let ((utt (eval (list 'Utterance 'Text text))))
    (unwind-protect
      (begin
        (utt.synth utt)
        (utt.save.wave utt (string-append name ".wav") 'riff)
        (let ((file (fopen (string-append name ".lab") "w")))
          (mapcar (lambda (s) (format file "%s %f %s\\n" (item.name s) (item.feat s 'end)
                                      (item.feat s 'R:SylStructure.parent.stress)))
                  (utt.relation.items utt 'Segment))
          (fclose file)))
      nil)))
{lines}
"""


def festival(voice, sentences, stretch, folder):
    """Lets a voice of Festival speak; yields samples and phones [ipa, start, end]."""
    _, table, encoding = FESTIVAL[voice]
    lines = []
    for i, text in enumerate(sentences):
        text = text.encode(encoding, "ignore").decode(encoding)
        lines.append(f'(tell "{text}" "{folder}/{i}")')
    script = folder / "say.scm"
    script.write_bytes(FESTIVAL_SCRIPT.format(voice=voice, stretch=stretch, lines="\n".join(lines)).encode(encoding))
    try:
        subprocess.run(["festival", "-b", str(script)], capture_output=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pass
    for i in range(len(sentences)):
        sound, labels = folder / f"{i}.wav", folder / f"{i}.lab"
        if not sound.exists() or not labels.exists() or sound.stat().st_size < 4000:
            continue
        phones, start = [], 0.0
        for line in labels.read_text(encoding="latin-1").splitlines():
            name, end, stress = line.split()
            symbol = ipa(name, table)
            if stress == "1" and table is RADIO and symbol and symbol[0] in "ɑæʌɔaəɚɛɝeɪioʊu":
                symbol = "ˈ" + symbol
            phones.append((symbol, start, float(end), None))
            start = float(end)
        if len(phones) > 3:
            yield read_wav(sound), phones


def open_jtalk(sentences, rng, folder, voice_file):
    """Lets Open JTalk speak."""
    dictionary = "/var/lib/mecab/dic/open-jtalk/naist-jdic"
    for text in sentences:
        sound, trace = folder / "a.wav", folder / "a.txt"
        subprocess.run(["open_jtalk", "-x", dictionary, "-m", voice_file, "-r", f"{rng.uniform(0.8, 1.3):.2f}",
                        "-a", f"{rng.uniform(0.4, 0.62):.2f}", "-fm", f"{rng.uniform(-8, 4):.1f}",
                        "-ow", sound, "-ot", trace], input=text.encode(), check=True, capture_output=True)
        phones = []
        told = trace.read_text(encoding="utf-8", errors="ignore").split("[Output label]")[-1]
        for line in told.splitlines():
            fields = line.split()
            if len(fields) >= 3 and fields[0].isdigit() and "-" in fields[2]:
                name = fields[2].split("-")[1].split("+")[0]
                phones.append((ipa(name, JAPANESE), int(fields[0]) / 1e7, int(fields[1]) / 1e7, None))
        if len(phones) > 3:
            yield read_wav(sound), phones


class Corpus:
    """Collects clips in a folder: sounds, and what is said in them."""

    def __init__(self, folder, engine, words, rng):
        self.folder, self.engine, self.words, self.rng = folder, engine, words, rng
        self.clips = []
        folder.mkdir(parents=True, exist_ok=True)

    def ask(self, command, tasks):
        """What the engine answers to tasks."""
        done = subprocess.run([self.engine, command], input="\n".join(map(json.dumps, tasks)), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def name(self, voice, i):
        return str(self.folder / f"{voice.replace(':', '-').replace('+', '_')}-{i}.f32")

    def seconds(self):
        return sum(clip["seconds"] for clip in self.clips)

    def keep(self, answers, voices):
        """Adds what is fit to be learnt from."""
        for answer in answers:
            if 0.4 < answer["seconds"] < 30:
                self.clips.append(dict(answer, voice=voices[answer["sound"]]))

    def by_engine(self, voice, language, sentences):
        """Voices of the engine: flite:slt, espeak:de+f2."""
        tasks, voices = [], {}
        for i in range(sentences):
            sound = self.name(voice, i)
            voices[sound] = voice
            tasks.append(dict(sound=sound, voice=voice, text=self.words.sentence(language),
                              rate=round(float(self.rng.uniform(0.75, 1.35)), 3),
                              pitch=round(float(self.rng.uniform(-4, 4)), 2)))
        self.keep(self.ask("speak", tasks), voices)

    def by_others(self, voice, spoken):
        """Voices of other programs."""
        tasks, voices = [], {}
        for i, (samples, phones) in enumerate(spoken):
            sound = self.name(voice, i)
            voices[sound] = voice
            peak = np.abs(samples).max()
            if peak < 0.01:
                continue
            (samples * (0.5 / peak)).astype("<f4").tofile(sound)
            tasks.append(dict(sound=sound, phones=phones))
        if tasks:
            self.keep(self.ask("shut", tasks), voices)


def make(folder, engine, words, rng, minutes, open_jtalk_voice, recordings, minutes_each):
    """Speaks about `minutes`, at least half of them with voices built on recordings; then come
    recordings of people, `minutes_each` of every speaker."""
    corpus = Corpus(pathlib.Path(folder), engine, words, rng)

    def log(what, before):
        print(f"{what:32} {corpus.seconds() / 60 - before:6.1f} min", flush=True)

    counts = {}
    for voice, share in zip(FLITE, (0.09, 0.09, 0.09, 0.05)):
        sentences = max(4, int(share * minutes * 60 / 3.0))
        before = corpus.seconds() / 60
        corpus.by_engine(f"flite:{voice}", "en", sentences)
        log(f"flite:{voice}", before)
    for voice, (language, _, _) in FESTIVAL.items():
        share = 0.03 if language == "en" else 0.022
        before = corpus.seconds() / 60
        spoken = []
        for part in range(2):
            with tempfile.TemporaryDirectory() as temporary:
                sentences = [words.sentence(language) for _ in range(max(2, int(share * minutes * 60 / 3.6 / 2)))]
                stretch = round(float(rng.uniform(0.75, 1.3)), 2)
                spoken += list(festival(voice, sentences, stretch, pathlib.Path(temporary)))
        corpus.by_others(f"festival:{voice}", spoken)
        log(f"festival:{voice}", before)
    if open_jtalk_voice:
        before = corpus.seconds() / 60
        with tempfile.TemporaryDirectory() as temporary:
            sentences = [words.sentence("ja") for _ in range(int(0.05 * minutes * 60 / 3.5))]
            corpus.by_others("open_jtalk:mei", open_jtalk(sentences, rng, pathlib.Path(temporary), open_jtalk_voice))
        log("open_jtalk:mei", before)
    before = corpus.seconds() / 60
    recorded = corpus.seconds() / 60
    each = 6
    while corpus.seconds() / 60 - before < min(0.42 * minutes, 0.9 * recorded):
        language = ESPEAK[rng.integers(len(ESPEAK))] if rng.random() < 0.8 else "en-us"
        variant = VARIANTS[rng.integers(len(VARIANTS))] if rng.random() < 0.85 else ""
        voice = f"espeak:{'cmn-latn-pinyin' if language == 'cmn' else language}{'+' + variant if variant else ''}"
        number = counts[voice] = counts.get(voice, 0) + 1
        if number > 1:
            continue
        corpus.by_engine(voice, language.split("-")[0], each if language[:2] != "en" else 2 * each)
    log("espeak", before)
    known = [corpus.clips[i] for i in rng.permutation(len(corpus.clips))[:ALIGNED_BY]]
    for speaker, spoken in people.speech(recordings, align.from_clips(known), minutes_each, rng):
        before = corpus.seconds() / 60
        corpus.by_others(f"people:{speaker}", spoken)
        log(f"people:{speaker}", before)
    return corpus.clips
