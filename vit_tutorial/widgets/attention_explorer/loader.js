/**
 * The small script of a page with figures. When a figure comes near the screen it loads what the figure names in data-vt-needs, each file
 * once a page and in order, and starts it. Classic scripts, so that a page opened from a folder works too.
 *
 *   <figure data-vt-figure="explorer" data-vt-needs="vit-engine.js vit-explorer.js model-digits28.js"> ... <script type="application/json">
 *
 * A figure's script registers itself as globalThis.vitTutorialFigures[KIND] = { mount(figure, data, assets) }.
 */
const base = document.currentScript.src.replace(/[^/]*$/, '');
const loads = new Map();

function load(name) {
  if (!loads.has(name)) {
    loads.set(name, new Promise((done, fail) => {
      const script = Object.assign(document.createElement('script'), { src: base + name, onload: done, async: false });
      script.onerror = () => fail(new Error(`the file ${name} is missing`));
      document.head.append(script);
    }));
  }
  return loads.get(name);
}

async function start(figure) {
  try {
    await Promise.all(figure.dataset.vtNeeds.split(' ').map(load));
    const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const kind = globalThis.vitTutorialFigures?.[figure.dataset.vtFigure];
    if (!kind) throw new Error('its script was cut or does not belong to this page');
    await kind.mount(figure, data, { models: globalThis.vitTutorialModels ?? {}, galleries: globalThis.vitTutorialGalleries ?? {} });
  } catch (error) {
    const note = document.createElement('p');
    note.className = 'vt-figure-fault';
    note.setAttribute('role', 'alert');
    note.textContent = `This figure stays a picture: ${error.message}. The rest of the page is not affected.`;
    figure.querySelector('.vt-still').after(note);
  }
}

function begin() {
  const figures = [...document.querySelectorAll('[data-vt-figure]')];
  figures.forEach((figure, i) => { figure.id ||= `figure-${i + 1}`; });
  if (!('IntersectionObserver' in globalThis)) return figures.forEach(start);
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      start(target);
    }
  }, { rootMargin: '800px' });
  for (const figure of figures) {
    if (location.hash.startsWith(`#${figure.id}:`)) start(figure);
    else observer.observe(figure);
  }
}
if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin);
else begin();
