# SPDX-License-Identifier: MPL-2.0
"""The model card, from the figures."""

import evaluate
import left_out
import network
import voices

NAMES = dict(signal="signal articulator")
NAMED = {"people": "people who do not speak English", "people, reading English": "somebody who reads it",
         "people, playing in English": "actors who play in it", "English": "synthesisers that speak it", "none": "no speech"}


def named(name):
    return NAMES.get(name) or f"network, {int(name[6:-2])} ms"


def figures(t):
    """A row of the tables. Where no f or v was made none was right or wrong."""
    tucked = f"{t['tucked_precision']:.2f}" if t["tucked_recall"] else "–"
    return (f"{t['recordings']} | {t['openness']:.3f} | {t['worst']:.2f} | {t['events']} | {t['recall']:.2f} | "
            f"{t['precision']:.2f} | {t['f1']:.2f} | {t['tucked']} | {t['tucked_recall']:.2f} | "
            f"{tucked} | {100 * t['shut']:.1f} % |")


HEAD = "recordings | openness | worst | p b m | recall | precision | F1 | f v | recall | precision | vowels shut |\n" \
    + "|---" * 11 + "|"


def people(scores):
    """Scores on people."""
    lines = ["| articulator | speech | " + HEAD.replace("\n", "\n|---|---")]
    for name, parts in scores.items():
        for part, t in parts.items():
            lines.append(f"| {named(name)} | {part} | {figures(t)}")
    return "\n".join(lines)


def alone(scores):
    """Scores on synthesisers that were left out, and what was taken for what."""
    if not scores:
        return "Not measured in this run."
    lines = ["| left out | " + HEAD.replace("\n", "\n|---")]
    lines += [f"| {name} | {figures(t)}" for name, t in scores.items()]
    lines += ["", "What was heard (columns) for what was said (rows), percent of its frames, mean of these trainings:", "",
              "| | " + " | ".join(evaluate.VISEMES) + " |", "|---" * 16 + "|"]
    for i, viseme in enumerate(evaluate.VISEMES):
        row = [sum(t["confusion"][i][j] for t in scores.values()) / len(scores) for j in range(15)]
        lines.append(f"| **{viseme}** | " + " | ".join(f"{100 * v:.0f}" if v >= 0.005 else "" for v in row) + " |")
    return "\n".join(lines)


def at_rest(rests):
    """How open the mouth is where nobody speaks."""
    kinds = list(next(iter(rests.values())))
    lines = ["| articulator | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for name, by_kind in rests.items():
        cells = (f"{100 * by_kind[k][0]:.0f} %, {by_kind[k][1]:.3f}" for k in kinds)
        lines.append(f"| {named(name)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def actors(clips):
    """How many characters of the English game are heard, and for how long."""
    own = [c for c in clips if voices.group(c["voice"]) == "people, playing in English"]
    return f"{len({c['voice'] for c in own})} characters, {sum(c['seconds'] for c in own) / 60:.0f} minutes"


def learnt_from(args, clips):
    """Whom and how long it heard."""
    def minutes(people):
        return sum(c["seconds"] for c in clips if (voices.family(c["voice"]) == "people") == people) / 60

    return f"""- **Trained on** {minutes(False):.0f} minutes of synthetic speech and {minutes(True):.0f} of recordings of people, \
{args.copies} times spoilt,
  {args.train_steps} steps of {args.batch} stretches of 3.6 s, seed {args.seed}; the mean of {network.MEMBERS} networks that differ by seed. Of these
  {shares()}.{args.note}
- **People** who are learnt from, out of Debian's packages, with the texts in them: telephone prompts by June Wallack
  in French (`asterisk-core-sounds-fr-g722`, CC BY-SA 3.0), by Carlo Flora in Italian (`-it-g722`, CC BY 3.0)
  and by ivrvoice.ru in Russian (`-ru-g722`, CC BY 3.0); the dialogues of the game Fish Fillets by its actors in
  Czech and Dutch (`fillets-ng-data-cs`, `-nl`, GPL 2). In English, out of the tests of a package of the Python package
  index, Linda Johnson, who reads a book for LibriVox: the first sentences of LJ Speech, in the public domain; and
  the actors of the game Flight of the Amazon Queen, {actors(clips)} (`flight-of-the-amazon-queen`, by John
  Passfield and Steven Stamatiadis; the game may be passed on and changed, but not sold by itself).
  No sound of theirs is in the file or in the tree. Their phones are eSpeak NG's, found in the sound by
  `training/align.py`; in English PocketSphinx's, of actors where the two agree (`training/agree.py`). Nobody
  has listened to check them all. Nobody whom it is judged by is among them."""


def shares():
    """What the stretches are of."""
    told = [f"{100 * share:.0f} % are of {NAMED[name]}" for name, share in voices.SHARES.items()]
    return ", ".join(told) + f", and {100 * (1 - sum(voices.SHARES.values())):.0f} % of other synthesisers"


def spread(seeds):
    """What each of the networks is worth by itself."""
    lines = ["Each of the networks by itself, trained likewise on the same frames from a seed of its own, at 80 ms:", "",
             "| seed | speech | " + HEAD.replace("\n", "\n|---|---")]
    for seed, parts in seeds.items():
        lines += [f"| {seed} | {part} | {figures(t)}" for part, t in parts.items()]
    return "\n".join(lines)


def text(args, scores, rests, without, seeds, clips):
    """All of the card."""
    return f"""# Model card: assets/articulation.onnx

Made by `make train`; do not edit. What it is for and how it was trained: `docs/articulation.md`.

- **Input** `mel` [1, 2, 40]: two frames of log-mel bands, 10 ms apart, after the streaming normaliser; and
  states that the graph gives back. **Outputs** `mouth_NNms` [1, 2, 7]: jaw, wide, round, upper, closure,
  lip_teeth, tongue of the frames NN ms before. {args.model.stat().st_size // 1000} kB, opset 17.
{learnt_from(args, clips)}
- **Not for** finding out what is said, or who speaks.

## On people

Recorded English prompts of one woman (Debian's `asterisk-core-sounds-en-g722`), and a few sentences of four other
people (`pocketsphinx-testdata`: from a book, names of cards, digits, a command), both with their text, aligned by
PocketSphinx. p, b or m is hit when the aperture falls below 0.03 eye distances within the phone ±40 ms; shut without
one, outside of pauses, is false. f or v is hit when the lower lip is shown at the teeth within as much. The network
is judged as it runs live, by `NetworkArticulator`. Openness is the correlation of the aperture with the phones'
nominal one, smoothed by 30 ms; its mean counts each second alike, "worst" is of recordings of at least 2 s.
Vowels: open ones of at least 80 ms that are shut in their middle half.

{people(scores)}

The decoder's thresholds were chosen on the first half of the prompts. Both halves were in view while ways of
training were compared (docs/articulation.md), so the second is held out from the thresholds only. The other people
were first heard when an earlier network was done; since then two were refused for what they do with them.

{spread(seeds)}

## Leaving one synthesiser out

Trained shorter ({left_out.steps(args.train_steps)} steps) without one synthesiser, judged by it, spoilt as in training.

{alone(without)}

## At rest

Share of the frames with the mouth open by more than 0.03 eye distances, and the mean aperture, over sounds
without speech. A sung vowel opens it: it is speech.

{at_rest(rests)}
"""
