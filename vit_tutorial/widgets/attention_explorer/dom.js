/** Building elements with little writing, and text with a few marks. */

/**
 * element('button', { class: 'x', onclick: f, 'aria-label': 'y' }, 'text', child): properties where the element has them, else attributes.
 * A value of null, undefined or false leaves an attribute out.
 */
export function element(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(options)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** A canvas of width x height pixels with its drawing context as `.pen`. */
export function canvas(width, height = width, options = {}) {
  const node = element('canvas', { width, height, 'aria-hidden': 'true', ...options });
  node.pen = node.getContext('2d', { willReadFrequently: true });
  return node;
}

/** Text with `code` and *emphasis* -> nodes. Nothing else is read: what comes from a caller is never HTML. */
export function marked(text) {
  return String(text).split(/(`[^`]+`|\*[^*]+\*)/).filter(Boolean).map((part) => {
    if (part.length > 2 && part[0] === '`' && part.endsWith('`')) return element('code', {}, part.slice(1, -1));
    if (part.length > 2 && part[0] === '*' && part.endsWith('*')) return element('em', {}, part.slice(1, -1));
    return document.createTextNode(part);
  });
}

/** A formula: letters are set in italics, _x as a subscript, ^x as a superscript. */
export function formula(text) {
  const parts = text.split(/([_^](?:\{[^}]*\}|.)|[A-Za-z]+)/).filter(Boolean);
  return element('span', { class: 'formula' }, parts.map((part) => {
    if (part[0] === '_' || part[0] === '^') {
      return element(part[0] === '_' ? 'sub' : 'sup', {}, part.slice(1).replace(/[{}]/g, ''));
    }
    return /^[A-Za-z]$/.test(part) ? element('var', {}, part) : document.createTextNode(part);
  }));
}

/** Replace what an element shows. Text is only touched where it changed. */
export function show(node, ...content) {
  const flat = content.flat();
  if (flat.every((part) => typeof part === 'string')) {
    const text = flat.join('');
    if (node.textContent !== text || node.childElementCount) node.textContent = text;
  } else node.replaceChildren(...flat);
}

/** A labelled switch: { node, set(on) }. `change(on)` is called when the reader turns it. */
export function switcher(label, change) {
  const input = element('input', { type: 'checkbox', role: 'switch', onchange: () => change(input.checked) });
  const node = element('label', { class: 'switch' }, input, element('span', {}, label));
  return { node, input, set(on) { input.checked = on; } };
}

/** One choice out of a few, as radio buttons that look like one control: { node, set(value) }. */
let groups = 0;
export function segmented(label, choices, change, className = '') {
  const name = `vt-group-${groups++}`;
  const inputs = choices.map(([value]) => element('input', { type: 'radio', name, value, onchange: () => change(value) }));
  const labels = choices.map(([, text, title], i) => element('label', { title }, inputs[i], element('span', {}, text)));
  const node = element('div', { class: `segmented ${className}`, role: 'radiogroup', 'aria-label': label }, labels);
  return { node, inputs, set(value) { for (const input of inputs) input.checked = input.value === String(value); } };
}

/** A slider with its name and its value: { node, input, set(value, text) }. */
export function slider(label, { min, max, step = 1 }, change) {
  const input = element('input', { type: 'range', min, max, step, 'aria-label': label, oninput: () => change(Number(input.value)) });
  const output = element('output', {});
  const node = element('label', { class: 'slider' }, element('span', { class: 'name' }, label), input, output);
  return {
    node, input,
    set(value, text = String(value)) {
      input.value = value;
      input.style.setProperty('--filled', `${(100 * (value - min)) / (max - min || 1)}%`);
      if (input.getAttribute('aria-valuetext') !== text) input.setAttribute('aria-valuetext', text);
      show(output, text);
    },
  };
}

/** A plain button. */
export const button = (label, onclick, options = {}) => element('button', { type: 'button', onclick, ...options }, label);
