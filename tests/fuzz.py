"""Mutated files must open or be refused with our own error, soon and in little memory.

python tests/fuzz.py [--files 20000] [--seed 0]     prints a table, a line for each format
"""

import argparse
import copy
import io
import json
import os
import random
import resource
import shutil
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from safetensors.numpy import save
from tokenizers import Tokenizer as Library
from tokenizers import models

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from lowrank.errors import LowrankError
from lowrank.llama import Tokenizer
from lowrank.llama.config import SMOLLM2_135M
from lowrank.llama.vocabulary import Vocabulary
from lowrank.lora import adapters
from lowrank.lora.adapters import AdapterConfig
from lowrank.readers import open_model, uploads
from lowrank.readers.hf_config import to_json
from tests.families import as_gguf
from tests.readers.quantised_files import LAYOUTS
from tests.readers.raw_safetensors import raw
from tests.readers.test_families import split

SLOW = 1.0  # seconds of processor time
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


def sound_quantised(folder: Path) -> bytes:
    """A small file with a weight in every layout of codes and scales."""
    held = {}
    for at, make in enumerate(LAYOUTS.values()):
        held |= {name.replace("layers.0", f"layers.{at}"): part for name, part in make()[0].items()}
    (folder / "config.json").write_text('{"quantization_config": {"weight_block_size": [4, 8]}}')
    return raw(held)


def sound_quantised_config(folder: Path) -> bytes:
    """A config.json that says of the weights beside it how they are quantised."""
    (folder / "model.safetensors").write_bytes(sound_quantised(folder))
    said = {"quant_method": "gptq", "checkpoint_format": "gptq_v2", "weight_block_size": [4, 8]}
    said["version"] = "gemm"
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 32}
    return json.dumps({"model_type": "phi3", "quantization_config": said, **heads}).encode()


def sound_split(folder: Path) -> bytes:
    """The first part of a split file, with a sound second one beside it."""
    first, second = split(as_gguf(folder / "whole.gguf", "mixtral"), folder)
    second.rename(folder / "mutant-00002-of-00002.gguf")
    return first.read_bytes()


def sound_family(folder: Path) -> bytes:
    """A small file of a family whose tensors are put together again: a latent matrix, experts."""
    return as_gguf(folder / "whole.gguf", "deepseek_v3").read_bytes()


def sound_npy(_folder: Path) -> bytes:
    """A small matrix as numpy saves it."""
    held = io.BytesIO()
    np.save(held, np.arange(12.0).reshape(3, 4))
    return held.getvalue()


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


ODD = [
    None,
    True,
    0,
    -1,
    2**63,
    1e308,
    "",
    "../x",
    "(",
    "é" * 500,
    [],
    [[]],
    {},
    {"": None},
    [0] * 99,
]


def odd_json(sound: bytes, rng: random.Random) -> bytes:
    """The same JSON with one to three of its values, at any depth, replaced by an odd one."""
    value = json.loads(sound)
    for _ in range(rng.randint(1, 3)):
        at = value
        while True:
            keys = list(at) if isinstance(at, dict) else range(len(at))
            key = rng.choice(list(keys) or [None])
            if key is None:
                break
            if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.7:
                at = at[key]
                continue
            at[key] = copy.deepcopy(rng.choice(ODD))
            break
    return json.dumps(value).encode()


def odd_header(sound: bytes, rng: random.Random) -> bytes:
    """The same safetensors file, with odd values in its header or tensors that say other things."""
    end = 8 + int.from_bytes(sound[:8], "little")
    words = rng.choice([odd_json, retold])(sound[8:end], rng)
    return struct.pack("<Q", len(words)) + words + sound[end:]


