/** One row of attention, computed before the reader's eyes: scores, scaling, softmax, weighted sum, with the model's own numbers. */
import { amountScale, css, signedScale } from '../colours.js';
import { button, element, formula, segmented, show } from '../dom.js';
import { nameOf } from '../patch-grid.js';
import { patchOf, strongest, tokenOf, vectorOf, weightsOf } from '../reading.js';
import { number } from './attention.js';

const STEPS = [
  ['Scores', 's_j = q · k_j', 'The query is compared with every key: one dot product a patch. Multiply the two strips number by number, and add.'],
  ['Scale', 's_j / √d', 'Dividing by the square root of the head width keeps the spread of the scores near 1, however wide the head.'],
  ['Softmax', 'w_j = exp s_j / Σ_i exp s_i', 'The exponential makes them positive; dividing by the sum makes them shares of 1. This is the attention map.'],
  ['Weighted sum', 'o = Σ_j w_j v_j', 'Each patch gives its value vector, in the amount of its weight. The sum is what the head writes for this query.'],
];
const SHOWN = 5; // keys in the table

/** All numbers of one query's row. */
export function rowOf(ctx) {
  const { shape, state } = ctx, { layer, head } = state, { tokens: N, headDim: d } = shape;
  const i = tokenOf(ctx, state.query), q = vectorOf(ctx, 'q', layer, head, i);
  const dots = new Float32Array(N), sizes = new Float32Array(N), b = ctx.r.blocks[layer];
  const weights = weightsOf(ctx, layer, head).subarray(i * N, (i + 1) * N);
  const scaled = b.scores.subarray((head * N + i) * N, (head * N + i + 1) * N);
  for (let j = 0; j < N; j++) {
    const k = vectorOf(ctx, 'k', layer, head, j), v = vectorOf(ctx, 'v', layer, head, j);
    let dot = 0, square = 0;
    for (let c = 0; c < d; c++) { dot += q[c] * k[c]; square += v[c] * v[c]; }
    dots[j] = dot;
    sizes[j] = weights[j] * Math.sqrt(square);
  }
  const key = state.key === 'auto' ? strongest(weights) : tokenOf(ctx, state.key);
  return { i, q, dots, scaled, weights, sizes, key, output: b.context.subarray(i * shape.dim + head * d, i * shape.dim + (head + 1) * d) };
}

