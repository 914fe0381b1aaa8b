"""One of several processes: the gradients of a batch, as `tests/bench/test_distributed.py` compares them.

python team.py OUT LOSS DICE ACCUMULATE key=value...
"""

import sys
from dataclasses import replace

import numpy as np
import torch

from bench import distributed
from bench.compose import compose
from bench.config import DiceReduction, LossName
from bench.data.dataset import ReferringDataset, loader
from bench.data.usable import usable_references
from bench.registry import build
from bench.train import _gradients
from fianet.tokens import Tokenizer

out, loss, dice, accumulate, *words = sys.argv[1:]
distributed.begin(True)
config = compose([*words, "model.encoder.drop_path=0", "model.text.dropout=0"])
recipe = replace(
    config.recipe, batch_size=8, accumulate=int(accumulate), loss=LossName(loss), dice=DiceReduction(dice)
)
tokenizer = Tokenizer.load(None)
references = usable_references(config.data)[0]["train"]
dataset = ReferringDataset(references, tokenizer, recipe.size, config.data.max_tokens)
accelerator = distributed.make_accelerator()
torch.manual_seed(3)
model = build(config.model, tokenizer.vocab_size, recipe.size)
prepared = accelerator.prepare(model)
prepared.eval()  # batch norm frozen
mine = distributed.part_of_batches(range(8), recipe, accelerator)
(batch,) = loader(dataset, len(mine), mine, 0)
value = _gradients(prepared, batch, recipe, accelerator, seed=0, epoch=0)
if accelerator.is_main_process:
    gradients = {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
    np.savez(out, loss=value, **gradients)
distributed.end()
