# SPDX-License-Identifier: MPL-2.0
"""The whole of training: main.py [STEP…], all of corpus, frames, train, judge, evaluate and card
unless some are named. What a step makes lies in .cache/articulation for the next."""

import argparse
import json
import pathlib
import sys
import tempfile
import time

import numpy as np

import dataset
import evaluate
import network
import train
import voices
import words

TOP = pathlib.Path(__file__).resolve().parent.parent
STEPS = ["corpus", "frames", "train", "evaluate"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", choices=[[], *STEPS], default=STEPS)
    parser.add_argument("--folder", type=pathlib.Path, default=TOP / ".cache/articulation")
    parser.add_argument("--engine", default=str(TOP / "target/release/examples/training"))
    parser.add_argument("--japanese", default=str(TOP / ".cache/mei_normal.htsvoice"))
    parser.add_argument("--minutes", type=float, default=70)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--train-steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--without", default="", help="leave this synthesiser out of training")
    parser.add_argument("--model", type=pathlib.Path, default=TOP / "assets/articulation.onnx")
    parser.add_argument("--judged", type=pathlib.Path, default=TOP / ".cache/judge/judged.json")
    return parser.parse_args()


def corpus(args):
    """Speaks."""
    rng = np.random.default_rng(args.seed)
    clips = voices.make(args.folder / "sounds", args.engine, words.Words(rng), rng, args.minutes, args.japanese)
    (args.folder / "clips.json").write_text(json.dumps(clips))


def frames(args):
    """Spoils and listens."""
    clips = json.loads((args.folder / "clips.json").read_text())
    begun = time.time()
    rows, starts, of = dataset.make(clips, args.folder / "stretches", args.engine, args.seed, args.copies)
    print(f"{len(starts) - 1} stretches, {len(rows) / 6000:.0f} min, {time.time() - begun:.0f} s")
    np.save(args.folder / "rows.npy", rows)
    (args.folder / "stretches.json").write_text(json.dumps(dict(starts=starts.tolist(), voices=of)))


def learn(args):
    """Trains and exports."""
    told = json.loads((args.folder / "stretches.json").read_text())
    rows = np.load(args.folder / "rows.npy", mmap_mode="r")
    rows = train.with_targets(np.asarray(rows), np.array(told["starts"]))
    kept = [voices.family(v) != args.without for v in told["voices"]]
    weights = train.train(rows, np.array(told["starts"]), kept, args.seed, args.train_steps, args.batch)
    network.export(weights, str(args.model), 2, dict(
        model_name="gst-sonic articulation", trained_on="synthetic speech: Flite, Festival, Open JTalk, eSpeak NG"))
    print(args.model, args.model.stat().st_size, "bytes")


def judge(args):
    """Scores on people."""
    rows = json.loads(args.judged.read_text())
    runner = network.Runner(str(args.model))
    with tempfile.TemporaryDirectory() as folder:
        raws = [runner.run(b) for b in evaluate.bands_of(args.engine, rows, folder)]
        for name in raws[0]:
            evaluate.report(name, evaluate.decoded(args.engine, [r[name] for r in raws], folder), rows)


if __name__ == "__main__":
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    for step in given.steps:
        dict(corpus=corpus, frames=frames, train=learn, evaluate=judge)[step](given)
        sys.stdout.flush()
