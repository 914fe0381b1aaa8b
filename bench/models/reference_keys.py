"""How weights are called here and in the released LAVT, LGCE, RMSIN and FIANet checkpoints.

Each table maps a piece of our name (a regular expression) to the released piece; all rules apply, in order.
"""

import re

from bench.config.choices import Decoder, Fusion, Neck
from bench.config.schema import ModelConfig

Table = tuple[tuple[str, str], ...]

TEXT: Table = ((r"^text\.bert", "text_encoder"),)
ENCODER: Table = (
    (r"^encoder\.patch_embed", "backbone.patch_embed"),
    (r"^encoder\.stages\.1\.merge", "backbone.layers.0.downsample"),
    (r"^encoder\.stages\.2\.merge", "backbone.layers.1.downsample"),
    (r"^encoder\.stages\.3\.merge", "backbone.layers.2.downsample"),
    (r"^encoder\.stages", "backbone.layers"),
    (r"^encoder\.norms\.", "backbone.norm"),
)
ATTENTION: Table = (
    (r"\.query\.(weight|bias)$", r".f_query.0.\1"),
    (r"\.key\.(weight|bias)$", r".f_key.0.\1"),
    (r"\.value\.(weight|bias)$", r".f_value.0.\1"),
    (r"\.out\.(weight|bias)$", r".W.0.\1"),
)
CONTEXT: Table = (
    (r"^fusions", "backbone.layers"),
    (r"\.context\.visual\.0", ".context.vis_project.0"),
    (r"\.context\.joint\.0", ".context.project_mm.0"),
    (r"\.context\.attention\.", ".context.image_lang_att."),
    *ATTENTION,
)
PWAM: Table = (*CONTEXT, (r"\.context\.", ".fusion."), (r"\.gated\.gate\.", ".res_gate."))
IIM: Table = (
    (r"\.visual\.gated\.gate\.", ".visual_gate."),
    *PWAM,
    (r"\.visual\.where\.0\.point\.0", ".visual_residual.repblock.brb_1x1.conv"),
    (r"\.visual\.where\.0\.point\.1", ".visual_residual.repblock.brb_1x1.bn"),
    (r"\.visual\.where\.0\.around\.0\.0", ".visual_residual.repblock.brb_3x3.conv1"),
    (r"\.visual\.where\.0\.around\.0\.1", ".visual_residual.repblock.brb_3x3.bn1"),
    (r"\.visual\.where\.0\.around\.1\.0", ".visual_residual.repblock.brb_3x3.conv2"),
    (r"\.visual\.where\.0\.around\.1\.1", ".visual_residual.repblock.brb_3x3.bn2"),
    (r"\.visual\.where\.0\.identity", ".visual_residual.repblock.brb_identity"),
    (r"\.visual\.where\.2\.point\.0", ".visual_residual.repblock.brb_1x1_2.conv"),
    (r"\.visual\.where\.2\.point\.1", ".visual_residual.repblock.brb_1x1_2.bn"),
    (r"\.visual\.where\.2\.around\.0\.0", ".visual_residual.repblock.brb_3x3_2.conv1"),
    (r"\.visual\.where\.2\.around\.0\.1", ".visual_residual.repblock.brb_3x3_2.bn1"),
    (r"\.visual\.where\.2\.around\.1\.0", ".visual_residual.repblock.brb_3x3_2.conv2"),
    (r"\.visual\.where\.2\.around\.1\.1", ".visual_residual.repblock.brb_3x3_2.bn2"),
    (r"\.visual\.where\.2\.identity", ".visual_residual.repblock.brb_identity_2"),
)
FIAM: Table = (
    *CONTEXT,
    (r"\.context\.", ".context_pixel_attn."),
    (r"\.alignment\.object\.attention", ".object_position_align_blk.go_cross_attn"),
    (r"\.alignment\.object\.gated\.gate", ".object_position_align_blk.go_tanh_gating"),
    (r"\.alignment\.position\.attention", ".object_position_align_blk.sp_cross_attn"),
    (r"\.alignment\.position\.conv", ".object_position_align_blk.conv1"),
    (r"\.gated\.gate\.", ".context_tanh_gate."),
    (r"\.modulation\.excite\.0", ".fc1"),
    (r"\.modulation\.excite\.2", ".fc2"),
)
CROSS_SCALE: Table = (
    (r"^neck\.down", "neck.down_channel"),
    (r"^neck\.up", "neck.up_channel"),
    (r"^neck\.gates\.(\d)\.local\.0", r"neck.fusion.\1.local_embedding"),
    (r"^neck\.gates\.(\d)\.local\.1", r"neck.fusion.\1.bn1"),
    (r"^neck\.gates\.(\d)\.coarse\.0", r"neck.fusion.\1.global_embedding"),
    (r"^neck\.gates\.(\d)\.coarse\.1", r"neck.fusion.\1.bn2"),
    (r"^neck\.gates\.(\d)\.act\.0", r"neck.fusion.\1.global_act"),
    (r"^neck\.gates\.(\d)\.act\.1", r"neck.fusion.\1.bn3"),
)
TMEM: Table = (
    *CROSS_SCALE,
    *ATTENTION,
    (r"^neck\.mixer\.blocks\.(\d+)\.norm", r"neck.block.\1.norm1"),
    (r"^neck\.mixer\.blocks\.(\d+)\.attention", r"neck.block.\1.tma"),
    (r"^neck\.mixer\.blocks\.(\d+)\.feed_forward\.norm", r"neck.block.\1.norm2"),
    (r"^neck\.mixer\.blocks\.(\d+)\.feed_forward\.net\.0", r"neck.block.\1.ff.net.0"),
    (r"^neck\.mixer\.blocks\.(\d+)\.feed_forward\.net\.2", r"neck.block.\1.ff.net.3"),
    (r"^neck", "backbone.tmem"),
)
CIM: Table = (
    *CROSS_SCALE,
    (r"^neck\.mixer\.across([12])\.bn1", r"neck.block.0.csa\1.m.bn1"),
    (r"^neck\.mixer\.across([12])\.by2", r"neck.block.0.csa\1.m.DWConv1"),
    (r"^neck\.mixer\.across([12])\.by3", r"neck.block.0.csa\1.m.DWConv2"),
    (r"^neck\.mixer\.across([12])\.attention\.qkv", r"neck.block.0.csa\1.m.attention.qkv.c"),
    (r"^neck\.mixer\.across([12])\.attention\.bn", r"neck.block.0.csa\1.m.attention.qkv.bn"),
    (r"^neck\.mixer\.across([12])\.attention\.local", r"neck.block.0.csa\1.m.attention.parallel_conv.1"),
    (r"^neck\.mixer\.across([12])\.attention\.mix", r"neck.block.0.csa\1.m.attention.proj"),
    (r"^neck\.mixer\.across([12])\.attention\.out", r"neck.block.0.csa\1.m.attention.to_out"),
    (r"^neck\.mixer\.across([12])\.bn2", r"neck.block.0.csa\1.m.bn4"),
    (r"^neck\.mixer\.across([12])\.conv", r"neck.block.0.csa\1.m.conv"),
    (r"^neck\.mixer\.within\.0", "neck.block.0.intra_ff.m.ff1.m"),
    (r"^neck\.mixer\.within\.1", "neck.block.0.intra_ff.m.ff2.m"),
    (r"^neck\.mixer\.within\.2", "neck.block.0.intra_ff.m.ff3.m"),
    (r"^neck\.mixer\.within\.3", "neck.block.0.intra_ff.m.ff4.m"),
    (r"^neck\.mixer\.feed_forward", "neck.block.0.ff.m"),
    (r"^neck", "backbone.cim"),
)
LGCE: Table = (
    (r"^neck\.third\.guide", "classifier.lg_layer3"),
    (r"^neck\.fourth\.guide", "classifier.lg_layer4"),
    (r"^neck\.third\.blocks", "classifier.msb1.msb.blocks.0"),
    (r"^neck\.fourth\.blocks", "classifier.msb1.msb.blocks.1"),
    (r"\.attention\.", ".attn."),
    (r"\.mlp\.0", ".mlp.fc1"),
    (r"\.mlp\.2", ".mlp.fc2"),
)
SIMPLE: Table = (
    (r"^decoder", "classifier"),
    (r"\.merges\.0\.(conv|bn)(\d)", r".\1\2_4"),
    (r"\.merges\.1\.(conv|bn)(\d)", r".\1\2_3"),
    (r"\.merges\.2\.(conv|bn)(\d)", r".\1\2_2"),
    (r"\.classify", ".conv1_1"),
)
ROTATED: Table = (
    *SIMPLE,
    (r"\.routing\.depthwise", ".rounting_func.dwc"),
    (r"\.routing\.norm", ".rounting_func.norm.norm"),
    (r"\.routing\.strength", ".rounting_func.fc_alpha"),
    (r"\.routing\.angle", ".rounting_func.fc_theta"),
)

