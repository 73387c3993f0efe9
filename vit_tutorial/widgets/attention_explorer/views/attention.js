/** Who looks where: one map over the picture, and all heads of all layers beside each other. */
import { amountScale } from '../colours.js';
import { canvas, element, segmented, slider } from '../dom.js';
import { paintTiny } from '../paint.js';
import { attentionTo, headNumbers, patchOf, strongest } from '../reading.js';
import { nameOf } from '../patch-grid.js';

export const number = (x, digits = 2) => (Number.isFinite(x) ? x.toFixed(digits).replace('-', '−') : '–');

/** Of a layer's heads that a map shows, those that the reader has switched off: their weights are still computed, and count for nothing. */
function silence({ headsOff }, layer, head, heads) {
  const off = headsOff.filter((name) => name.startsWith(`${layer}.`)).length;
  if (head === 'mean') return off ? `, ${off} of ${heads} switched off` : '';
  return headsOff.includes(`${layer}.${head}`) ? ', switched off' : '';
}

/** The map of the attention view, also shown beside the prediction. */
export function attentionMap(ctx) {
  const { state, shape } = ctx, { layer, head, query } = state;
  const values = attentionTo(ctx), patches = values.subarray(shape.prefix), scale = amountScale(patches);
  const who = head === 'mean' ? 'mean of heads' : `head ${head}`, whose = query === 'class' ? 'class token' : `patch ${query}`;
  const title = { query: 'Attention', received: 'Attention received', rollout: 'Attention rollout' }[state.show];
  const off = state.show === 'rollout' ? '' : silence(state, layer, head, shape.heads);
  const subtitle = { query: `${whose}, layer ${layer}, ${who}${off}`, received: `layer ${layer}, ${who}${off}`, rollout: `${whose}, layers 0 to ${layer}` }[state.show];
  return {
    values: patches, classValue: shape.prefix ? values[0] : null, scale, title, subtitle, silent: off === ', switched off' || off.startsWith(`, ${shape.heads} of`),
  };
}

export function sentence(ctx) {
  const { state, shape, r } = ctx, values = attentionTo(ctx), best = strongest(values);
  const name = (patch) => (patch === 'class' ? 'the class token' : nameOf(patch, shape.columns)), to = name(patchOf(ctx, best)), who = state.head === 'mean' ? 'mean of the heads' : `head ${state.head}`;
  const whose = name(state.query);
  const start = {
    query: `In layer ${state.layer}, ${who}, ${whose} looks most at ${to}: ${number(values[best])}.`,
    received: `In layer ${state.layer}, ${who}, ${to} is looked at most: ${number(values[best])} of all attention.`,
    rollout: `Through layers 0 to ${state.layer}, most of what reaches ${whose} comes from ${to}: ${number(values[best])}.`,
  }[state.show];
  const { entropy, distance } = headNumbers(ctx, state.layer, state.head), all = Math.log(shape.tokens - r.hidden.size);
  if (state.show === 'rollout') return state.headsOff.length ? `${start} Heads that are switched off are counted here.` : start;
  const off = silence(state, state.layer, state.head, shape.heads);
  const silent = state.head === 'mean' ? `In this layer, ${off.slice(2).replace('switched', 'heads are switched')}: what they collect` : 'This head is switched off: what it collects';
  if (off) return `${start} ${silent} is thrown away.`;
  return `${start} Entropy ${number(entropy)} of at most ${number(all)} nats, mean distance ${number(distance, 1)} pixels.`;
}

export function attentionView(ctx) {
  const { shape, set } = ctx;
  const kind = segmented('Whose attention', [
    ['query', 'Of the query', 'where the query patch looks'],
    ['received', 'Received', 'how much each patch is looked at, mean of all queries'],
    ['rollout', 'Rollout', 'attention multiplied through the layers (Abnar and Zuidema 2020)'],
  ], (value) => set({ show: value }));

  const cells = [];
  const table = element('div', { role: 'grid', class: 'heads', 'aria-label': 'All heads: one row a layer', style: `--heads: ${shape.heads}` });
  for (let layer = 0; layer < shape.depth; layer++) {
    const row = element('div', { role: 'row' }, element('span', { role: 'rowheader', class: 'row-name' }, `layer ${layer}`));
    for (let head = 0; head < shape.heads; head++) {
      const picture = canvas(shape.columns, shape.rows);
      const node = element('div', { role: 'gridcell', tabindex: -1, class: 'head', onclick: () => { set({ layer, head }); reach(layer, head); } }, picture);
      row.append(node);
      cells.push({ node, picture, layer, head });
    }
    table.append(row);
  }
  const reach = (layer, head) => {
    const target = cells[layer * shape.heads + head];
    for (const { node } of cells) node.tabIndex = -1;
    target.node.tabIndex = 0;
    return target.node;
  };
  table.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const { layer, head } = ctx.state, at = head === 'mean' ? 0 : head;
    const to = { layer: Math.max(0, Math.min(shape.depth - 1, layer + step[0])), head: Math.max(0, Math.min(shape.heads - 1, at + step[1])) };
    set(to);
    reach(to.layer, to.head).focus();
  });

  const temperature = slider('Temperature', { min: -2, max: 3, step: 0.25 }, (power) => set({ temperature: 2 ** power }));
  const node = element('div', { class: 'view' }, kind.node,
    element('div', { class: 'columns' },
      element('div', {}, element('p', { class: 'subtitle' }, 'All heads'), table),
      element('div', { class: 'stack' }, element('p', { class: 'subtitle' }, 'The softmax'), temperature.node,
        element('p', { class: 'note' }, 'Scores are divided by the temperature in every layer: high, and all patches count alike; low, and one takes all. 1 is what the model was trained with.'))));
  return {
    node, map: attentionMap, sentence,
    update(changed) {
      const { state } = ctx;
      kind.set(state.show);
      temperature.set(Math.log2(state.temperature), `${number(state.temperature)}`);
      for (const { node: cell, picture, layer, head } of cells) {
        const selected = layer === state.layer && (head === state.head || state.head === 'mean');
        cell.classList.toggle('selected', selected);
        cell.setAttribute('aria-selected', selected);
        const off = silence(state, layer, head, shape.heads);
        cell.classList.toggle('silent', Boolean(off));
        if (!['query', 'show', 'forward', 'view'].some((name) => changed.has(name))) continue;
        const values = attentionTo(ctx, { layer, head, show: state.show === 'rollout' ? 'query' : state.show }).subarray(shape.prefix);
        paintTiny(picture.pen, values, amountScale(values), shape);
        if (!changed.has('forward') && !changed.has('view')) continue;
        const { entropy, distance } = headNumbers(ctx, layer, head);
        cell.setAttribute('aria-label', `layer ${layer}, head ${head}${off}: entropy ${number(entropy)} nats, mean distance ${number(distance, 1)} pixels`);
        cell.title = `layer ${layer}, head ${head}${off}\nentropy ${number(entropy)} nats\nmean distance ${number(distance, 1)} pixels`;
      }
      if (!table.contains(table.getRootNode().activeElement)) reach(state.layer, state.head === 'mean' ? 0 : state.head);
    },
  };
}
