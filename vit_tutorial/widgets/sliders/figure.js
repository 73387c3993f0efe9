/** What a live figure shows below its picture, in the page and in a notebook: one control a parameter, a fault line, and a voice. */
import { element, segmented, show, slider, switcher } from '../attention_explorer/dom.js';
import styles from './live.css';

export { styles };

const SHORT = 9; // letters of a name that stands beside its control on a narrow screen; longer ones stand above
const PAUSE = 600; // ms without a change until the new alternative text is read out

/**
 * Controls for parameters [{ label, kind, texts }]. A setting is its places: for each parameter the number of its value, from 0.
 * `changed(places)` is called when the reader moves a control. Returns { node, places, set(places), fault(text), say(text) }.
 */
export function createControls(parameters, start, changed) {
  const places = [...start];
  const controls = parameters.map((parameter, i) => createControl(parameter, (place) => {
    if (places[i] === place) return;
    places[i] = place;
    controls[i].set(place);
    changed([...places]);
  }));
  const alarm = element('p', { class: 'alarm', role: 'alert', hidden: true });
  const voice = element('p', { class: 'spoken', role: 'status' });
  const short = parameters.every(({ label, kind }) => kind === 'switch' || label.length <= SHORT);
  const node = element('div', { class: `controls ${short ? 'short' : ''}`, role: 'group', 'aria-label': 'Settings of this figure' },
    controls.map((control) => control.node), alarm, voice);
  let timer;
  const set = (next) => next.forEach((place, i) => { places[i] = place; controls[i].set(place); });
  set(start);
  return {
    node, places, set,
    fault(text) { show(alarm, text); alarm.hidden = !text; },
    say(text) { clearTimeout(timer); timer = setTimeout(() => show(voice, text), PAUSE); },
  };
}

/** The control of one parameter: { node, set(place) }. */
function createControl({ label, kind, texts }, changed) {
  if (kind === 'slider') {
    const { node, input, set } = slider(label, { min: 0, max: texts.length - 1 }, changed);
    node.querySelector('output').style.minWidth = `${Math.max(...texts.map((text) => text.length))}ch`;
    input.disabled = texts.length < 2;
    return { node, set: (place) => set(place, texts[place]) };
  }
  if (kind === 'switch') {
    const on = texts.indexOf('True');
    const { node, set } = switcher(label, (checked) => changed(checked ? on : 1 - on));
    return { node, set: (place) => set(place === on) };
  }
  if (kind === 'choice') {
    const { node, set } = segmented(label, texts.map((text, place) => [String(place), text]), (place) => changed(Number(place)));
    return { node: element('div', { class: 'row' }, element('span', { class: 'name', 'aria-hidden': 'true' }, label), node), set };
  }
  const select = element('select', { onchange: () => changed(select.selectedIndex) }, texts.map((text) => element('option', {}, text)));
  return {
    node: element('label', { class: 'row' }, element('span', { class: 'name' }, label), select),
    set(place) { select.selectedIndex = place; },
  };
}
