// A divergence policy of Turnout: some columns may differ, a warning says when many rows differ, and copies that lack a change are
// mirrored again. What each function is asked and must answer is in wit/divergence.wit.

const ATTEMPTS = 3;

let ignore = new Set();
let many = 0n;

export function describe() {
  const properties = {
    ignore: { type: 'array', items: { type: 'string' } },
    many: { type: 'integer', minimum: 0 },
  };
  return {
    name: 'tolerant',
    version: '0.1.0',
    settingsSchema: JSON.stringify({ type: 'object', properties, additionalProperties: false }),
  };
}

// What is thrown here refuses the settings: `invalid` names the place by JSON pointer, and the host finds its line.
const refuse = (pointer, reason) => {
  throw { tag: 'invalid', val: { pointer, reason } };
};

export function configure({ json }) {
  const { ignore: columns, many: rows, ...others } = JSON.parse(json);
  for (const key of Object.keys(others)) refuse(`/${key}`, `unknown key \`${key}\`; there are \`ignore\` and \`many\``);
  if (!Array.isArray(columns)) refuse('/ignore', 'ignore is a list of columns');
  if (!Number.isSafeInteger(rows) || rows < 0) refuse('/many', 'many is a whole number, 0 or more');
  ignore = new Set(columns);
  many = BigInt(rows);
}

export function compare({ columns }) {
  const differs = ({ name, old, new: other }) => old !== other && !ignore.has(name);
  return columns.flatMap((column, place) => (differs(column) ? [place] : []));
}

// A number of 64 bits is a BigInt, here and in the answer.
export function assess({ counts }) {
  const rows = counts.reduce((sum, { source, diverged }) => (source === 'baseline' ? sum : sum + diverged), 0n);
  return rows > many ? [{ kind: { tag: 'many', val: rows }, severity: 'warning' }] : [];
}

export const repair = ({ form, attempts }) => (form === 'surplus' || attempts >= ATTEMPTS ? 'call' : 'mirror');
