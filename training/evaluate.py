# SPDX-License-Identifier: MPL-2.0
"""How well the mouth follows speech whose phones are known."""

import json
import pathlib
import subprocess
import tempfile
import zlib

import numpy as np
from scipy.ndimage import gaussian_filter1d

import judge

# The nominal mouth of each of the CMU dictionary's phones: jaw and upper lip of its viseme.
NOMINAL = dict(
    SIL=(0, 0), P=(0, 0), B=(0, 0), M=(0, 0), F=(0.08, 0.15), V=(0.08, 0.15), TH=(0.2, 0.05), DH=(0.2, 0.05),
    T=(0.2, 0.05), D=(0.2, 0.05), K=(0.25, 0), G=(0.25, 0), NG=(0.25, 0), HH=(0.25, 0), CH=(0.22, 0.1),
    JH=(0.22, 0.1), SH=(0.22, 0.1), ZH=(0.22, 0.1), S=(0.12, 0.1), Z=(0.12, 0.1), N=(0.22, 0.05), L=(0.22, 0.05),
    R=(0.25, 0), ER=(0.25, 0), AA=(0.62, 0.1), AE=(0.62, 0.1), AH=(0.62, 0.1), AW=(0.62, 0.1), AY=(0.62, 0.1),
    EH=(0.42, 0.1), EY=(0.42, 0.1), IH=(0.24, 0.1), IY=(0.24, 0.1), Y=(0.24, 0.1), AO=(0.45, 0), OW=(0.45, 0),
    OY=(0.45, 0), UH=(0.2, 0), UW=(0.2, 0), W=(0.2, 0))
# The same of the visemes, for speech whose truth is known.
VISEMES = "sil PP FF TH DD kk CH SS nn RR aa E I O U".split()
NOMINAL |= dict(PP=(0, 0), FF=(0.08, 0.15), DD=(0.2, 0.05), kk=(0.25, 0), SS=(0.12, 0.1), nn=(0.22, 0.05),
                RR=(0.25, 0), aa=(0.62, 0.1), E=(0.42, 0.1), I=(0.24, 0.1), O=(0.45, 0), U=(0.2, 0))
LABIAL = {"P", "B", "M", "PP"}
LABIODENTAL = {"F", "V", "FF"}
OPEN = {"AA", "AE", "AH", "AO", "AW", "AY", "EH", "EY", "OW", "OY", "aa", "E", "O"}
SHUT = 0.03
# What is shown of a lip at the teeth, 0-1, from which on it is seen there.
TUCKED = 0.5
SLACK = 0.04


def aperture(mouths):
    """As `Mouth::aperture`, in IOD."""
    return (0.33 * mouths[:, 0] + 0.05 * mouths[:, 3]) * (1 - mouths[:, 4])


def runs(condition):
    """From where to where it holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], condition.astype(int), [0]])))
    return edges.reshape(-1, 2)


def plain(name):
    return "SIL" if name in ("sil", "<s>", "</s>", "<sil>", "SIL", "[NOISE]", "+NSN+", "+SPN+") else name


def contacts(shown, time, phones, wanted, excused):
    """Counts of contacts that are shown, frame by frame, against those of the phones that want one; near one
    that is excused none is false."""
    result = dict(events=0, hits=0, false=0, wrong={})
    for name, a, b in phones:
        if name in wanted:
            result["events"] += 1
            result["hits"] += bool(shown[(time >= a - SLACK) & (time <= b + SLACK)].any())
    for start, end in runs(shown):
        a, b = start / 100 - SLACK, (end - 1) / 100 + SLACK
        near = [p for p in phones if p[2] > a and p[1] < b]
        # Before the first phone and behind the last there is silence.
        if not near or any(p[0] in excused for p in near) or a < phones[0][1] or b > phones[-1][2]:
            continue
        result["false"] += 1
        middle = (start + end - 1) / 200
        name = min(near, key=lambda p: max(p[1] - middle, middle - p[2]))[0]
        result["wrong"][name] = result["wrong"].get(name, 0) + 1
    return result


def score(mouths, phones, offset=0.0):
    """Counts and the correlation for one recording. `offset` is added to the phones' times."""
    phones = [(plain(n), a + offset, b + offset) for n, a, b in phones]
    n = min(len(mouths), int(phones[-1][2] * 100))
    time = np.arange(n) / 100
    shown = aperture(mouths)[:n]
    nominal = np.zeros(n)
    known = np.ones(n, bool)
    for name, a, b in phones:
        if name == "?":
            known[(time >= a) & (time < b)] = False
            continue
        jaw, upper = NOMINAL[name]
        nominal[(time >= a) & (time < b)] = 0.33 * jaw + 0.05 * upper
    nominal = gaussian_filter1d(nominal, 3)
    known[: max(0, int(phones[0][1] * 100))] = False
    result = dict(vowels=0, shut=0, seconds=n / 100)
    with np.errstate(invalid="ignore"):
        result["openness"] = float(np.nan_to_num(np.corrcoef(shown[known], nominal[known])[0, 1]))
    shutness = shown < SHUT
    # Lips may be shut in a pause.
    result |= contacts(shutness, time, phones, LABIAL, LABIAL | {"SIL", "?"})
    tucked = contacts(mouths[:n, 5] > TUCKED, time, phones, LABIODENTAL, LABIODENTAL | {"?"})
    result |= {f"tucked_{key}": value for key, value in tucked.items()}
    for name, a, b in phones:
        if name in OPEN and b - a >= 0.08:
            result["vowels"] += 1
            middle = (time >= a + (b - a) / 4) & (time <= b - (b - a) / 4)
            result["shut"] += bool(shutness[middle].any())
    return result