def retold(header: bytes, rng: random.Random) -> bytes:
    """One to three tensors of a header under another's last name, or of another type or shape."""
    table = json.loads(header)
    table.pop("__metadata__", None)
    for _ in range(rng.randint(1, 3)):
        name = rng.choice(list(table))
        held = table[name]
        if rng.random() < 0.3:
            last = rng.choice(list(table)).rpartition(".")[2]
            table[f"{name.rpartition('.')[0]}.{last}"] = table.pop(name)
            continue
        start, stop = held["data_offsets"]
        dtype, size = rng.choice([("F32", 4), ("F16", 2), ("F8_E4M3", 1), ("U8", 1), ("I32", 4)])
        n, rest = divmod(stop - start, size)
        if rest == 0:
            held["dtype"] = dtype
            held["shape"] = rng.choice([[n], [n, 1], [1, n], [n // 2, 2], [4, n // 4], [2, 1, n]])
    return json.dumps(table).encode()


def sound_index(folder: Path) -> bytes:
    """An index that names a sound shard beside it."""
    (folder / "model-1-of-1.safetensors").write_bytes(sound_safetensors(folder))
    names = [f"model.layers.{i}.mlp.up_proj.weight" for i in range(3)]
    where = dict.fromkeys(names, "model-1-of-1.safetensors")
    return json.dumps({"metadata": {"total_size": 144}, "weight_map": where}).encode()


def sound_config(folder: Path) -> bytes:
    """A config.json with a sound model beside it."""
    (folder / "model.safetensors").write_bytes(sound_safetensors(folder))
    return json.dumps(to_json(SMOLLM2_135M)).encode()


def sound_adapter(folder: Path) -> bytes:
    """An adapter_config.json with sound weights beside it."""
    config = AdapterConfig(
        r=2,
        target_modules=("up_proj",),
        rank_pattern={r"layers\.0\..*": 2},
        layers_to_transform=(0,),
        layers_pattern="layers",
        exclude_modules=r".*\.9\..*",
    )
    adapters.save(adapters.untrained({"model.layers.0.mlp.up_proj": (6, 4)}, config), folder)
    return (folder / "adapter_config.json").read_bytes()


def sound_adapter_weights(folder: Path) -> bytes:
    """An adapter's weights, with their sound configuration beside them."""
    sound_adapter(folder)
    return (folder / "adapter_model.safetensors").read_bytes()


def sound_mlx(folder: Path) -> bytes:
    """The adapter_config.json of mlx-lm, with sound weights beside it."""
    module, a, b = "model.layers.0.mlp.up_proj", np.ones((4, 2)), np.ones((2, 6))
    held = {f"{module}.lora_a": a.astype("f4"), f"{module}.lora_b": b.astype("f4")}
    (folder / "adapters.safetensors").write_bytes(save(held))
    said = {"rank": 2, "scale": 20.0, "dropout": 0.0, "keys": ["mlp.up_proj"]}
    given = {"fine_tune_type": "lora", "num_layers": 1, "lora_parameters": said}
    return json.dumps(given).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def sound_zip(folder: Path) -> bytes:
    """A zip of a checkpoint's folder."""
    weights, config = sound_safetensors(folder), json.dumps(to_json(SMOLLM2_135M)).encode()
    return zipped({"tiny/model.safetensors": weights, "tiny/config.json": config})


def sound_adapter_zip(folder: Path) -> bytes:
    """A zip of an adapter's folder."""
    config, weights = sound_adapter(folder), folder / "adapter_model.safetensors"
    return zipped({"a/adapter_config.json": config, f"a/{weights.name}": weights.read_bytes()})


def sound_tokenizer(_folder: Path) -> bytes:
    """A small tokenizer.json, as the tokenizers library writes it."""
    ids = {token: i for i, token in enumerate(["<unk>", "a", "b", "ab"])}
    model = models.BPE(vocab=ids, merges=[("a", "b")], unk_token="<unk>")
    made = Library(model)
    made.add_special_tokens(["<s>"])
    return made.to_str().encode()


def opened(path: Path) -> None:
    """Open a model and read all that is in it."""
    model = open_model(path)
    refused = None
    for name in (*model.tensors, *model.parts):
        try:
            model.read(name)
        except LowrankError as error:  # one tensor of codes does not hide what the others do
            refused = error
    getattr(model, "vocabulary", None)
    if refused:
        raise refused


def zip_opened(path: Path) -> None:
    """Unpack a zip as the pages do, and open what is in it."""
    kept = uploads.find(uploads.keep_all({path.name: path.read_bytes()}))
    try:
        opened(kept)
    finally:
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink()


def tokenizer_opened(path: Path) -> None:
    """Make a tokenizer of the file, and have it cut a text and put it together again."""
    words = Tokenizer(Vocabulary(json=path.read_bytes().decode("utf-8", "replace")))
    words.decode(words.begin("ab ba é"))


def outcome(action: Callable[[], object]) -> str:
    """What came of it: "opened", "refused", or the name of an error that is not ours."""
    try:
        action()
    except LowrankError:
        return "refused"
    except Exception as error:
        return f"foreign {type(error).__name__}: {error}"
    return "opened"


def folder_opened(path: Path) -> None:
    """Open the model of the folder that the file lies in."""
    opened(path.parent)


def adapter_opened(path: Path) -> None:
    """Load the adapter of the folder that the file lies in."""
    adapters.load(path.parent)


ODDLY = {".json": odd_json, ".safetensors": odd_header}
# A sound file's maker, how much of it is header, its name, and what opens it.
FORMATS = {
    "safetensors": (sound_safetensors, 330, "mutant.safetensors", opened),
    "gguf": (sound_gguf, 640, "mutant.gguf", opened),
    "split gguf": (sound_split, 4000, "mutant-00001-of-00002.gguf", opened),
    "gguf family": (sound_family, 4500, "mutant.gguf", opened),
    "npy": (sound_npy, 224, "mutant.npy", opened),
    "quantised": (sound_quantised, 9000, "mutant.safetensors", opened),
    "quantised config": (sound_quantised_config, 300, "config.json", folder_opened),
    "index": (sound_index, 330, "model.safetensors.index.json", opened),
    "config": (sound_config, 400, "config.json", folder_opened),
    "tokenizer": (sound_tokenizer, 900, "tokenizer.json", tokenizer_opened),
    "zip": (sound_zip, 900, "mutant.zip", zip_opened),
    "adapter": (sound_adapter, 900, "adapter_config.json", adapter_opened),
    "adapter weights": (sound_adapter_weights, 330, "adapter_model.safetensors", adapter_opened),
    "adapter of MLX": (sound_mlx, 300, "adapter_config.json", adapter_opened),
    "adapter's zip": (sound_adapter_zip, 1300, "mutant.zip", adapters.load),
}


def run(kind: str, files: int, seed: int, folder: Path) -> tuple[Counter[str], float]:
    """Outcomes of that many mutants of a format, and the slowest one's seconds."""
    make, header, filename, action = FORMATS[kind]
    sound, rng = make(folder), random.Random(seed)
    path = folder / filename
    found: Counter[str] = Counter()
    slowest = 0.0
    for _ in range(files):
        path.unlink(missing_ok=True)  # the last one may still be mapped
        odd = ODDLY.get(path.suffix)
        by_value = odd is not None and rng.random() < 0.7
        path.write_bytes(odd(sound, rng) if odd and by_value else mutated(sound, header, rng))
        start = time.process_time()
        found[outcome(lambda: action(path))] += 1
        slowest = max(slowest, time.process_time() - start)
    return found, slowest


def main() -> None:
    """Run every format and print what came of them; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    wrong = False
    print("| format | mutants | opened | refused | anything else | slowest | memory |")
    print("|:--|--:|--:|--:|--:|--:|--:|")
    for kind in FORMATS:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with tempfile.TemporaryDirectory() as work:
            os.environ["LOWRANK_CACHE"] = work
            found, slowest = run(kind, asked.files, asked.seed, Path(work))
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
        known = found["opened"], found["refused"]
        others = {name: count for name, count in found.items() if name.startswith("foreign")}
        counts = " | ".join(f"{n:,}" for n in (asked.files, *known, sum(others.values())))
        print(f"| {kind} | {counts} | {slowest:.3f} s | +{memory:.0f} MB |", flush=True)
        for name, count in others.items():
            print(f"{count:,} times {name}", file=sys.stderr)
        wrong |= slowest > SLOW or bool(others)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
