"""Mutated model files must open or be refused with our own error, soon and in little memory.

python tests/fuzz.py [--files 20000] [--seed 0]     prints a line for each format
"""

import argparse
import random
import resource
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from safetensors.numpy import save

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from lowrank.errors import FormatError
from lowrank.readers import open_model

SLOW = 1.0  # seconds
EXTREMES = [0, 1, 0x7F, 0xFF, 2**31 - 1, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
SWAPS = [b"[[[[[[[[", b'{"', b"\xff\xfe", b"1e999", b"-1", b"NaN", b"9" * 40, b"null", b'"a":']


def sound_safetensors(_folder: Path) -> bytes:
    """A small sound file, as the safetensors library writes it."""
    rng = np.random.default_rng(0)
    held = {f"model.layers.{i}.mlp.up_proj.weight": rng.standard_normal((6, 4)) for i in range(3)}
    return save({name: w.astype(np.float16) for name, w in held.items()})


def sound_gguf(folder: Path) -> bytes:
    """A small sound file, as the gguf package writes it, with a quantised tensor and words."""
    path = folder / "sound.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(64)
    writer.add_block_count(1)
    writer.add_head_count(4)
    writer.add_token_list(["a", "b", "é"])
    w = np.random.default_rng(0).standard_normal((64, 64), dtype=np.float32)
    writer.add_tensor("token_embd.weight", w[:3])
    writer.add_tensor("blk.0.attn_q.weight", w)
    kind = GGMLQuantizationType.Q4_1
    writer.add_tensor("blk.0.ffn_up.weight", quantize(w, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def mutated(sound: bytes, header: int, rng: random.Random) -> bytes:
    """One to four changes, nearly all within the header: bits, numbers, words, cuts, copies."""
    data = bytearray(sound)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(min(header, len(data)) or 1)
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + 8] = struct.pack("<Q", rng.choice(EXTREMES))
        elif kind == 2:
            data[at : at + 4] = struct.pack("<I", rng.choice(EXTREMES) & 0xFFFFFFFF)
        elif kind == 3:
            words = rng.choice(SWAPS)
            data[at : at + len(words)] = words
        elif kind == 4:
            data = data[: rng.randrange(len(data) + 1)]
        elif kind == 5:
            end = at + rng.randrange(1, 64)
            data[at:at] = data[at:end]
        else:
            del data[at : at + rng.randrange(1, 16)]
    return bytes(data)


def outcome(path: Path) -> str:
    """What became of a file: "opened", "refused", or the name of an error that is not ours."""
    try:
        model = open_model(path)
        for name in model.tensors:
            model.read(name)
        getattr(model, "vocabulary", None)
    except FormatError:
        return "refused"
    except Exception as error:
        return f"foreign {type(error).__name__}: {error}"
    return "opened"


FORMATS = {"safetensors": (sound_safetensors, 330), "gguf": (sound_gguf, 640)}


def run(kind: str, files: int, seed: int, folder: Path) -> tuple[Counter[str], float]:
    """Outcomes of that many mutants of a format, and the slowest one's seconds."""
    make, header = FORMATS[kind]
    sound, rng = make(folder), random.Random(seed)
    path = folder / f"mutant.{kind}"
    found: Counter[str] = Counter()
    slowest = 0.0
    for _ in range(files):
        path.unlink(missing_ok=True)  # the last one may still be mapped
        path.write_bytes(mutated(sound, header, rng))
        start = time.perf_counter()
        found[outcome(path)] += 1
        slowest = max(slowest, time.perf_counter() - start)
    return found, slowest


def main() -> None:
    """Run both formats and print what came of them; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    wrong = False
    for kind in FORMATS:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with tempfile.TemporaryDirectory() as work:
            found, slowest = run(kind, asked.files, asked.seed, Path(work))
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
        print(
            f"{kind}, seed {asked.seed}: {dict(found)}; slowest {slowest:.3f} s; +{memory:.0f} MB"
        )
        wrong |= slowest > SLOW or bool(set(found) - {"opened", "refused"})
    sys.exit(wrong)


if __name__ == "__main__":
    main()
