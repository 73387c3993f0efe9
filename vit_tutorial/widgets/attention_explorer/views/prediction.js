/** How the prediction comes about: what the head would read after each layer, and what each attention head contributes. */
import { amountScale, css, inkOn } from '../colours.js';
import { button, element, show } from '../dom.js';
import { strongest } from '../reading.js';
import { attentionMap, number } from './attention.js';

/** A change in points with its sign: +0.3, −12, 0.0. */
const points = (x) => (Math.abs(x) < 0.05 ? '0.0' : (x > 0 ? '+' : '') + number(x, Math.abs(x) < 9.95 ? 1 : 0));

export function predictionView(ctx) {
  const { shape, set, vit } = ctx;
  const scale = amountScale([1]);
  const head = element('tr', {}, element('td', {}), vit.classes.map((name) => element('th', { scope: 'col' }, element('span', {}, name))));
  const rows = Array.from({ length: shape.depth + 1 }, (_, i) => {
    const cells = vit.classes.map(() => element('td', {}));
    const name = i === 0 ? 'tokens' : `layer ${i - 1}`;
    return { cells, node: element('tr', {}, element('th', { scope: 'row' }, name), cells) };
  });
  const lens = element('table', { class: `lens ${vit.classes.some((name) => name.length > 2) ? 'long' : ''}` },
    element('caption', {}, 'Probability in per cent, read from the residual stream after each layer'),
    element('thead', {}, head), element('tbody', {}, rows.map((row) => row.node)));

  const toggles = [];
  const switches = element('div', { class: 'heads switches', role: 'group', 'aria-label': 'Attention heads, on or off', style: `--heads: ${shape.heads}` });
  for (let layer = 0; layer < shape.depth; layer++) {
    const row = element('div', {}, element('span', { class: 'row-name', 'aria-hidden': 'true' }, `layer ${layer}`));
    for (let h = 0; h < shape.heads; h++) {
      const name = `${layer}.${h}`;
      const node = button(String(h), () => {
        const off = new Set(ctx.state.headsOff);
        if (!off.delete(name)) off.add(name);
        set({ headsOff: [...off] });
      }, { class: 'head-switch', 'aria-label': `layer ${layer}, head ${h}` });
      toggles.push({ node, name });
      row.append(node);
    }
    switches.append(row);
  }
  // What the predicted class loses, in points, when one head alone is silent: one forward pass a head, with pauses for the page.
  let effects = null, measuring = 0;
  const measure = button('Measure each head', async () => {
    const best = strongest(ctx.r.probabilities), before = ctx.r.probabilities[best], round = ++measuring, found = {};
    for (const { name } of toggles) {
      if (performance.now() - (measure.since ?? 0) > 12) {
        await new Promise(requestAnimationFrame);
        measure.since = performance.now();
      }
      if (round !== measuring) return; // something else changed meanwhile
      found[name] = 100 * (ctx.without(name)[best] - before);
    }
    ctx.compute(); // the intermediates are this figure's again
    effects = found;
    label();
    ctx.say(`Most of ${vit.classes[best]} is lost without head ${Object.keys(found).sort((a, b) => found[a] - found[b])[0]}.`);
  });
  const label = () => {
    for (const { node: toggle, name } of toggles) {
      const head = name.split('.')[1], change = effects && points(effects[name]);
      show(toggle, ...(effects ? [element('b', {}, change)] : [head]));
      toggle.setAttribute('aria-label', `layer ${name.split('.')[0]}, head ${head}${effects ? `: ${change} points` : ''}`);
      toggle.title = toggle.getAttribute('aria-label');
    }
    measure.hidden = Boolean(effects);
  };
  const node = element('div', { class: 'view columns' },
    element('div', {}, element('p', { class: 'subtitle' }, 'Read out after each layer'), element('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Read out after each layer' }, lens)),
    element('div', { class: 'stack' }, element('p', { class: 'subtitle' }, 'Heads on and off'), switches,
      element('p', { class: 'note' }, 'Press a head to silence it; ticks on the bars mark the untouched model. Measured, the numbers are what the predicted class gains or loses, in points, without that head.'),
      element('div', { class: 'buttons small' }, measure)));
  return {
    node, map: attentionMap,
    sentence() {
      const p = ctx.r.probabilities, best = strongest(p), before = ctx.baseline;
      const change = before ? ` Untouched, it was ${number(100 * before[best], 1)} %.` : '';
      const readings = ctx.lens, first = readings.findIndex((_, i) => readings.slice(i).every((x) => strongest(x.probabilities) === best));
      const when = first === 0 ? 'already from the tokens' : `from layer ${first - 1} on`;
      return `The model says ${ctx.vit.classes[best]}, ${number(100 * p[best], 1)} %; its head would read this ${when}.${change}`;
    },
    update(changed) {
      if (changed.has('forward') || changed.has('view') || !ctx.lens) {
        ctx.lens = ctx.engine.logitLens(ctx.vit, ctx.r);
        ctx.lens.forEach(({ probabilities }, i) => {
          const best = strongest(probabilities);
          rows[i].cells.forEach((cell, k) => {
            const colour = scale.colour(probabilities[k]);
            cell.style.background = ctx.empty ? '' : css(colour);
            cell.style.color = inkOn(colour);
            cell.classList.toggle('best', k === best && !ctx.empty);
            show(cell, ctx.empty ? '' : String(Math.round(100 * probabilities[k])));
          });
        });
      }
      if (changed.has('forward')) {
        measuring++;
        effects = null;
        label();
      }
      const off = new Set(ctx.state.headsOff);
      for (const { node: toggle, name } of toggles) toggle.setAttribute('aria-pressed', !off.has(name));
    },
  };
}
