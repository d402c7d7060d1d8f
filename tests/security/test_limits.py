"""What a visitor can send is measured before anything is sought, decoded or decomposed in it.

Each of these held the server up for seconds or took gigabytes; each is refused by its size, or does
a counted amount of work.
"""

import ast
import io
import json
import re
import runpy
import secrets
import struct
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFWriter
from PIL import Image
from safetensors.numpy import save
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from lowrank.errors import FormatError, InputError
from lowrank.figures import pictures
from lowrank.figures.pictures import MOST_SCANS, read_picture
from lowrank.llama.tokenizer import merges_of_scores
from lowrank.llama.vocabulary import Vocabulary
from lowrank.lora import adapter_config, adapters
from lowrank.lora.adapter_config import MOST_NAMES, MOST_PATTERNS, AdapterConfig
from lowrank.lora.adapters import Pair
from lowrank.memory import quantization
from lowrank.readers import open_model, uploads
from lowrank.readers.interface import LONGEST_NAME
from lowrank.ui import apart, cached, held_files
from lowrank.ui.adapters import MOST_WORK, check_work, work

ROOT = Path(__file__).parents[2]


def gguf(path: Path, name: str) -> Path:
    """A sound file with one tensor of that name."""
    writer = GGUFWriter(path, "llama")
    writer.add_tensor(name, np.ones((4, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("name", ["layers." * 6000, "a" * 40_000, "h.1." * (LONGEST_NAME // 4 + 1)])
def test_a_long_tensor_name_is_refused_before_its_place_is_sought(name, tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError("the name was read before it was measured")

    for reader in ("shown", "gguf_layout"):
        monkeypatch.setattr(f"lowrank.readers.{reader}.place", never)
    written = [gguf(tmp_path / "a.gguf", name), tmp_path / "a.safetensors"]
    written[1].write_bytes(save({name: np.ones((4, 4), np.float32)}))
    for path in written:
        with pytest.raises(FormatError) as told:
            open_model(path)
        assert len(str(told.value)) < 300


def test_a_name_as_long_as_any_is_read(tmp_path):
    name = "model.layers.3." + "a" * (LONGEST_NAME - 22) + ".weight"
    assert open_model(gguf(tmp_path / "a.gguf", name)).tensors[name].layer == 3


def test_a_long_key_of_a_gguf_is_refused_in_few_words(tmp_path):
    path = gguf(tmp_path / "a.gguf", "x")
    key = b"k" * 40_000
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, 16, struct.unpack_from("<Q", data, 16)[0] + 1)
    data[24:24] = struct.pack("<Q", len(key)) + key + struct.pack("<IB", 0, 1)
    path.write_bytes(data)
    with pytest.raises(FormatError, match="40,000 bytes") as told:
        open_model(path)
    assert len(str(told.value)) < 300


def adapter(folder: Path, modules: int = 2, r: int = 2, **fields: object) -> Path:
    """An adapter's two files."""
    held = {}
    for i in range(modules):
        name = f"base_model.model.model.layers.{i}.self_attn.q_proj"
        held[f"{name}.lora_A.weight"] = np.ones((r, 4), np.float32)
        held[f"{name}.lora_B.weight"] = np.ones((4, r), np.float32)
    (folder / "adapter_model.safetensors").write_bytes(save(held))
    config = {"peft_type": "LORA", "r": r, "target_modules": ["q_proj"], **fields}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rank_pattern", {f"x{i}": 2 for i in range(MOST_PATTERNS + 1)}),
        ("alpha_pattern", {f"x{i}": 2 for i in range(MOST_PATTERNS + 1)}),
        ("target_modules", ["q_proj"] * (MOST_NAMES + 1)),
        ("modules_to_save", ["q"] * (MOST_NAMES + 1)),
        ("exclude_modules", "(" * 500 + "a" + ")" * 499),
    ],
)
def test_too_many_patterns_and_those_that_are_none_are_refused(field, value, tmp_path):
    with pytest.raises(FormatError, match=field if field != "exclude_modules" else "expression"):
        adapters.load(adapter(tmp_path, **{field: value}))


def test_a_pattern_nested_too_deep_is_refused(tmp_path):
    deep = "(" * 490 + "a" + ")" * 490
    with pytest.raises(FormatError, match="nested too deep"):
        adapters.load(adapter(tmp_path, target_modules=deep))


def test_a_pattern_is_compiled_once_for_all_modules(tmp_path):
    adapter_config._compiled.cache_clear()
    patterns = {f"none{i}": 3 for i in range(700)}  # more than the regex library remembers
    found = adapters.load(adapter(tmp_path, modules=20, rank_pattern=patterns))
    assert len(found.pairs) == 20
    assert adapter_config._compiled.cache_info().misses == 700


def test_patterns_that_are_each_soon_enough_have_a_limit_together(tmp_path, monkeypatch):
    monkeypatch.setattr("lowrank.lora.adapters.peft_files.IN_ALL", 0.0)
    with pytest.raises(FormatError, match="take too long to match on all modules"):
        adapters.load(adapter(tmp_path, modules=50))


def test_an_adapter_whose_numbers_take_minutes_is_refused_by_a_count():
    def of_rank(r: int, count: int) -> adapters.Adapter:
        A, B = np.zeros((r, 576), np.float32), np.zeros((576, r), np.float32)
        pairs = {f"layers.{i}.q": Pair(f"layers.{i}.q", A, B, 1.0) for i in range(count)}
        return adapters.Adapter(AdapterConfig(r=r), pairs)

    check_work(of_rank(64, 210))
    with pytest.raises(InputError, match="100 billion are made here"):
        check_work(of_rank(1501, 60))
    assert work((4096, 4096), 64) * 224 < MOST_WORK  # all of a 7B model at a usual rank


def jpeg(scans: int) -> bytes:
    """A progressive JPEG, and more markers of a scan after it."""
    stream = io.BytesIO()
    Image.new("L", (16, 16)).save(stream, "JPEG", progressive=True)
    return stream.getvalue() + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * scans


def test_a_jpeg_of_many_scans_is_refused_before_any_is_decoded(monkeypatch):
    assert read_picture(jpeg(0)).shape == (16, 16)
    monkeypatch.setattr(Image, "open", None)
    with pytest.raises(InputError, match=f"at most {MOST_SCANS} are accepted"):
        read_picture(jpeg(300))


def test_a_transparent_picture_is_laid_on_white_a_few_rows_at_a_time(monkeypatch):
    seen: list[int] = []
    laid = Image.alpha_composite

    def watched(paper: Image.Image, part: Image.Image) -> Image.Image:
        seen.append(part.width * part.height)
        return laid(paper, part)

    monkeypatch.setattr(Image, "alpha_composite", watched)
    for mode, colour in (("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))):
        stream = io.BytesIO()
        Image.new(mode, (64, 1000), colour).save(stream, "PNG")
        assert (read_picture(stream.getvalue()) == 1).all()
    assert max(seen) == 64 * pictures.ROWS
    assert sum(seen) == 2 * 64 * 1000


def test_scans_are_counted_with_the_pixels_they_go_over(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PASSED", 20 * 16 * 16)
    assert read_picture(jpeg(0)).shape == (16, 16)
    with pytest.raises(InputError, match="goes over its 16 × 16 pixels"):
        read_picture(jpeg(30))


def test_pictures_of_many_visitors_are_opened_one_at_a_time(monkeypatch):
    """Eight of 40 megapixels at once took 4 GB."""
    real, now, most = Image.open, [], []

    def opening(*args, **named):
        now.append(1)
        most.append(len(now))
        arrived.wait(0.2)  # so that others could come
        found = real(*args, **named)
        now.pop()
        return found

    arrived, data = threading.Event(), jpeg(0)
    monkeypatch.setattr(Image, "open", opening)
    visitors = [threading.Thread(target=read_picture, args=(data,)) for _ in range(4)]
    for each in visitors:
        each.start()
    for each in visitors:
        each.join(60)
    assert most == [1] * 4


def test_a_vocabulary_of_long_words_is_refused_before_they_are_cut(monkeypatch):
    class Uncut(str):
        def __getitem__(self, at):
            raise AssertionError("it was cut before it was measured")

    words = [Uncut("a" * 505 + f"{i:07}") for i in range(2000)]  # 260 KB; a file may hold 700,000
    vocabulary = Vocabulary(kind="llama", tokens=words, scores=[0.0] * len(words))
    with pytest.raises(FormatError, match="2,000 tokens, so long"):
        merges_of_scores(vocabulary, {})


LARGE = "model.layers.0.self_attn.q_proj.weight"  # 4096 × 4096 in this model, which any link names


@pytest.mark.parametrize("decomposed", [cached.svd, cached.spectrum])
def test_no_page_decomposes_a_large_matrix(decomposed, monkeypatch):
    def never(*_):
        raise AssertionError("it was read before it was measured")

    monkeypatch.setattr(cached, "matrix", never)
    with pytest.raises(InputError, match=f"4096 × 4096; .* up to {cached.SIDE:,}"):
        decomposed("synthetic-7b", LARGE)


def test_rounding_a_large_matrix_decomposes_nothing(monkeypatch):
    monkeypatch.setattr(cached, "SIDE", 8)
    monkeypatch.setattr(quantization, "singular_values", None)
    found = cached.roundings("synthetic", "model.layers.3.self_attn.k_proj.weight")
    assert [each.spectrum for each in found] == [None] * 4


def test_a_made_up_adapter_of_a_huge_model_is_refused(monkeypatch):
    """A and B of rank 64 beside a matrix of 1 × 190 million would have 48 GB."""
    monkeypatch.setattr(cached, "MOST_NUMBERS", 100_000)
    with pytest.raises(InputError, match="at most 100,000 are held here"):
        cached.untrained_adapter("synthetic", 64)


def test_what_the_framework_holds_of_a_session_has_a_limit(monkeypatch):
    """It takes files from any client, whether a page asks for them or not."""
    for name, most in (("OF_ONE", 1000), ("HELD", 2500), ("MOST_FILES", 5)):
        monkeypatch.setattr(held_files, name, most)
    held = MemoryUploadedFileManager("upload")

    def put(session: str, size: int) -> None:
        file = UploadedFileRec(secrets.token_hex(4), "a.npy", "", bytes(size))
        held.add_file(session, file)

    for size in (900, 0, 0):
        put("a", size)
    with pytest.raises(HTTPException, match="This session"):
        put("a", 101)
    put("b", 1000)
    with pytest.raises(HTTPException, match="The server"):
        put("c", 601)
    put("a", 0)
    put("a", 0)
    with pytest.raises(HTTPException, match="This session"):
        put("a", 0)
    held.remove_session_files("b")
    put("c", 601)


def test_a_framework_that_holds_files_elsewhere_is_served_and_the_log_says_so(monkeypatch, caplog):
    before = MemoryUploadedFileManager.add_file
    monkeypatch.setitem(sys.modules, MemoryUploadedFileManager.__module__, None)
    runpy.run_path(held_files.__file__)
    assert "without a limit in all" in caplog.text
    assert MemoryUploadedFileManager.add_file is before


def test_the_page_on_safety_states_the_limits_that_hold():
    stated = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", stated, re.MULTILINE))
    million = 10**6
    for what, limit in {
        "a tensor's name, a key of a GGUF": f"{LONGEST_NAME} characters",
        "a model's files, unpacked": f"{uploads.LARGEST // million} MB",
        "numbers of one matrix, of a model that runs, or of a made-up adapter": (
            f"{cached.MOST_NUMBERS // million} million"
        ),
        "a full decomposition on a page": f"that of a matrix of {cached.SIDE:,} × {cached.SIDE:,}",
        "an adapter's patterns": (f"{MOST_PATTERNS:,} of a rank, {MOST_PATTERNS:,} of an alpha"),
        "an adapter's singular values, all together": (
            f"{MOST_WORK // 10**9} billion multiplications"
        ),
        "a JPEG": (
            f"{MOST_SCANS} scans, {pictures.MOST_PASSED // million} million pixels in all of them"
        ),
        "a picture": f"{pictures.MOST_PIXELS // million} million pixels, one opened at a time",
        "files that wait in memory, of one session; of all": (
            f"{held_files.OF_ONE // million} MB, {held_files.MOST_FILES:,} files; "
            f"{held_files.HELD // 10**9} GB"
        ),
    }.items():
        assert rows[what] == limit
    decoded = dict(re.findall(r"^\| (an? .+?) \| (\d+ GB \| \d+ s) \|$", stated, re.MULTILINE))
    for what, nbytes, seconds in (
        ("a picture, a zip", apart.BYTES, apart.SECONDS),
        ("a model's headers and words", apart.BYTES, apart.TO_OPEN),
        ("an adapter, a matrix, a model's numbers", apart.OF_NUMBERS, apart.SECONDS),
    ):
        assert decoded[what] == f"{nbytes // 10**9} GB | {seconds:.0f} s"
    assert f"{cached.LARGE // million} million\nnumbers" in stated


def calls(*names: str) -> list[tuple[str, ast.Call]]:
    """Every call of a method or function of those names on the pages, and where it stands."""
    found = []
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "lowrank" / "ui").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in names:
                found.append((f"{path.name}:{node.lineno}", node))
    return found


def test_every_box_for_text_has_a_longest_text():
    """Streamlit cuts what arrives, from a browser or from a client that is none."""
    boxes = calls("text_input", "text_area", "chat_input")
    assert len(boxes) > 15
    assert not [at for at, call in boxes if "max_chars" not in {k.arg for k in call.keywords}]


def test_every_upload_has_a_largest_size():
    found = []
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "lowrank" / "ui").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "brought":
                found.append({k.arg for k in node.keywords})
    assert len(found) >= 3
    assert all("max_upload_size" in given for given in found)
    assert len(calls("file_uploader")) == 1  # which hands on what it is given
