/** In a notebook: the same figure as an anywidget. What the reader does goes to Python, what Python sets comes back. */
import { createMasker, showFault } from './figure.js';

const FIELDS = ['image', 'hide', 'sampling', 'show']; // of the state, and traits of PatchMasker (widget.py)

async function render({ model, el }) {
  const host = document.createElement('div');
  el.append(host);
  let masker;
  const answer = ({ painted, errors }) => {
    model.set('painted', painted);
    model.set('error', errors.painted);
    model.set('guess_error', errors.guess);
    model.save_changes();
  };
  try {
    const asset = await model.widget_manager.get_model(model.get('asset').replace('IPY_MODEL_', '')); // shared by all figures of a kernel
    masker = await createMasker(host, {
      manifest: asset.get('manifest'), data: asset.get('data'), pictures: asset.get('gallery'),
      state: Object.fromEntries(FIELDS.map((field) => [field, model.get(field)])),
      changed(now, fields, found) {
        for (const field of fields) model.set(field, now[field]);
        answer(found);
      },
    });
  } catch (error) {
    showFault(host, `This figure could not start: ${error.message}.`);
    return undefined;
  }
  answer(masker.answer());
  const listeners = FIELDS.map((field) => [`change:${field}`, () => {
    if (JSON.stringify(model.get(field)) === JSON.stringify(masker.state[field])) return;
    masker.set({ [field]: model.get(field) });
    answer(masker.answer());
  }]);
  for (const [event, listener] of listeners) model.on(event, listener);
  return () => {
    for (const [event, listener] of listeners) model.off(event, listener);
    masker.destroy();
  };
}

export default { render };
