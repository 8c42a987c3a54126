// A routing policy of Turnout: the listed phones have moved to the new database, everybody else is on the old one, and both
// are kept equal. What each function is asked and must answer is in wit/routing.wit.

let moved = new Set();

export function describe() {
  const phones = { type: 'array', items: { type: 'string', format: 'turnout-subject' } };
  return {
    name: 'moved',
    version: '0.1.0',
    settingsSchema: JSON.stringify({ type: 'object', properties: { moved: phones }, additionalProperties: false }),
  };
}

// What is thrown here refuses the settings: `invalid` names the place by JSON pointer, and the host finds its line.
export function configure({ json }) {
  const { moved: phones, ...others } = JSON.parse(json);
  const unknown = Object.keys(others);
  if (unknown.length > 0) {
    throw { tag: 'invalid', val: { pointer: `/${unknown[0]}`, reason: `unknown key \`${unknown[0]}\`; there is \`moved\`` } };
  }
  if (!Array.isArray(phones)) {
    throw { tag: 'invalid', val: { pointer: '/moved', reason: 'moved is a list of phones, each in quotes' } };
  }
  moved = new Set(phones);
}

export const authority = ({ subject }) => (moved.has(subject) ? 'new' : 'old');
export const span = () => 'both';
export const mirrored = () => true;
export const read = ({ target }) => ({ primary: authority(target), fallback: undefined, compare: 0 });
export const admit = () => ({ tag: 'admit' });
