"""Surgery: the real model with low-rank pairs in place of matrices, and what it still says."""

import streamlit as st

import lowrank.ui.everything  # noqa: F401  whole, before any of its parts
from lowrank.errors import InputError
from lowrank.surgery import allocate, aware, operate, plain, reading
from lowrank.ui import cached
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.progress import watched
from lowrank.ui.sidebar import chosen_model
from lowrank.ui.surgery import cutting, panels
from lowrank.ui.surgery.cut import choose

question("Surgery", "What does the model still say when its matrices lose rank?")
with errors_shown():
    model = chosen_model()
    source = model.source
    tokenizer = cached.tokenizer(source)
    if tokenizer is None:
        raise InputError(text("surgery", "no words").format(title=model.title))
    store = cached.factors(source)
    limit = store.params.config.max_position_embeddings
    first = st.container()
    later = st.expander("Layers, way, how ranks are set, the text to read")
    with first:
        choice = choose(len(store.params.layers), later)
    with later:
        ids = panels.reading_text(tokenizer, limit)

# Each part has a place of its own: what comes and goes in one never moves another.
head, busy, middle, answered, maps = (st.container() for _ in range(5))
job, ready = None, False
with errors_shown(), busy:
    if choice:
        job = cutting.factors_job(source, choice.way, choice.names(store))
        ready = job is None or job.state == "done"
    if choice and ready and ids:
        job = cutting.cut_job(source, choice, ids)
        if job and not isinstance(job.last, cutting.Cut):
            watched(job)
    elif not ids:
        st.info(text("surgery", "empty"), icon=":material/info:")
cut = job.last if job and isinstance(job.last, cutting.Cut) else None
if choice:
    with errors_shown():
        with head:
            panels.numbers(cut, "—" if job and job.over else "…")
        left, right = middle.columns(2, gap="medium")
        with left:
            st.markdown("**What comes next**, after the text")
            if cut:
                panels.next_token(tokenizer, cut)
        with right:
            st.markdown("**What is stored** of these matrices, break-even marked")
            panels.stored_chart(store, choice, cut.plan if cut else None)
        with answered:
            st.subheader("Two answers", anchor=False)
            panels.two_answers(source, choice, ready)

with errors_shown(), maps:
    st.subheader("Which projections need their rank?", anchor=False)
    st.markdown(text("surgery", "map"))
    panels.sensitivity(source)
    why = st.container()
    st.subheader("Does less rank remove noise?", anchor=False)
    st.markdown(text("surgery", "noise"))
    panels.noise(source)
    if choice:
        with why:
            st.subheader("Why activation-aware wins", anchor=False)
            panels.evidence(source, choice)

st.subheader("What you see", anchor=False)
st.markdown(panels.learnt())
st.markdown(text("surgery", "theory"))
code_for_this(
    plain,
    aware,
    operate,
    allocate,
    reading,
    usage="from lowrank import llama, surgery\nfrom lowrank.readers import open_model\n\n"
    'params = llama.load(open_model("default"))\n'
    'names = surgery.chosen(params, ["q_proj"])\n'
    "plan = surgery.by_fraction(params, names, 0.5)\n"
    "cut = surgery.operate(params, plan, surgery.plain_factors(params))\n"
    "llama.nll(cut, ids).mean(), surgery.cost(cut)",
)
