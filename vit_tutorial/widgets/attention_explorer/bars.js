/** The prediction as bars, with a tick where each bar ended before the reader changed something. */
import { element, show } from './dom.js';

const VISIBLE = 0.005; // a smaller change gets no tick

export const percent = (p) => (p < 0.0005 ? '0.0' : (100 * p).toFixed(1));

export function createBars(classes) {
  const rows = classes.map((name) => {
    const fill = element('span', { class: 'fill' }), before = element('span', { class: 'before' }), value = element('span', { class: 'value' });
    const node = element('li', {}, element('span', { class: 'class' }, name), element('span', { class: 'track', 'aria-hidden': 'true' }, fill, before), value);
    return { node, fill, before, value };
  });
  const node = element('ul', { class: 'bars', 'aria-label': 'Probability of each class' }, rows.map((row) => row.node));
  return {
    node,
    /** probabilities [K], or null where there is nothing to answer yet; and those of the untouched model or null. */
    set(probabilities, baseline) {
      const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
      rows.forEach(({ node: li, fill, before, value }, i) => {
        li.classList.toggle('best', i === best);
        fill.style.transform = `scaleX(${probabilities ? probabilities[i] : 0})`;
        if (!probabilities) {
          before.hidden = true;
          show(value, '');
          return;
        }
        before.style.left = baseline ? `${100 * baseline[i]}%` : '';
        before.hidden = !baseline || Math.abs(baseline[i] - probabilities[i]) < VISIBLE;
        show(value, `${percent(probabilities[i])} %`);
      });
    },
  };
}