export function stepsView(ctx) {
  const { shape, set } = ctx, { prefix, columns, headDim: d } = shape;
  const tabs = STEPS.map(([name], i) => button([element('b', {}, String(i + 1)), ` ${name}`], () => set({ step: i }), { class: 'step' }));
  const back = button('Back', () => set({ step: ctx.state.step - 1 }), { class: 'quiet' });
  const next = button('Next step', () => set({ step: ctx.state.step + 1 }), { class: 'primary' });
  const title = element('p', { class: 'step-formula' }), text = element('p', { class: 'note' });
  const strips = element('div', { class: 'strips' });
  const divisor = segmented('Divide the scores by', [['0.5', '√d'], ['0', '1'], ['1', 'd']], (value) => set({ scale: Number(value) }));
  const choice = element('div', { class: 'buttons' }, element('span', { class: 'note' }, 'In every layer, divide by'), divisor.node);
  const body = element('tbody', {});
  const heads = ['q · k', 'scaled', 'softmax', 'w · |v|'].map((name) => element('th', { scope: 'col' }, name));
  const table = element('table', { class: 'numbers' }, element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'key'), heads)), body);
  const node = element('div', { class: 'view' },
    element('div', { class: 'steps', role: 'group', 'aria-label': 'Steps of attention' }, tabs),
    element('div', { class: 'columns' },
      element('div', { class: 'stack' }, title, text, strips, choice, element('div', { class: 'buttons' }, back, next)),
      element('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Numbers of the strongest keys' }, table)));
  const lines = Array.from({ length: SHOWN + 1 }, () => {
    const name = button('', () => set({ key: lines.find((line) => line.name === name).key }), { class: 'link' });
    const cells = heads.map(() => element('td', {}));
    const row = element('tr', {}, element('th', { scope: 'row' }, name), cells);
    body.append(row);
    return { row, name, cells, key: 0 };
  });

  const short = (token) => (token < prefix ? 'class' : `patch ${token - prefix}`);
  const strip = (label, values, scale, result = '') => element('div', { class: 'strip' }, element('span', { class: 'strip-name' }, label),
    element('span', { class: 'strip-cells', role: 'img', 'aria-label': `${label}: ${Array.from(values, (x) => number(x)).join(', ')}` },
      Array.from(values, (x) => element('i', { style: `background: ${css(scale.colour(x))}`, title: number(x, 3) }))),
    element('span', { class: 'strip-sum' }, result));
  const times = (a, b) => Float32Array.from(a, (x, c) => x * b[c]);

  function explain(row) {
    const { layer, head, step } = ctx.state, j = row.key, name = short(j);
    const k = vectorOf(ctx, 'k', layer, head, j), v = vectorOf(ctx, 'v', layer, head, j);
    if (step === 0) {
      const product = times(row.q, k), scale = signedScale([...row.q, ...k]);
      return [strip('q', row.q, scale), strip(`k of ${name}`, k, scale), strip('product', product, signedScale(product), `sum ${number(row.dots[j])}`)];
    }
    if (step === 1) {
      const { temperature, scale: power } = ctx.state, by = d ** power;
      const heat = temperature === 1 ? '' : ` / ${number(temperature)}`;
      return [element('p', { class: 'sum' }, `${name}: ${number(row.dots[j])} / ${power === 0.5 ? `√${d}` : number(by)}${heat} = ${number(row.scaled[j])}`)];
    }
    if (step === 2) {
      const top = row.scaled.reduce((a, b) => Math.max(a, b), -Infinity), total = row.scaled.reduce((sum, s) => sum + Math.exp(s - top), 0);
      return [element('p', { class: 'sum' }, `${name}: exp(${number(row.scaled[j])}) / Σ = ${number(Math.exp(row.scaled[j] - top) / total, 3)}`),
        element('p', { class: 'note' }, `All ${shape.tokens} weights add up to ${number(row.weights.reduce((a, b) => a + b, 0), 3)}.`)];
    }
    const part = Float32Array.from(v, (x) => x * row.weights[j]), scale = signedScale([...v, ...row.output]);
    return [strip(`v of ${name}`, v, scale), strip(`${number(row.weights[j])} · v`, part, scale), strip('sum of all, o', row.output, scale)];
  }

  return {
    node,
    map() {
      const row = rowOf(ctx), { step, layer, head } = ctx.state;
      const values = [row.dots, row.scaled, row.weights, row.sizes][step].subarray(prefix);
      const titles = ['Scores, q · k', 'Scaled scores', 'Weights', 'Given, w · |v|'];
      return {
        values, scale: step < 2 ? signedScale(values) : amountScale(values), classValue: prefix ? [row.dots, row.scaled, row.weights, row.sizes][step][0] : null,
        title: titles[step], subtitle: `${ctx.state.query === 'class' ? 'class token' : `patch ${ctx.state.query}`}, layer ${layer}, head ${head}`, key: patchOf(ctx, row.key),
      };
    },
    sentence() {
      const row = rowOf(ctx), j = row.key, name = nameOf(patchOf(ctx, j), columns);
      return `Query ${nameOf(ctx.state.query, columns)}, key ${name}: q · k = ${number(row.dots[j])}, scaled ${number(row.scaled[j])}, weight ${number(row.weights[j], 3)}.`;
    },
    update() {
      const row = rowOf(ctx), { step } = ctx.state;
      tabs.forEach((tab, i) => tab.setAttribute('aria-pressed', i === step));
      back.disabled = step === 0;
      next.disabled = step === 3;
      show(title, formula(STEPS[step][1]));
      show(text, STEPS[step][2]);
      show(strips, ...explain(row));
      choice.hidden = step !== 1;
      divisor.set(String(ctx.state.scale));
      const order = Array.from(row.weights.keys()).sort((a, b) => row.weights[b] - row.weights[a]).filter((j) => j !== row.key);
      [row.key, ...order.slice(0, SHOWN)].forEach((j, at) => {
        const line = lines[at], values = [row.dots[j], row.scaled[j], row.weights[j], row.sizes[j]];
        line.key = patchOf(ctx, j);
        show(line.name, short(j));
        line.row.classList.toggle('selected', at === 0);
        line.cells.forEach((cell, c) => {
          show(cell, c <= step ? number(values[c], c > 1 ? 3 : 2) : '');
          cell.classList.toggle('now', c === step);
        });
      });
    },
  };
}
