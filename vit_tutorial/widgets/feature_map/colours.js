/** A colour a class: Okabe and Ito's without black (still.py has the same); from the eighth class on they come again, as rings. */
export const CATEGORIES = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#56b4e9', '#cc79a7', '#f0e442'];
export const lookOf = (k) => ({ colour: CATEGORIES[k % CATEGORIES.length], ring: Math.floor(k / CATEGORIES.length) % 2 === 1 });
