/** In a built page: what the loader (../attention_explorer/loader.js) calls when the figure comes near the screen. */
import { costOf, fault } from './cost.js';
import { createCalculator } from './figure.js';

function mount(figure, data) {
  const host = document.createElement('div');
  figure.calculator = createCalculator(host, { state: data.state });
  figure.querySelector('.vt-still')?.replaceWith(host);
}

(globalThis.vitTutorialFigures ??= {}).cost_calculator = { mount };
globalThis.VitCost = { costOf, fault };