FUSIONS: dict[Fusion, Table] = {Fusion.pwam: PWAM, Fusion.iim: IIM, Fusion.fiam: FIAM}
NECKS: dict[Neck, Table] = {Neck.none: (), Neck.lgce: LGCE, Neck.cim: CIM, Neck.tmem: TMEM}
DECODERS: dict[Decoder, Table] = {Decoder.simple: SIMPLE, Decoder.rotated: ROTATED}

# Stored in released checkpoints and used by none of the published forward passes, or computed from the sizes.
IGNORED: tuple[str, ...] = (
    r"^backbone\.layers\.\d\.blocks\.\d+\.attn\.relative_position_index$",
    r"^backbone\.layers\.\d\.blocks\.\d+\.attn_mask$",
    r"^backbone\.layers\.\d\.object_position_align_blk\.go_embedding\.weight$",
    # LGCE: image patches it never makes, two scales it never mixes, guide tokens it exchanges and throws away
    r"^classifier\.msb[123]\.patch_embed\.",
    r"^classifier\.msb[23]\.",
    r"^classifier\.msb1\.msb\.(projs|fusion|revert_projs)\.",
    r"^classifier\.lg_layer[12]\.",
    r"^text_encoder\.embeddings\.position_ids$",
    r"^text_encoder\.pooler\.dense\.(weight|bias)$",
)


def reference_key(key: str, config: ModelConfig) -> str:
    """Our name of a weight -> its name in a released checkpoint of the architecture in `config`."""
    tables = {
        "text": TEXT,
        "encoder": ENCODER,
        "fusions": FUSIONS[config.fusion],
        "neck": NECKS[config.neck],
        "decoder": DECODERS[config.decoder],
    }
    for ours, theirs in tables[key.partition(".")[0]]:
        key = re.sub(ours, theirs, key)
    return key
