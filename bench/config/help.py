"""`python -m bench.run --help`: what can be asked for. Reads file names and comments only, so it answers at once."""

from bench.config.groups import options

HEAD = """\
Trains and evaluates what is missing, then prints the table and where everything lies.

  python -m bench.run                                   one cell of the default model on drawn scenes
  python -m bench.run ablation=fiam                     a study: every row, table, figures, MLflow
  python -m bench.run ablation=fiam data=rrsisd data.root=DIR scale=paper model.encoder.pretrained=FILE 'seeds=[0,1,2]'
  python -m bench.run ablation=fiam dry_run=true        what is done, what would run, how long it would take
  python -m bench.run ablation=fiam rehearse=true       two steps of every model, saved, resumed, scored; memory, time

Run the same command again to go on after a stop: finished cells are never trained twice.
"""
TITLES = {
    "ablation": "studies (ablation=)",
    "model": "models (model=)",
    "data": "data (data=)",
    "scale": "scales (scale=)",
    "recipe": "recipes (recipe=)",
    "protocol": "protocols (protocol=)",
    "launcher": "launchers (launcher=)",
    "tracking": "MLflow (tracking=)",
}
TAIL = """\
keys (key=value, each once; paths and other texts as they are, ~ is the home folder; lists in Hydra's grammar;
`python -m bench.run --keys` lists all with their meaning)
  'seeds=[0,1,2]'         train every row once per seed
  store=runs              folder of cells, studies, reports and the MLflow file
  name=NAME               keep the study under another name in the store
  data.file=FILE          of data=manifest                 data.coco=FILE data.images=DIR  of data=coco
  'data.bands=[4,3,2]'    which bands are red, green and blue
  data.root=DIR           where the data set lies          data.skip_errors=true  leave out what the audit refuses
  data.limit=N            train on N images                data.fraction=0.1      or on a share of them
  protocol.also=[refsegrs]  score the test splits of further sets too (docs/transfer.md)
  model.fusion= .neck= .decoder=                           what fills each slot
  model.encoder.kind=timm model.encoder.name=NAME          a backbone of timm instead of Swin
  model.encoder.trained_stages=N  the last N stages train  model.encoder.freeze_norm=true  batch norms as they start
  model.encoder.pretrained=FILE  Swin's released .pth, a timm name, or random; must be chosen at scale=paper and base
  model.text.pretrained=DIR      a BERT or an encoder like it, hub id or folder, or random (docs/encoders.md)
  recipe.epochs= .lr= .batch_size= .weight_decay= .size=   how it is trained
  launcher.workers=N      cells trained at once            launcher.threads=N     CPU threads a cell

beside it (each with --help)
  bench.status  bench.check  bench.refer  bench.registry  bench.profile  bench.tune  bench.track  bench.cancel
  bench.gc  bench.weights  bench.predict  bench.demo  bench.attention  bench.decouple
  reports.build  reports.compare  reports.paper
exit codes: 0 done, 1 a cell failed, 2 the request is wrong
"""


def text() -> str:
    """The whole help page."""
    parts = [HEAD]
    for group, title in TITLES.items():
        names = options(group)
        width = max(map(len, names), default=0)
        parts.append(
            "\n".join([title, *(f"  {name:<{width}}  {said}" for name, said in names.items())]) + "\n"
        )
    return "\n".join([*parts, TAIL])
