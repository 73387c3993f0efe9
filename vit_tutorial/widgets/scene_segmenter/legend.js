/** The classes: a sample of the colour, the name, and how well the class is found in this picture. */
import { element, show } from '../attention_explorer/dom.js';
import { sample } from './overlay.js';
import styles from './legend.css';

export { styles as legendStyles };

/** set(iou [K] or null, mask): IoU of the classes that are in the truth or in the mask; without a truth the share of the mask. */
export function createLegend(classes, K) {
  const names = classes ?? Array.from({ length: K }, (_, k) => `class ${k}`);
  const rows = names.map((name, k) => {
    const value = element('span', { class: 'value' });
    const node = element('li', {}, element('span', { class: `sample ${k ? '' : 'none'}`, style: `background: ${sample(k)}`, 'aria-hidden': 'true' }), element('span', { class: 'class' }, name), value);
    return { node, value };
  });
  const heading = element('p', { class: 'sub' });
  return {
    node: element('div', { class: 'legend' }, heading, element('ul', {}, rows.map(({ node }) => node))),
    set(iou, mask) {
      show(heading, iou ? 'IoU of each class in this scene' : 'Share of the picture');
      const shares = new Float64Array(K);
      mask.forEach((k) => { shares[k] += 1 / mask.length; });
      rows.forEach(({ node, value }, k) => {
        const there = iou ? !Number.isNaN(iou[k]) : shares[k] > 0;
        node.classList.toggle('absent', !there);
        show(value, !there ? '–' : iou ? iou[k].toFixed(2) : `${(100 * shares[k]).toFixed(1)} %`);
      });
    },
  };
}
