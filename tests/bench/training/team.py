"""One of several processes: gradients of one batch by every loss, for `test_distributed.py` beside it to compare.

python team.py OUT CASES key=value...    CASES: JSON list of [loss, dice, parts]
"""

import json
import sys
from dataclasses import replace

import numpy as np
import torch

from bench.config.choices import DiceReduction, LossName
from bench.config.compose import configuration
from bench.data.dataset import ReferringDataset, loader
from bench.data.usable import usable_references
from bench.models.build import build
from bench.training import distributed
from bench.training.pending import Pending
from bench.training.train import _gradients
from fianet.tokens import Tokenizer

out, cases, *words = sys.argv[1:]
distributed.begin(True)
config = configuration([*words, "model.encoder.drop_path=0", "model.text.dropout=0"])
recipe = replace(config.recipe, batch_size=8)
tokenizer = Tokenizer.load(None)
references = usable_references(config.data)[0]["train"]
dataset = ReferringDataset(references, tokenizer, recipe.size, config.data.max_tokens)
accelerator = distributed.make_accelerator(recipe.precision)
torch.manual_seed(3)
model = build(config.model, tokenizer.vocab_size, recipe.size)
prepared = accelerator.prepare(model)
prepared.eval()  # batch norm frozen
mine = distributed.part_of_batches(range(8), recipe, accelerator)
(batch,) = loader(dataset, len(mine), mine, 0)
found = {}
for loss, dice, parts in json.loads(cases):
    each = replace(recipe, accumulate=parts, loss=LossName(loss), dice=DiceReduction(dice))
    model.zero_grad()
    pending = Pending(accelerator)
    pending.add("step", _gradients(prepared, batch, each, accelerator, frozenset({0, 3}), seed=0, epoch=0))
    (found[f"{loss} {dice} {parts}:loss"],) = pending.read()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            found[f"{loss} {dice} {parts}:{name}"] = parameter.grad.numpy().copy()
if accelerator.is_main_process:
    np.savez(out, **found)
distributed.end()