def total(scores):
    """The figures over recordings."""
    add = lambda key: sum(s[key] for s in scores)

    def hit(of=""):
        hits = add(f"{of}hits")
        recall, precision = hits / max(add(f"{of}events"), 1), hits / max(hits + add(f"{of}false"), 1)
        return {f"{of}recall": recall, f"{of}precision": precision,
                f"{of}f1": 2 * recall * precision / max(recall + precision, 1e-9)}

    long = [s["openness"] for s in scores if s["seconds"] >= 2.0]
    wrong = {}
    for s in scores:
        for name, count in s["wrong"].items():
            wrong[name] = wrong.get(name, 0) + count
    return dict(hit() | hit("tucked_"), recordings=len(scores), events=add("events"), tucked=add("tucked_events"),
                openness=float(np.average([s["openness"] for s in scores], weights=[s["seconds"] for s in scores])),
                worst=min(long) if long else float("nan"), below=float(np.mean(np.array(long) < 0.78)) if long else 0.0,
                shut=add("shut") / max(add("vowels"), 1), vowels=add("vowels"),
                wrong=dict(sorted(wrong.items(), key=lambda w: -w[1])[:8]))


def held_out(row):
    """Half of the recordings are not looked at while anything is tuned."""
    return zlib.crc32(row["name"].encode()) % 2 == 1


def ask(engine, command, tasks, *arguments):
    """Lets the engine work on tasks; the rows that it writes."""
    subprocess.run([engine, command, *arguments], input="\n".join(map(json.dumps, tasks)), text=True, check=True)
    return [np.fromfile(t["out"], "<f4") for t in tasks]


def bands_of(engine, rows, folder):
    """The normalised bands of sounds."""
    tasks = [dict(sound=r["sound"], out=f"{folder}/{i}.rows") for i, r in enumerate(rows)]
    return [f.reshape(-1, 48)[:, :40] for f in ask(engine, "frames", tasks)]


def silence(engine):
    """The bands of a silence before anything was heard."""
    with tempfile.TemporaryDirectory() as folder:
        np.zeros(8000, "<f4").tofile(f"{folder}/silence")
        return bands_of(engine, [dict(sound=f"{folder}/silence")], folder)[0][-1]


def decoded(engine, raws, folder):
    """What the decoder makes of the network's rows."""
    tasks = []
    for i, raw in enumerate(raws):
        path = f"{folder}/{i}.raw"
        raw.astype("<f4").tofile(path)
        tasks.append(dict(sound=path, out=f"{folder}/{i}.mouths"))
    return [f.reshape(-1, 7) for f in ask(engine, "decode", tasks)]


def line(name, t):
    return (f"{name:28} n {t['recordings']:3} openness {t['openness']:.3f} worst {t['worst']:.2f} <.78 {t['below']:.2f} | "
            f"events {t['events']} recall {t['recall']:.2f} precision {t['precision']:.2f} F1 {t['f1']:.3f} | "
            f"f v {t['tucked']} recall {t['tucked_recall']:.2f} precision {t['tucked_precision']:.2f} F1 {t['tucked_f1']:.3f} | "
            f"shut vowels {100 * t['shut']:.1f} % | {t['wrong']}")


def listen(engine, rows, folder, network=None, look_ahead=None):
    """The mouths that the signal articulator makes, or a network as it runs live within so many
    milliseconds of look-ahead."""
    tasks = [dict(sound=r["sound"], out=f"{folder}/{i}.mouths") for i, r in enumerate(rows)]
    arguments = [str(network), str(look_ahead)] if network else []
    return [f.reshape(-1, 7) for f in ask(engine, "listen", tasks, *arguments)]


def report(name, mouths, rows):
    """Prints the figures by part of the recordings, and gives them."""
    parts = {"prompts, tuned on": lambda r: r["kind"] == "prompt" and not held_out(r),
             "prompts, held out": lambda r: r["kind"] == "prompt" and held_out(r),
             "other people": lambda r: r["kind"] == "other",
             "recordings of unknown text": lambda r: r["kind"] == "clip"}
    found = {}
    for part, chosen in parts.items():
        scores = [score(m, r["phones"]) for m, r in zip(mouths, rows) if chosen(r)]
        if scores:
            found[part] = total(scores)
            print(line(f"{name} {part}", found[part]), flush=True)
    return found
