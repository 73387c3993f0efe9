/** In a notebook: the same figure as an anywidget. What the reader does goes to Python, what Python sets comes back. */
import { createCalculator } from './figure.js';
import { DEFAULTS } from './state.js';

const FIELDS = Object.keys(DEFAULTS); // traits of CostCalculator (state.py)

function render({ model, el }) {
  const host = document.createElement('div');
  el.append(host);
  const calculator = createCalculator(host, {
    state: Object.fromEntries(FIELDS.map((field) => [field, model.get(field)])),
    changed(now, fields) {
      for (const field of fields) model.set(field, now[field]);
      model.save_changes();
    },
  });
  const listeners = FIELDS.map((field) => [`change:${field}`, () => {
    if (model.get(field) !== calculator.state[field]) calculator.set({ [field]: model.get(field) });
  }]);
  for (const [event, listener] of listeners) model.on(event, listener);
  return () => {
    for (const [event, listener] of listeners) model.off(event, listener);
    calculator.destroy();
  };
}

export default { render };
