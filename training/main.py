# SPDX-License-Identifier: MPL-2.0
"""The whole of training, step by step. What a step makes lies in .cache/articulation for the next."""

import argparse
import json
import os
import pathlib
import tempfile
import time

import numpy as np
import onnxruntime

import card
import dataset
import evaluate
import export
import judge
import left_out
import network
import rest
import train
import voices
import words

TOP = pathlib.Path(__file__).resolve().parent.parent
# What the tests judge by.
HEARD = TOP / "gst/tests/people.txt"
# What is listened to unless `look-ahead` asks for another, frames.
DEFAULT_AHEAD = 8
# The network is judged in the runtime that training brings along.
RUNTIME = sorted((pathlib.Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"))[0]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"all unless named: {' '.join(STEPS)}")
    parser.add_argument("--folder", type=pathlib.Path, default=TOP / ".cache/articulation")
    parser.add_argument("--engine", default=str(TOP / "target/release/examples/training"))
    parser.add_argument("--japanese", default=str(TOP / ".cache/mei_normal.htsvoice"))
    parser.add_argument("--minutes", type=float, default=70, help="of synthesisers")
    parser.add_argument("--minutes-each", type=float, default=10, help="of every speaker on recordings")
    parser.add_argument("--people", type=pathlib.Path, default=TOP / ".cache/people")
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--train-steps", type=int, default=8400)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--model", type=pathlib.Path, default=TOP / "assets/articulation.onnx")
    parser.add_argument("--texts", type=pathlib.Path,
                        default=TOP / ".cache/prompts/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
    parser.add_argument("--recordings", nargs="*", default=[], help="English speech of unknown text to judge by as well")
    parser.add_argument("--note", default="", help="a sentence for the card")
    args = parser.parse_args()
    if unknown := set(args.steps) - set(STEPS):
        parser.error(f"there is no step {' '.join(unknown)}")
    return args


def corpus(args):
    """Speaks."""
    rng = np.random.default_rng(args.seed)
    clips = voices.make(args.folder / "sounds", args.engine, words.Words(rng), rng, args.minutes, args.japanese,
                        args.people, args.minutes_each)
    (args.folder / "clips.json").write_text(json.dumps(clips))


def frames(args):
    """Spoils and listens."""
    clips = json.loads((args.folder / "clips.json").read_text())
    begun = time.time()
    rows, starts, of = dataset.make(clips, args.folder / "stretches", args.engine, args.seed, args.copies)
    print(f"{len(starts) - 1} stretches, {len(rows) / 6000:.0f} min, {time.time() - begun:.0f} s")
    np.save(args.folder / "rows.npy", rows)
    (args.folder / "stretches.json").write_text(json.dumps(dict(starts=starts.tolist(), voices=of)))


def stretches(args):
    """What `frames` made, with what is to be learnt."""
    told = json.loads((args.folder / "stretches.json").read_text())
    starts = np.array(told["starts"])
    return train.with_targets(np.load(args.folder / "rows.npy"), starts), starts, told["voices"]


def learn(args):
    """Trains and exports."""
    rows, starts, of = stretches(args)
    often = voices.weights(of, np.diff(starts))
    members = []
    for k in range(network.MEMBERS):
        members.append(train.train(rows, starts, often, network.seed(args.seed, k), args.train_steps, args.batch))
        np.savez(args.folder / f"weights{k}.npz", **members[k])
    families = sorted({voices.family(v) for v in of} - {"none"})
    export.write(members, str(args.model), network.CHUNK, dict(
        model_name="gst-sonic articulation", trained_on=", ".join(families)),
        evaluate.silence(args.engine))
    print(args.model, args.model.stat().st_size, "bytes")


def leave_out(args):
    """Trains without one synthesiser after the other, each time judging by the one left out."""
    scores = left_out.scores(args.engine, *stretches(args), args.seed, left_out.steps(args.train_steps), args.batch)
    (args.folder / "left_out.json").write_text(json.dumps(scores))


def align(args):
    """Finds out what people say when; of those by whom no threshold is chosen, for the tests as well."""
    judge.main(args.folder / "people", args.texts, args.recordings)
    people = json.loads((args.folder / "people/judged.json").read_text())
    kept = (row for row in people if row["kind"] == "other" or row["kind"] == "prompt" and evaluate.held_out(row))
    lines = [judge.line(row) for row in kept]
    HEARD.write_text(judge.HEAD + "\n".join(lines) + "\n")


def read(file):
    """What an earlier step left, if it has run."""
    return json.loads(file.read_text()) if file.exists() else {}


def alone(args, people, folder):
    """The scores on people of each of the networks by itself, by its seed."""
    found = {}
    for k in range(network.MEMBERS):
        weights, model = dict(np.load(args.folder / f"weights{k}.npz")), f"{folder}/{k}.onnx"
        export.write([weights], model, network.CHUNK, dict(model_name=f"seed {k}"), evaluate.silence(args.engine))
        mouths = evaluate.listen(args.engine, people, folder, model, DEFAULT_AHEAD * 10 + network.WAITING)
        seed = network.seed(args.seed, k)
        found[seed] = evaluate.report(f"seed {seed}", mouths, people)
    return found


def judged(args):
    """Scores on people, and at rest; writes the card."""
    people = json.loads((args.folder / "people/judged.json").read_text())
    listeners = {"signal": ()} | {f"mouth_{ahead * 10}ms": (args.model, ahead * 10 + network.WAITING)
                                  for ahead in network.LOOK_AHEADS}
    scores, rests = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        quiet = rest.sounds(folder)
        for name, listener in listeners.items():
            scores[name] = evaluate.report(name, evaluate.listen(args.engine, people, folder, *listener), people)
            rests[name] = rest.table(quiet, evaluate.listen(args.engine, quiet, folder, *listener))
            print(name, {k: f"{100 * v[0]:.0f} % {v[1]:.3f}" for k, v in rests[name].items()})
        seeds = alone(args, people, folder)
    clips = json.loads((args.folder / "clips.json").read_text())
    text = card.text(args, scores, rests, read(args.folder / "left_out.json"), seeds, clips)
    (TOP / "training/MODEL_CARD.md").write_text(text)


STEPS = dict(corpus=corpus, frames=frames, train=learn, leave_out=leave_out, align=align, judge=judged)

if __name__ == "__main__":
    os.environ["ORT_DYLIB_PATH"] = str(RUNTIME)
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    for step in given.steps or STEPS:
        begun = time.time()
        STEPS[step](given)
        print(f"{step}: {time.time() - begun:.0f} s", flush=True)
