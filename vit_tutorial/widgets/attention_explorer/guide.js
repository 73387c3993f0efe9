/**
 * Steps that lead through the figure, and questions to answer before it shows the result. The caller gives them as data:
 *   { text, state }                                          what to look at, and the state that the figure takes for it
 *   { question, choices, answer, reveal, state }             before the reader has chosen, the figure stays as it is, where `state` only looks
 *                                                            elsewhere; where it changes what the model computes, the figure takes the picture
 *                                                            and the view of it, with the model as it was at the start; then all of it
 * States add up from step to step, and going back takes them back: a field that no step names stays the reader's own.
 */
import { button, element, marked, show } from './dom.js';
import { CHANGES } from './state.js';

export function createGuide(steps, start, { set, say }) {
  const answers = new Map();
  const text = element('div', { class: 'guide-text' }), count = element('span', { class: 'count' });
  const back = button('Back', () => go(-1), { class: 'quiet' }), next = button('Next', () => (at === steps.length - 1 ? again() : go(1)), { class: 'primary' });
  const node = element('section', { class: 'guide', 'aria-label': 'Guided steps' }, text, element('div', { class: 'buttons' }, back, count, next));
  let at = 0;
  const go = (by) => set({ guide: at + by, ...stateAt(at + by) });
  const stateAt = (last) => {
    const fields = steps.flatMap((step) => Object.keys(step.state ?? {})), state = Object.fromEntries(fields.map((field) => [field, start[field]]));
    steps.slice(0, last + 1).forEach((step, i) => {
      const before = { ...state };
      Object.assign(state, step.state);
      if (!step.question || answers.has(i)) return;
      if (CHANGES.every((field) => JSON.stringify(state[field]) === JSON.stringify(before[field]))) Object.assign(state, before);
      else for (const field of CHANGES) if (field in state) state[field] = start[field];
    });
    return state;
  };
  const again = () => {
    answers.clear();
    go(-at);
    render(); // also where there is one step only
  };

  function ask(step) {
    const chosen = answers.get(at);
    const choices = step.choices.map((choice, i) => button(marked(choice), () => {
      answers.set(at, i);
      set(stateAt(at));
      render();
      text.querySelector('.reveal').focus();
      say(`${i === step.answer ? 'Right.' : 'Not quite.'} ${step.reveal}`);
    }, {
      class: `choice ${chosen === undefined ? '' : i === step.answer ? 'right' : i === chosen ? 'wrong' : ''}`,
      'aria-pressed': chosen === i, disabled: chosen !== undefined,
    }));
    const reveal = chosen === undefined ? [] : [element('p', { class: 'reveal', tabindex: -1 },
      element('strong', {}, chosen === step.answer ? 'Right. ' : 'Not quite. '), marked(step.reveal))];
    return [element('p', {}, marked(step.question)), element('div', { class: 'choices', role: 'group', 'aria-label': 'Your prediction' }, choices), ...reveal];
  }
  function render() {
    const step = steps[at];
    show(text, ...(step.question ? ask(step) : [element('p', {}, marked(step.text))]));
    show(count, `${at + 1} of ${steps.length}`);
    back.disabled = at === 0;
    next.disabled = Boolean(step.question) && !answers.has(at);
    next.title = next.disabled ? 'Answer first' : '';
    show(next, at === steps.length - 1 ? 'Start again' : 'Next');
  }
  render();
  return {
    node, first: stateAt(0),
    update(state) {
      const wanted = Math.max(0, Math.min(steps.length - 1, state.guide));
      if (wanted === at) return;
      at = wanted;
      render();
    },
    render,
  };
}
