/** The view as code: the same numbers, computed with vit_tutorial. A test runs what this writes and compares. */
import { CHANGES, DEFAULTS } from './state.js';

const list = (values) => `[${values.join(', ')}]`;

/** @param state of the figure; @param model its name; @param picture a data address for what is not in the gallery, else null. */
export function toPython({ state, model, shape, picture }) {
  const { layer, head, query, show, view } = state;
  const changed = CHANGES.filter((key) => JSON.stringify(state[key]) !== JSON.stringify(DEFAULTS[key]));
  const prefix = shape.prefix, token = query === 'class' ? 0 : prefix + query;
  const imports = ['from vit_tutorial.interpret import record_attention', 'from vit_tutorial.widgets import load_page_model, open_picture'];
  const lines = [`model = load_page_model("${model}")`,
    picture ? `image = open_picture("${model}", "${picture}")` : `image = open_picture("${model}", "${state.image}")  # [1, ${shape.channels}, ${shape.height}, ${shape.width}]`];

  if (changed.includes('move')) {
    imports.push('from vit_tutorial.patches import patchify, unpatchify');
    lines.push(`move = ${list(state.move)}  # position i shows patch move[i]`,
      `image = unpatchify(patchify(image, ${shape.patchSize})[:, move], ${shape.patchSize}, model.grid_size)`);
  }
  if (changed.includes('positions')) lines.push('model.pos_embed.data.zero_()  # no position embedding');
  if (changed.includes('temperature') || changed.includes('scale')) {
    const factor = state.scale === 0.5 ? `1 / ${state.temperature}` : `${shape.headDim} ** ${0.5 - state.scale} / ${state.temperature}`;
    lines.push('for block in model.blocks:  # scores are linear in the queries',
      `    block.attn.qkv.weight.data[:${shape.dim}] *= ${factor}`, `    block.attn.qkv.bias.data[:${shape.dim}] *= ${factor}`);
  }
  for (const name of state.headsOff) {
    const [l, h] = name.split('.').map(Number);
    lines.push(`model.blocks[${l}].attn.proj.weight.data[:, ${h * shape.headDim}:${(h + 1) * shape.headDim}] = 0  # head ${h} of layer ${l} off`);
  }
  if (changed.includes('hide')) {
    imports.unshift('import torch', '');
    lines.push(`seen = torch.ones(${shape.tokens}, dtype=torch.bool)`, `seen[[${prefix} + i for i in ${list(state.hide)}]] = False  # hidden patches`,
      'for block in model.blocks:', '    block.attn.register_forward_pre_hook(lambda layer, inputs: (inputs[0], seen[None, None, None, :]))');
  }
  lines.push('', 'with record_attention(model) as maps:  # a layer: [1, heads, tokens, tokens]', '    tokens = model.forward_features(image)',
    `probabilities = model.forward_head(tokens${changed.includes('hide') ? '[:, seen]' : ''})[0].softmax(-1)`);
  const heads = head === 'mean' ? '[0].mean(0)' : `[0, ${head}]`;
  if (view === 'positions') {
    const at = query === 'class' ? Math.floor(shape.rows / 2) * shape.columns + Math.floor(shape.columns / 2) : query;
    imports.push('from torch.nn.functional import cosine_similarity');
    lines.splice(1, 0, `places = model.pos_embed[0, -${shape.patches}:].detach()  # of the patches`, `shown = cosine_similarity(places, places[${at}], dim=-1)`);
  } else if (show === 'rollout') {
    imports[0] = 'import torch';
    imports.unshift('from functools import reduce', '');
    imports.push('from vit_tutorial.interpret import record_attention');
    lines.push(`steps = [(A[0].mean(0) + torch.eye(${shape.tokens})) / 2 for A in maps[:${layer + 1}]]`, 'rollout = reduce(lambda before, A: A @ before, steps)',
      `shown = rollout[${token}]  # from ${query === 'class' ? 'the class token' : `patch ${query}`} to every token`);
  } else if (show === 'received') lines.push(`shown = maps[${layer}]${heads}.mean(0)  # received by every token`);
  else lines.push(`shown = maps[${layer}]${heads}[${token}]  # from ${query === 'class' ? 'the class token' : `patch ${query}`} to every token`);
  return `${[...new Set(imports.filter((line, i) => line || i < 3))].join('\n')}\n\n${lines.join('\n')}\n`;
}
