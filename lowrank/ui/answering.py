"""Two models answer one prompt, a token each in turn: the whole model, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from lowrank.language import gettext as _
from lowrank.llama import Params, generate
from lowrank.llama.tokenizer import Tokenizer
from lowrank.ui.jobs import Job, one_thread


@dataclass(frozen=True)
class Said:
    """A new token of one of the two models, "before" or "after"."""

    side: str
    token: int


def answers_in_turns(
    before: Params,
    after: Params,
    ids: Sequence[int],
    length: int,
    stop_ids: frozenset[int],
    temperature: float = 0.0,
) -> Iterator[Said]:
    """What both say, each until it stops or has said `length` tokens."""
    going = {
        side: generate(params, ids, length, temperature=temperature, seed=0, stop_ids=stop_ids)
        for side, params in (("before", before), ("after", after))
    }
    with one_thread():
        while going:
            for side in list(going):
                token = next(going[side], None)
                if token is None:
                    del going[side]
                else:
                    yield Said(side, token)


def side_by_side(titles: Mapping[str, str], tokenizer: Tokenizer, job: Job | None) -> None:
    """Two boxes with what the two have said so far; empty ones before anybody asked."""
    for place, (side, title) in zip(st.columns(2), titles.items(), strict=True):
        with place.container(border=True, height=190):
            if job is None:
                st.caption(f"**{title}**")
                continue
            tokens = [said.token for said in job.all(Said) if said.side == side]
            st.caption(_("**{title}** · {count} tokens").format(title=title, count=len(tokens)))
            said = tokenizer.decode(tokens)
            st.text(said if said.strip() or job.over else "…")
