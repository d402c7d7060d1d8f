"""Record what transformers writes with chat templates that ask for what people's templates ask for.

python tests/oracles/make_chat.py        writes tests/fixtures/chat.json anew

Needs transformers 5, which the test suite does not.
"""

import json
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

FIXTURE = Path(__file__).parents[1] / "fixtures" / "chat.json"
MESSAGES = [
    {"role": "user", "content": "Hi <b>"},
    {"role": "assistant", "content": "Grüße"},
    {"role": "user", "content": "Bye"},
]
SAID = "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
TEMPLATES = {
    "no tools": "{% if tools is none %}none{% else %}some{% endif %} " + SAID,
    "no documents": "{% if documents is none %}none{% endif %}{{ documents is defined }}",
    "tools are there by name": "{{ tools is defined }} {{ tools }} {{ custom is defined }}",
    "generation": (
        "{%- for m in messages %}\n    {%- if m.role == 'assistant' %}\n"
        "{{- '<a>' }}\n    {%- generation %}\n{{- m.content + '</a>' }}\n"
        "    {%- endgeneration %}\n    {%- else %}\n{{- '<u>' + m.content }}\n    {%- endif %}\n"
        "{%- endfor %}"
    ),
    "what generation sets stays inside": (
        "{% set x = 'out' %}{% generation %}{% set x = 'in' %}{{ x }}{% endgeneration %}{{ x }}"
    ),
    "a namespace crosses generation": (
        "{% set n = namespace(x='out') %}"
        "{% generation %}{% set n.x = 'in' %}{% endgeneration %}{{ n.x }}"
    ),
    "a loop left early": "{% for m in messages %}{{ m.role }}{% break %}{% endfor %}",
    "json": "{{ messages[1] | tojson }}{{ messages[:1] | tojson(indent=2) }}",
    "json laid out": "{{ messages[1] | tojson(separators=(',', ':'), sort_keys=True) }}",
    "json in ASCII": "{{ messages[1] | tojson(ensure_ascii=True) }}",
    "an answer begun": SAID + "{% if add_generation_prompt %}<a>{% endif %}",
}


def main() -> None:
    """Write the fixture."""
    found = {}
    for name, template in TEMPLATES.items():
        texts, _ = render_jinja_template(
            [MESSAGES], chat_template=template, add_generation_prompt=True
        )
        found[name] = {"template": template, "text": texts[0]}
    kept = {"messages": MESSAGES, "templates": found}
    FIXTURE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
