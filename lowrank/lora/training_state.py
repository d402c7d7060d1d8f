"""A training run as it stands, and the file that it goes on from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import FormatError, SourceError
from lowrank.files import whole

Floats = NDArray[np.floating]
Arrays = Mapping[str, Floats]
GROUPS = ("weights", "m", "v", "stay")


@dataclass(frozen=True, eq=False)
class State:
    """All that a run needs to go on: trained arrays by name, AdamW's two moments, steps done.

    `stay` are the parts of W0 that PiSSA or OLoRA began with. Nothing random is in it: what is
    drawn at a step depends on the seed and the step alone.
    """

    step: int
    weights: Arrays
    m: Arrays
    v: Arrays
    stay: Arrays
    config: Mapping[str, Any]

    def save(self, path: str | Path) -> None:
        """Write it as an .npz file without pickles. Raises SourceError if that cannot be done."""
        held: dict[str, Any] = {
            "about": np.array(json.dumps({"step": self.step, "config": self.config}))
        }
        for group in GROUPS:
            held |= {f"{group}/{name}": a for name, a in getattr(self, group).items()}
        with whole(Path(path)) as out:
            np.savez(out, **held)

    @classmethod
    def load(cls, path: str | Path) -> "State":
        """What `save` wrote. Raises SourceError if there is no such file, FormatError otherwise."""
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                groups: dict[str, dict[str, Floats]] = {group: {} for group in GROUPS}
                for key in file.files:
                    group, _, name = key.partition("/")
                    if name:
                        groups[group][name] = file[key]
            return cls(step=int(about["step"]), config=dict(about["config"]), **groups)
        except OSError as error:
            raise SourceError(
                "{name} cannot be read: {error}.",
                name=Path(path).name,
                error=error,
            ) from error
        except Exception as error:  # zipfile and numpy raise many kinds
            raise FormatError(
                "{name} is no saved training state.",
                name=Path(path).name,
            ) from error
