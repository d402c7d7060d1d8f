"""The LoRA lab page: its choices, its work beside the page, its panels."""
