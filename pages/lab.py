"""LoRA lab: train A and B on the real model, read the changed answers, merge, take it home."""

import streamlit as st

from lowrank.errors import InputError
from lowrank.lora import lora_forward_matmul, regular_forward_matmul
from lowrank.train import adamw, finetune
from lowrank.ui.lab import choose, panels, work
from lowrank.ui.layout import code_for_this, errors_shown, question, text
from lowrank.ui.watch import watched
from lowrank.ui.widgets import model_picker

question("LoRA lab", "Can a few hundred thousand numbers teach a real Llama something new?")
with errors_shown():
    model = model_picker()
    config = model.config
    if config is None or model.words is None:
        raise InputError(text("lab", "no llama").format(title=model.title))

controls, picture = st.columns([1, 1], gap="large")
with controls, errors_shown():
    pairs, known = choose.training_set()
    choice = choose.Choice(pairs, choose.settings(known))
    panels.counts(config, choice)
    if st.button("Train", type="primary", icon=":material/model_training:", key="train"):
        work.begin(model, choice)
job = work.going()
with picture:
    if job:
        watched(job, panels.curve)
    else:
        st.info(text("lab", "start"), icon=":material/play_arrow:")

st.subheader("Before and after", anchor=False)
with errors_shown():
    asked = choose.prompt(known)
    with st.expander("The adapter: train one, or bring one", expanded=not job):
        name = panels.adapter_in_hand(job)
    if name:
        panels.two_answers(model, name, asked)
        left, right = st.columns(2, gap="large")
        with left:
            panels.losses_by_scale(model, name, job)
        with right:
            panels.merged(model, name, asked)
            panels.download(name)
    else:
        st.caption(text("lab", "nothing yet"))

st.subheader("What is computed, and what it holds", anchor=False)
with errors_shown():
    panels.arrows(config, choice)
    panels.memory(config, choice, job)
st.subheader("What you see", anchor=False)
st.markdown(text("lab", "theory"))
code_for_this(
    regular_forward_matmul,
    lora_forward_matmul,
    adamw,
    finetune,
    usage="from lowrank import adapters, lab, llama, train\nfrom lowrank.llama.tokenizer import "
    'Tokenizer\nfrom lowrank.readers import open_model\n\nmodel = open_model("default")\n'
    "params, tokenizer = llama.load(model), Tokenizer(model.words)\n"
    'data = train.answers(tokenizer, lab.built_in()["pirate"].examples)\n'
    "config = train.TrainConfig(train.AdapterConfig(r=8, lora_alpha=16), steps=48, "
    "learning_rate=2e-3, warmup_steps=4)\n"
    "run = train.finetune(params, data, config)\nfor record in run:\n    print(record.loss)\n"
    'adapters.save(adapters.trained(config.method, run.state), "my-adapter")',
)
