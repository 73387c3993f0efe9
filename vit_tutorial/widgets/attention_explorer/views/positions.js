/** What the model learned about places: which position embeddings resemble each other, and what happens without them. */
import { signedScale, css } from '../colours.js';
import { element, show, switcher } from '../dom.js';
import { similarity, strongest } from '../reading.js';
import { createPatchGrid, nameOf } from '../patch-grid.js';
import { number } from './attention.js';

const PIXELS = 4; // of a small map, a patch
const GAP = 2;

/** How many positions have their most similar other position beside them in the picture, and how many would by chance. */
export function neighbours(values, { rows, columns, patches: n }) {
  let found = 0, beside = 0;
  for (let i = 0; i < n; i++) {
    const apart = (j) => Math.max(Math.abs(Math.floor(i / columns) - Math.floor(j / columns)), Math.abs((i % columns) - (j % columns)));
    const row = Float32Array.from(values.subarray(i * n, (i + 1) * n));
    row[i] = -2;
    if (apart(strongest(row)) === 1) found++;
    for (let j = 0; j < n; j++) if (apart(j) === 1) beside++;
  }
  return { found, chance: beside / (n - 1) };
}

export function positionsView(ctx) {
  const { shape, set } = ctx, { rows, columns, patches: n } = shape;
  const onOff = switcher('Position embeddings on', (positions) => set({ positions }));
  const all = createPatchGrid('Similarity of all position embeddings: one small map a position', { ...shape, prefix: 0 }, {
    point: (kind, patch) => (kind === 'click' || kind === 'move') && set({ query: patch }),
    focus: (patch) => set({ query: patch }),
  });
  all.node.classList.add('all-positions');
  const effect = element('p', { class: 'note' }), counted = element('p', { class: 'note' });
  const node = element('div', { class: 'view columns' },
    element('div', {}, element('p', { class: 'subtitle' }, 'All positions'), all.node),
    element('div', { class: 'stack' }, element('p', { class: 'subtitle' }, 'Without positions'), onOff.node, effect,
      element('p', { class: 'note' }, 'Each small map compares one position with all others: the cosine of the angle between their embeddings. Nobody told the model what lies beside what.'), counted));
  let drawn = false;

  function paintAll(values) {
    const { picture, pen } = all, width = columns * (columns * PIXELS + GAP), height = rows * (rows * PIXELS + GAP);
    [picture.width, picture.height] = [width, height];
    const scale = signedScale(values, 1);
    for (let i = 0; i < n; i++) {
      const left = (i % columns) * (columns * PIXELS + GAP) + GAP / 2, top = Math.floor(i / columns) * (rows * PIXELS + GAP) + GAP / 2;
      for (let j = 0; j < n; j++) {
        pen.fillStyle = css(scale.colour(values[i * n + j]));
        pen.fillRect(left + (j % columns) * PIXELS, top + Math.floor(j / columns) * PIXELS, PIXELS, PIXELS);
      }
    }
  }
  const query = () => (ctx.state.query === 'class' ? Math.floor(rows / 2) * columns + Math.floor(columns / 2) : ctx.state.query);
  return {
    node,
    map() {
      const values = similarity(ctx), at = query();
      if (!values) return { values: new Float32Array(n), scale: signedScale([], 1), title: 'Positions', subtitle: 'this model has none' };
      return {
        values: values.subarray(at * n, (at + 1) * n), scale: signedScale([], 1), selected: at,
        title: 'Similar positions', subtitle: `cosine with patch ${at}`,
      };
    },
    sentence() {
      const values = similarity(ctx), at = query();
      if (!values) return 'This model has no position embeddings.';
      const row = Float32Array.from(values.subarray(at * n, (at + 1) * n));
      row[at] = -2;
      const best = strongest(row);
      return `The position of ${nameOf(at, columns)} is most like that of ${nameOf(best, columns)}: cosine ${number(row[best])}.`;
    },
    update(changed) {
      const values = similarity(ctx);
      if (values && !drawn) {
        paintAll(values);
        const { found, chance } = neighbours(values, shape);
        show(counted, `For ${found} of the ${n}, the most similar other position lies beside it in the picture, corners counted. If places meant nothing it would be about ${number(chance, 1)}.`);
        drawn = true;
      }
      onOff.set(ctx.state.positions);
      if (changed.has('query') || changed.has('view')) {
        const at = query();
        all.mark((patch) => ({ label: nameOf(patch, columns), className: patch === at ? 'is-query' : '', selected: patch === at }));
      }
      const { classes } = ctx.vit, p = ctx.r.probabilities, before = ctx.baseline ?? p, best = strongest(before);
      show(effect, ctx.state.positions
        ? 'Switch them off and the model sees a bag of patches: then no order of them is better than another. Try it, then shuffle the picture.'
        : `Off: the probability of ${classes[best]} is ${number(100 * p[best], 1)} %, with them ${number(100 * before[best], 1)} %. Shuffling the patches now changes nothing.`);
    },
  };
}
